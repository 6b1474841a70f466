// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"strings"
	"testing"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/localrules"
)

// TestADenialNamesThePathBesideTheRule: of many calls in a log, it must be told
// which one it was, as in a denial by Vault's policies.
func TestADenialNamesThePathBesideTheRule(t *testing.T) {
	const of, other = " is not allowed here by the local rule ", "mash-creds/roles/other"
	arguments := map[string]map[string][]string{"test.echo": {"key": {"abc*"}}}
	for name, test := range map[string]struct {
		rules              localrules.Spec
		method, path, body string
		names, rule        string
	}{
		"a role's call":            {localrules.Spec{Roles: []string{"demo"}}, "GET", other + "/proxy/v3/services?limit=1", "", other + "/proxy/v3/services", `the role "other"` + of + "roles"},
		"a role itself":            {localrules.Spec{Roles: []string{"demo"}}, "GET", other, "", other, `the role "other"` + of + "roles"},
		"what belongs to no role":  {localrules.Spec{Roles: []string{"demo"}}, "LIST", "mash-creds/roles", "", "mash-creds/roles", "which belongs to no role," + of + "roles"},
		"a verb":                   {localrules.Spec{Methods: []string{"GET"}}, "DELETE", other + "/proxy/v3/services/1%2F2", "", other + "/proxy/v3/services/1/2", "the method DELETE" + of + "methods"},
		"a verb that a path names": {localrules.Spec{Methods: []string{"POST"}}, "POST", other + "/proxy/v3-method/PUT/a", "", other + "/proxy/v3-method/PUT/a", "the method PUT" + of + "methods"},
		"a V3 path":                {localrules.Spec{V3Paths: []string{"a"}}, "GET", other + "/proxy/v3/b", "", other + "/proxy/v3/b", `the V3 path "b"` + of + "v3_paths"},
		"a V2 method in the body":  {localrules.Spec{V2Methods: []string{"a.b"}}, "POST", other + "/proxy/v2", `{"method":"test.echo"}`, other + "/proxy/v2", `the V2 method "test.echo"` + of + "v2_methods"},
		"a V2 method in the path":  {localrules.Spec{V2Methods: []string{"a.b"}}, "POST", other + "/proxy/v2/test.echo", `{}`, other + "/proxy/v2/test.echo", `the V2 method "test.echo"` + of + "v2_methods"},
		"an argument":              {localrules.Spec{V2Arguments: arguments}, "POST", other + "/proxy/v2", `{"method":"test.echo","params":{}}`, other + "/proxy/v2", `without the argument "key"` + of + "v2_arguments"},
		"a path of the engine's":   {localrules.Spec{Methods: []string{"GET"}}, "GET", other + "/v3/a", "", other + "/v3/a", "by which the engine calls Mashery itself," + of + "methods"},
		"a path of Vault's":        {localrules.Spec{VaultPaths: []string{}}, "GET", "sys/health", "", "sys/health", of + "vault_paths"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, narrowed(localRules(t, test.rules), "listener"))
			got := c.ask(test.method, "/v1/"+test.path, test.body)
			c.wantError(got, 403, apierror.PolicyDenied, "mashproxy", test.rule+" of here (proxy.hcl:7)")
			if strings.Count(got.body, `\"`+test.names+`\"`) != 1 {
				t.Errorf("the path %s is not named once: %s", test.names, got.body)
			}
		})
	}
}
