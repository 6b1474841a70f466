// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"regexp"
	"strings"
	"testing"
)

func TestGlobsMatchAsInVaultsPolicies(t *testing.T) {
	for _, test := range []struct {
		pattern  string
		yes, not []string
	}{
		{"services", []string{"services"}, []string{"", "service", "services/", "services/a", "a/services", "Services"}},
		{"services*", []string{"services", "services/", "services/a/b", "servicesX"}, []string{"service", "a/services"}},
		{"services/*", []string{"services/", "services/a", "services/a/b"}, []string{"services", "servicesX"}},
		{"*", []string{"", "a", "a/b"}, nil},
		{"+", []string{"a", "a.b"}, []string{"", "a/", "a/b", "/a"}},
		{"services/+", []string{"services/a", "services/+"}, []string{"services", "services/", "services/a/", "services/a/b", "x/a"}},
		{"services/+/endpoints", []string{"services/a/endpoints"}, []string{"services//endpoints", "services/a/b/endpoints", "services/a/endpoints/b", "services/a/endpointsX", "services/a"}},
		{"services/+/end*", []string{"services/a/end", "services/a/endpoints/b/c"}, []string{"services/a/en", "services/a/b/end", "services//end"}},
		{"services/+/*", []string{"services/a/", "services/a/b/c"}, []string{"services/a", "services//b"}},
		{"+/keys/+", []string{"a/keys/b"}, []string{"keys/b", "a/keys", "a/key/b", "a/b/keys/c"}},
		{"a+b", []string{"a+b"}, []string{"axb", "a/b", "ab"}},
		{"a/b+", []string{"a/b+"}, []string{"a/bx"}},
		{"a/+b/c", []string{"a/+b/c"}, []string{"a/xb/c"}},
		{"roles/", []string{"roles/"}, []string{"roles", "roles/a"}},
	} {
		g := pathGlob(test.pattern)
		for _, text := range test.yes {
			if !g.matches(text) {
				t.Errorf("%q does not match %q", test.pattern, text)
			}
		}
		for _, text := range test.not {
			if g.matches(text) {
				t.Errorf("%q matches %q", test.pattern, text)
			}
		}
	}
}

func TestInValuesThePlusIsAPlus(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"+", "a", false}, {"+", "+", true}, {"a/+", "a/b", false}, {"a/+*", "a/+b", true}, {"abc*", "abc", true}, {"abc*", "ab", false},
	} {
		if got := valueGlob(test.pattern).matches(test.text); got != test.want {
			t.Errorf("%q and %q: got %v", test.pattern, test.text, got)
		}
	}
}

// FuzzGlob holds the matching against a regular expression made of the pattern.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"a/+/b*", "a/x/bc/d"}, {"+", ""}, {"*", "/"}, {"a+b/+", "a+b/c"}, {"+/+/*", "a//b"}, {"a/+", "a/"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		text = strings.ToValidUTF8(text, "")
		pattern = strings.ToValidUTF8(pattern, "")
		if strings.HasSuffix(pattern, "+*") || strings.Contains(strings.TrimSuffix(pattern, "*"), "*") {
			return // refused by New
		}
		if got, want := pathGlob(pattern).matches(text), expression(pattern).MatchString(text); got != want {
			t.Errorf("%q and %q: got %v, want %v", pattern, text, got, want)
		}
	})
}

func expression(pattern string) *regexp.Regexp {
	text, prefix := strings.CutSuffix(pattern, "*")
	parts := strings.Split(text, "/")
	for i, part := range parts {
		if parts[i] = regexp.QuoteMeta(part); part == "+" {
			parts[i] = `[^/]+`
		}
	}
	rest := ""
	if prefix {
		rest = `(?s:.*)`
	}
	return regexp.MustCompile(`^` + strings.Join(parts, "/") + rest + `\z`)
}
