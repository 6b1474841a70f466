// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"strings"
	"testing"
)

func TestAPathWithOneReadingHasNoFlaw(t *testing.T) {
	for _, path := range []string{
		"", "/", "services", "/services/1/endpoints/", "/a/.../..b/c..", "/a;b/c", "/DOM\\user", "/100%", "/a%zz%2", "/a%2Cb%2fc", "/café", "/\xc0\xc1\xe0rea\xff",
	} {
		if flaw := PathFlaw(path); flaw != "" {
			t.Errorf("%q: %s", path, flaw)
		}
	}
}

func TestAPathThatServersReadDifferentlyHasAFlaw(t *testing.T) {
	for flaw, segments := range map[string][]string{
		`the segment "."`:  {".", "%2e", "%2E"},
		`the segment ".."`: {"..", "%2e.", "a/%2e%2e", "..%2f.."},
		"the segment":      {"..;", ".;x=y", "%2e%2e;x", "..%3bx", `..\x`, "x%5c..", "..%20", " .;", "..%3f", ".%23x", "%2e.%3fx", "..?#"},
		"an empty segment": {"", "%2f", "a%2f%2Fb", "a%2f"},
		"a character in more bytes than UTF-8 has for it": {"%c0%ae", "%C0%AF", "%c1%9c", "%e0%80%ae", "%F0%80%80%AE", "\xc0\xae"},
		"a control character":                             {"\x00", "a%0d%0ab", "%7f", "%C2%85"},
	} {
		for _, segment := range segments {
			for _, path := range []string{"/" + segment + "/b", "/a/" + segment + "/b", "a/" + segment + "/b/"} {
				if got := PathFlaw(path); !strings.HasPrefix(got, flaw) {
					t.Errorf("%q: got %q, want %q", path, got, flaw)
				}
			}
		}
	}
}
