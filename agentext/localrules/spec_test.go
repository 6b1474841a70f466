// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWhatCanMatchNothingIsAProblem(t *testing.T) {
	for name, test := range map[string]struct {
		spec         Spec
		text, advice string
	}{
		"an empty pattern":              {Spec{Roles: []string{""}}, `roles: "" matches nothing`, "write an empty list: []"},
		"a star in front":               {Spec{Roles: []string{"*-billing"}}, `roles: "*-billing" matches nothing`, `"*" stands at the end only`},
		"a star in the middle":          {Spec{V3Paths: []string{"services/*/endpoints"}}, `v3_paths: "services/*/endpoints" matches nothing`, `"*" stands at the end only`},
		"a plus with a star":            {Spec{VaultPaths: []string{"secret/+*"}}, `vault_paths: "secret/+*" matches nothing`, "forbidden in Vault's policies too"},
		"a role with its path":          {Spec{Roles: []string{"roles/billing"}}, `roles: "roles/billing" matches nothing`, "name the role alone"},
		"a role with a space":           {Spec{Roles: []string{"a b"}}, `roles: "a b" matches nothing`, "letters, digits"},
		"a role that ends in a hyphen":  {Spec{Roles: []string{"a-"}}, `roles: "a-" matches nothing`, "letters, digits"},
		"a role that begins with one":   {Spec{Roles: []string{"-a*"}}, `roles: "-a*" matches nothing`, "letters, digits"},
		"a verb nobody sends":           {Spec{Methods: []string{"PATCH"}}, `methods: "PATCH" matches nothing`, "Mashery is called with GET, HEAD, LIST, POST, PUT and DELETE"},
		"Vault's path of a V3 path":     {Spec{V3Paths: []string{"proxy/v3/services"}}, `v3_paths: "proxy/v3/services" matches nothing`, "what follows proxy/v3/"},
		"a request's path of a V3 path": {Spec{V3Paths: []string{"/v1/mash-creds/roles/demo/proxy/v3/services"}}, `v3_paths: "v1/mash-creds/roles/demo/proxy/v3/services" matches nothing`, "what follows proxy/v3/"},
		"a policy's path of a V3 path":  {Spec{V3Paths: []string{"mash-creds/roles/+/proxy/v3-method/put/*"}}, `v3_paths: "mash-creds/roles/+/proxy/v3-method/put/*" matches nothing`, "what follows proxy/v3/"},
		"a V3 path with a query":        {Spec{V3Paths: []string{"services?limit=5"}}, `v3_paths: "services?limit=5" matches nothing`, "without query"},
		"a V3 path with an escape":      {Spec{V3Paths: []string{"a%20b"}}, `v3_paths: "a%20b" matches nothing`, "without query and escapes"},
		"a V3 path that climbs":         {Spec{V3Paths: []string{"services/../x"}}, `v3_paths: "services/../x" matches nothing`, `".."`},
		"a V3 path with an empty part":  {Spec{V3Paths: []string{"//services"}}, `v3_paths: "/services" matches nothing`, "no empty segment"},
		"a V2 method with a space":      {Spec{V2Methods: []string{"object query"}}, `v2_methods: "object query" matches nothing`, `"object.query"`},
		"a method of arguments":         {Spec{V2Arguments: map[string]map[string][]string{"*.create": {}}}, `v2_arguments: "*.create" matches nothing`, `"*" stands at the end only`},
		"a value with a star in front":  {Spec{V2Arguments: map[string]map[string][]string{"a.b": {"c": {"ok", "*hunter2"}}}}, `v2_arguments: value 2 of "c" matches nothing`, `"*" stands at the end only`},
		"an argument that is a place":   {Spec{V2Arguments: map[string]map[string][]string{"a.b": {"c": {"ok"}, "5": {"x"}}}}, `v2_arguments: "5" names no argument`, "Write the argument's name"},
		"an argument without a name":    {Spec{V2Arguments: map[string]map[string][]string{"a.b": {"": {"x"}}}}, `v2_arguments: "" names no argument`, "Write the argument's name"},
		"an argument in two spellings":  {Spec{V2Arguments: map[string]map[string][]string{"a.b": {"service_key": {"a"}, "SERVICE_KEY": {"b"}}}}, `v2_arguments: "service_key" is limited in two spellings`, "Keep the one that Mashery documents"},
		"a path of Vault's as a URL":    {Spec{VaultPaths: []string{"/v1/sys/health"}}, `vault_paths: "v1/sys/health" matches nothing`, "without /v1/"},
	} {
		test.spec.Place = func(key string) string { return key }
		r, problems := New(test.spec)
		if r != nil || len(problems) != 1 || problems[0].Text != test.text || !strings.Contains(problems[0].Advice, test.advice) {
			t.Errorf("%s: got %v, %v", name, r, problems)
		}
		if strings.Contains(fmt.Sprint(problems), "hunter2") {
			t.Errorf("%s: a value is repeated: %v", name, problems)
		}
	}
}

func TestAllProblemsAreTold(t *testing.T) {
	_, problems := New(Spec{
		Roles: []string{"a/b", "ok", "*c"}, Methods: []string{"x"}, V2Arguments: map[string]map[string][]string{"b c": {"d": {"*e"}}},
		Place: func(key string) string { return key },
	})
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	if want := []string{"roles", "roles", "methods", "v2_arguments", "v2_arguments"}; !slices.Equal(keys, want) {
		t.Errorf("got %v, want %v", keys, want)
	}
}

func TestPatternsThatCanMatchAreTaken(t *testing.T) {
	made(t, Spec{
		Roles: []string{"*", "+", "a", "a.b", "a-*", "a*"}, Methods: []string{"get", "P*", "*", "+", "List"},
		V3Paths: []string{"/services/", "services/+/endpoints/*", "*", "+", "proxy", "a/v1/b"}, V2Methods: []string{"*", "object.*", "+"},
		VaultPaths:  []string{"mash/*", "*", "mash/roles/", "+/roles/+", "/mash/config", "sys/health"},
		V2Arguments: map[string]map[string][]string{"*": {"c": {"", "*", "+", "a+*"}, "c5": {"a"}, "d": {"a"}}, "a.b": {"C": {"a"}}},
	})
}
