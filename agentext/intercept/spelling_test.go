// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mashproxy/agentext/localrules"
	"mashproxy/mashery"
)

// pieces are what generated paths are made of: the names that mean something,
// and what might hide them.
var pieces = []string{
	"mash", "team", "roles", "demo", "other", "proxy", "v2", "v3", "v3-method", "GET", "put", "services", "1", "endpoints", "members",
	"grant", "check", "config", "sys", "health", "ui", "test.echo", "%64emo", "de%6Do", "oth%65r", "roles%2Fother", "services%2F1", "1%252Fmembers",
	"1;a", ";", "%3B", "..", "%2e%2e", ".", "", "a%5Cb", "%3F", "1%23", "x;target-method-delete", "1;target-method-put", "services;target-method-get", "+", "*", "%2B",
}

var generatedPath = rapid.Custom(func(t *rapid.T) string {
	begin := rapid.SampledFrom([]string{
		"/v1/mash/roles/demo/proxy/v3/", "/v1/mash/roles/demo/proxy/v3/services/", "/v1/mash/roles/demo/", "/v1/mash/roles/", "/v1/mash/",
		"/v1/mash/roles/demo/proxy/v3-method/", "/v1/team/mash/", "/v1/", "/",
	}).Draw(t, "begin")
	rest := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, "pieces")
	query := rapid.SampledFrom([]string{"", "", "", "?list=true", "?list=1&list=false", "?limit=1"}).Draw(t, "query")
	return begin + strings.Join(rest, "/") + query
})

// TestLocalRulesHoldForEverySpelling tells in another way what a server makes of
// a request that is let through: none may be outside of the rules.
func TestLocalRulesHoldForEverySpelling(t *testing.T) {
	c := settings(block("mash"))
	c.LocalRules.Listeners = of(localRules(t, localrules.Spec{
		Roles: []string{"demo"}, Methods: []string{"GET", "POST"}, V3Paths: []string{"services/+", "services/+/endpoints/*"},
		VaultPaths: []string{"mash/roles/+", "mash/roles/+/v3/*", "sys/health", "secret/*"},
	}))
	h, l := New(c), &Listener{}
	counts := map[string]int{}
	one := func(t *rapid.T) {
		method := rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE", "LIST", "HEAD", "get", "list"}).Draw(t, "method")
		text := method + " " + generatedPath.Draw(t, "path")
		if rapid.IntRange(0, 4).Draw(t, "namespaced") == 0 {
			text += "\nX-Vault-Namespace: " + rapid.SampledFrom([]string{"team", "sys", "secret", "mash/roles", "root"}).Draw(t, "namespace")
		}
		r, err := readRequest(text)
		if err != nil {
			return
		}
		call, refusal := h.read(l, r)
		if refusal == nil && call != nil {
			refusal = call.narrow(r, nil)
		}
		switch {
		case refusal != nil:
			counts["refused"]++
		case call == nil:
			counts["passed on"]++
			outsideAtVault(t, text, r)
		default:
			counts["called"]++
			outsideAtMashery(t, text, call)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 50 { // few of them are let through
			one(t)
		}
	})
	if min(counts["refused"], counts["passed on"], counts["called"]) == 0 {
		t.Errorf("the paths prove nothing: %v", counts)
	}
}

var (
	vaultAllowed = regexp.MustCompile(`^(mash/roles/demo|sys/health|secret/.*)$`)
	uiAllowed    = regexp.MustCompile(`^(mash/roles/[^/]+(/v3/.*)?|sys/health|secret/.*)$`) // no API, so no role
	v3Allowed    = regexp.MustCompile(`^services/[^/]+(/endpoints/.+)?/?$`)
)

// outsideAtVault: Vault's client cleans the path and decodes it once, and Vault
// heeds the namespace or not.
func outsideAtVault(t *rapid.T, text string, r *http.Request) {
	sent := path.Join("/", r.URL.Path)
	below, isAPI := strings.CutPrefix(sent, "/v1/")
	if !isAPI {
		if !strings.HasPrefix(sent, "/proxy/v1/") && !uiAllowed.MatchString(strings.Trim(sent, "/")) {
			t.Fatalf("%q reaches %s", text, sent)
		}
		return
	}
	namespaced := strings.TrimPrefix(path.Join("/", strings.TrimPrefix(r.Header.Get("X-Vault-Namespace"), "root"), below), "/")
	for _, routed := range []string{below, namespaced} {
		if !vaultAllowed.MatchString(routed) {
			t.Fatalf("%q reaches Vault's %s", text, routed)
		}
	}
}

// outsideAtMashery: nobody knows how often Mashery decodes a path, and what it
// makes of parameters in one.
func outsideAtMashery(t *rapid.T, text string, c *route) {
	if c.role != "demo" || c.verb != http.MethodGet && c.verb != http.MethodPost || c.api == mashery.V2 && c.outer != http.MethodPost {
		t.Fatalf("%q calls as %s with %s", text, c.role, c.verb)
	}
	if c.api == mashery.V2 {
		return
	}
	for tail, decoded := c.tail, ""; ; tail = decoded {
		for _, reading := range []string{
			tail, strings.ReplaceAll(tail, `\`, "/"), before(tail, ";"), before(tail, "?"), before(tail, "#"),
			regexp.MustCompile(`;[^/]*`).ReplaceAllString(tail, ""), path.Join(tail),
		} {
			if !v3Allowed.MatchString(reading) && !v3Allowed.MatchString(decode1(reading)) {
				t.Fatalf("%q reaches Mashery's %q, read as %q", text, c.tail, reading)
			}
		}
		if decoded = decode1(tail); decoded == tail {
			return
		}
	}
}

func decode1(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

func before(text, mark string) string {
	text, _, _ = strings.Cut(text, mark)
	return text
}
