// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The "+" rules of the benchmarks, ten each, below the mount.
var (
	// usualRules are those of a policy that somebody might write.
	usualRules = []string{
		"mash-creds/roles/+/proxy/v2", "mash-creds/roles/+/proxy/v3*", "mash-creds/roles/+/proxy/v3-method/*",
		"mash-creds/roles/+/proxy/v3/members*", "mash-creds/roles/+/proxy/v3/packages/*",
		"mash-creds/roles/+/proxy/v3/services/+/endpoints",
		"mash-creds/roles/+/proxy/v3/applications/+", "mash-creds/roles/+/proxy/v3/roles/+",
		"mash-creds/roles/+/proxy/v3/domains/+", "mash-creds/roles/+/proxy/v3/plans/+",
	}
	// equalRules all match proxy/v3/services/<id>/endpoints/<id>.
	equalRules = []string{
		"mash-creds/roles/+/proxy/v3/services/+/endpoints/+", "mash-creds/roles/+/proxy/v3/services/+/endpoints/*",
		"mash-creds/roles/+/proxy/v3/services/+/*", "mash-creds/roles/+/proxy/v3/services/*",
		"mash-creds/roles/+/proxy/v3/*", "mash-creds/roles/+/proxy/*", "mash-creds/roles/+/proxy/+/services/+/endpoints/+",
		"mash-creds/roles/+/proxy/+/services/*", "mash-creds/roles/+/+/+/+/+/+/+", "+/roles/+/proxy/*",
	}
)

// manyRules has a thousand rules elsewhere, these below the mount, with
// parameters those that hold this text ("-none-" for none), and one for the grant.
func manyRules(b *testing.B, below []string, parametersOf string) *Rules {
	b.Helper()
	allowed := map[string]any{"capabilities": []string{"create", "read", "update", "delete", "list"}}
	withParameters := map[string]any{
		"capabilities":       []string{"update", "read"},
		"denied_parameters":  map[string]any{"qpsLimitOverall": []string{}},
		"allowed_parameters": map[string]any{"name": []string{"a*"}, "*": []string{}},
	}
	exactPaths, globPaths := map[string]any{}, map[string]any{}
	for i := range 500 {
		exactPaths[fmt.Sprintf("secret/data/team-%d/app", i)] = allowed
		globPaths[fmt.Sprintf("kv/team-%d/", i)] = allowed
	}
	for _, path := range below {
		globPaths[path] = allowed
		if strings.Contains(path, parametersOf) {
			globPaths[path] = withParameters
		}
	}
	globPaths["mash-creds/roles/+/grant"] = allowed
	answer := answerOf(b, jsonOf(b, map[string]any{
		"root": false, "chroot_namespace": "", "exact_paths": exactPaths, "glob_paths": globPaths,
	}))
	rules := newRules(answer, []Mount{{Path: demoMount}}, "")
	if rules.cause != "" || len(rules.calls.byPath) != 10 {
		b.Fatalf("%s %s, %d rules", rules.cause, rules.detail, len(rules.calls.byPath))
	}
	return rules
}

// BenchmarkDecide asks again and again, as an application does.
func BenchmarkDecide(b *testing.B) {
	const list = "filter=name:a%2Cb&fields=id,name&limit=100"
	const endpoint = "proxy/v3/services/1/endpoints/2"
	body := `{"name":"abc","description":"` + strings.Repeat("x", 200) + `"}`
	calls := map[string]struct {
		rules        []string
		parametersOf string
		req          Request
		body         string
	}{
		"a list":                              {usualRules, "-none-", Request{Method: http.MethodGet, Path: "proxy/v3/services", RawQuery: list}, ""},
		"a deep read":                         {usualRules, "-none-", Request{Method: http.MethodGet, Path: endpoint + "/methods"}, ""},
		"a V2 call":                           {usualRules, "-none-", Request{Method: http.MethodPost, Path: "proxy/v2"}, body},
		"a verb in the path":                  {usualRules, "-none-", Request{Method: http.MethodPost, Verb: http.MethodDelete, Path: "proxy/v3-method/delete/services/1"}, ""},
		"parameters elsewhere":                {usualRules, "members", Request{Method: http.MethodGet, Path: "proxy/v3/services", RawQuery: list}, ""},
		"parameters, of a small body":         {usualRules, "members", Request{Method: http.MethodPost, Path: "proxy/v3/members"}, body},
		"parameters, of a small query":        {usualRules, "members", Request{Method: http.MethodGet, Path: "proxy/v3/members", RawQuery: "name=a"}, ""},
		"all ten match":                       {equalRules, "-none-", Request{Method: http.MethodGet, Path: endpoint, RawQuery: list}, ""},
		"all ten match and have parameters":   {equalRules, "roles", Request{Method: http.MethodGet, Path: endpoint, RawQuery: "name=a"}, ""},
		"all ten match, with a body to write": {equalRules, "-none-", Request{Method: http.MethodPut, Path: endpoint}, body},
	}
	for name, call := range calls {
		b.Run(name, func(b *testing.B) {
			rules := manyRules(b, call.rules, call.parametersOf)
			req := call.req
			req.Mount, req.Role = Mount{Path: demoMount}, "demo"
			req.Header = http.Header{"Content-Type": {"application/json"}}
			b.ReportAllocs()
			for b.Loop() {
				if call.body != "" {
					req.Body = NewBody(strings.NewReader(call.body))
				}
				if decision := rules.Decide(&req); decision.Verdict != Allowed {
					b.Fatal(decision)
				}
			}
		})
	}
}

// BenchmarkDecideEveryPathOnce asks for more paths than answers are kept, so
// that Vault's code runs every time.
func BenchmarkDecideEveryPathOnce(b *testing.B) {
	paths := make([]string, 100*memoSlots)
	for i := range paths {
		paths[i] = fmt.Sprintf("proxy/v3/services/%d/endpoints/%d", i, i)
	}
	for name, below := range map[string][]string{"usual rules": usualRules, "all ten match": equalRules} {
		b.Run(name, func(b *testing.B) {
			rules := manyRules(b, below, "-none-")
			req := Request{Method: http.MethodGet, Mount: Mount{Path: demoMount}, Role: "demo"}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				req.Path = paths[i%len(paths)]
				if decision := rules.Decide(&req); decision.Verdict != Allowed {
					b.Fatal(decision)
				}
			}
		})
	}
}
