// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestATargetIsReadAsItWasWrittenAndAsVaultReadsIt(t *testing.T) {
	tests := map[string]struct{ target, raw, decoded string }{
		"a plain path":              {"/v1/a/b", "/v1/a/b", "/v1/a/b"},
		"the root":                  {"/", "/", "/"},
		"one slash at the end":      {"/v1/a/", "/v1/a/", "/v1/a/"},
		"a query is no part of it":  {"/v1/a?b=/../c", "/v1/a", "/v1/a"},
		"escapes":                   {"/v1/a%2Cb%2fc", "/v1/a%2Cb%2fc", "/v1/a,b/c"},
		"an escaped percent":        {"/v1/100%25", "/v1/100%25", "/v1/100%"},
		"an escape of an escape":    {"/v1/a%252Cb", "/v1/a%252Cb", "/v1/a%2Cb"},
		"a half escape, escaped":    {"/v1/a%25zz%252", "/v1/a%25zz%252", "/v1/a%zz%2"},
		"dots that are a name":      {"/v1/a/.../..b/c..", "/v1/a/.../..b/c..", "/v1/a/.../..b/c.."},
		"a semicolon":               {"/v1/a;b/c", "/v1/a;b/c", "/v1/a;b/c"},
		"text that is not ASCII":    {"/v1/caf%C3%A9", "/v1/caf%C3%A9", "/v1/café"},
		"text that is not UTF-8":    {"/v1/%C0%C1%E0rea%FF", "/v1/%C0%C1%E0rea%FF", "/v1/\xc0\xc1\xe0rea\xff"},
		"a backslash within a name": {`/v1/DOM\user`, `/v1/DOM\user`, `/v1/DOM\user`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readTarget(request(t, "GET "+test.target))
			if want := (target{test.raw, test.decoded}); err != nil || got != want {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		})
	}
}

// TestAPathWithTwoReadingsIsRefused tries every flaw in every place of paths
// that are served here, forwarded, and none of Vault's.
func TestAPathWithTwoReadingsIsRefused(t *testing.T) {
	flaws := map[string][]string{
		`the segment "."`:     {".", "%2e", "%2E", "%252e", "%25%32%65"},
		`the segment ".."`:    {"..", "%2e.", ".%2E", "%2e%2e", "%252e%252e", "..%252f..", ".%2e%2f.."},
		"the segment":         {"..;", ".;x=y", "..;target-method-put", "%2e%2e;x", "..%3bx", "..%253bx", `..\x`, "x%5c..", "x%255C..", "..%20", "%20.;"},
		"an empty segment":    {"", "%2f", "a%2f%2Fb", "a%252f", "%252fa"},
		"a character in more": {"%c0%ae", "%C0%AF", "%c1%9c", "%e0%80%ae", "%F0%80%80%AE", "%25c0%25ae", "\xc0\xae"},
		"a control character": {"%00", "a%0d%0ab", "%7f", "%2500", "%C2%85", "%25C2%2585"},
	}
	paths := []string{
		"/v1/mash-creds/roles/demo/proxy/v3/services/1/endpoints",
		"/v1/mash-creds/roles/demo/proxy/v3-method/get/services/1",
		"/v1/mash-creds/roles/demo/proxy/v2",
		"/v1/secret/data/app",
		"/ui/vault",
	}
	h := recogniser(block("mash-creds"))
	for flaw, spellings := range flaws {
		for _, spelling := range spellings {
			for _, path := range paths {
				parts := strings.Split(path, "/")
				for i := 1; i <= len(parts); i++ {
					if spelling == "" && i == len(parts) {
						continue // one slash at the end is allowed
					}
					written := strings.Join(parts[:i], "/") + "/" + spelling + "/" + strings.Join(parts[i:], "/")
					got := outcome(h, request(t, "GET "+written))
					if !strings.HasPrefix(got, refused+"the path holds "+flaw) {
						t.Errorf("%s: %s; want %q", written, got, flaw)
					}
				}
			}
		}
	}
}

func TestATargetThatIsNoPathIsRefused(t *testing.T) {
	tests := map[string]struct{ request, want string }{
		"an absolute form":             {"GET http://elsewhere/v1/mash-creds/roles/demo/proxy/v3/services", `begins with "/"`},
		"an absolute form of a socket": {"GET unix:///v1/secret/a", `begins with "/"`},
		"a host, for CONNECT":          {"CONNECT api.mashery.com:443", `begins with "/"`},
		"the asterisk of OPTIONS":      {"OPTIONS *", `begins with "/"`},
		"two slashes, as for a host":   {"GET //elsewhere/v1/secret/a", "an empty segment"},
		"a fragment":                   {"GET /v1/mash-creds/roles/demo/proxy/v3/members/1#2", "%23"},
		"a fragment in the query":      {"GET /v1/secret/a?b=c#d", "%23"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := outcome(recogniser(block("mash-creds")), request(t, test.request))
			if !strings.HasPrefix(got, refused) || !strings.Contains(got, test.want) {
				t.Errorf("got %s", got)
			}
		})
	}
	if _, err := readTarget(&http.Request{URL: &url.URL{}}); err == nil {
		t.Error("a request without a target is read")
	}
}
