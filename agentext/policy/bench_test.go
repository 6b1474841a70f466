// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// manyRules has a thousand rules elsewhere and ten "+" rules below the mount.
func manyRules(b *testing.B, parameters bool) *Rules {
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
	for _, api := range []string{"proxy/v2", "proxy/v3*", "grant", "proxy/v3-method/*"} {
		globPaths["mash-creds/roles/+/"+api] = allowed
	}
	globPaths["mash-creds/roles/+/proxy/v3/members*"] = withParameters
	globPaths["mash-creds/roles/+/proxy/v3/packages/*"] = allowed
	globPaths["mash-creds/roles/+/proxy/v3/services/+/endpoints"] = allowed
	for _, object := range []string{"applications", "roles", "domains", "plans"} {
		globPaths["mash-creds/roles/+/proxy/v3/"+object+"/+"] = allowed
	}
	if !parameters {
		globPaths["mash-creds/roles/+/proxy/v3/members*"] = allowed
	}
	answer := answerOf(b, jsonOf(b, map[string]any{
		"root": false, "chroot_namespace": "", "exact_paths": exactPaths, "glob_paths": globPaths,
	}))
	rules := newRules(answer, []Mount{{Path: demoMount}}, "")
	if rules.cause != "" || len(rules.calls.byPath) != 10 {
		b.Fatalf("%s %s, %d rules", rules.cause, rules.detail, len(rules.calls.byPath))
	}
	return rules
}

func BenchmarkDecide(b *testing.B) {
	const list = "filter=name:a%2Cb&fields=id,name&limit=100"
	body := `{"name":"abc","description":"` + strings.Repeat("x", 200) + `"}`
	calls := map[string]struct {
		parameters bool
		req        Request
		body       string
	}{
		"a list":                       {false, Request{Method: http.MethodGet, Path: "proxy/v3/services", RawQuery: list}, ""},
		"a deep read":                  {false, Request{Method: http.MethodGet, Path: "proxy/v3/services/1/endpoints/2/methods"}, ""},
		"a V2 call":                    {false, Request{Method: http.MethodPost, Path: "proxy/v2"}, body},
		"a verb in the path":           {false, Request{Method: http.MethodPost, Verb: http.MethodDelete, Path: "proxy/v3-method/delete/services/1"}, ""},
		"parameters elsewhere":         {true, Request{Method: http.MethodGet, Path: "proxy/v3/services", RawQuery: list}, ""},
		"parameters, of a small body":  {true, Request{Method: http.MethodPost, Path: "proxy/v3/members"}, body},
		"parameters, of a small query": {true, Request{Method: http.MethodGet, Path: "proxy/v3/members", RawQuery: "name=a"}, ""},
	}
	for name, call := range calls {
		b.Run(name, func(b *testing.B) {
			rules := manyRules(b, call.parameters)
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
