// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"errors"
	"strings"
	"testing"
)

// made are the rules of a spec that has no problem.
func made(t testing.TB, s Spec) *Rules {
	t.Helper()
	if s.Place == nil {
		s.Place = func(key string) string { return "the place of " + key }
	}
	r, problems := New(s)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	return r
}

func TestNothingIsNarrowedWithoutRules(t *testing.T) {
	everything := func(r *Rules) error {
		return errors.Join(r.Role("x"), r.BesideRoles("mash/config"), r.Method("DELETE", false), r.V3Path("a;b%2f", "a;b/"), r.V2("x y", nil), r.VaultPath("sys/raw", true))
	}
	if r := made(t, Spec{V2Arguments: map[string]map[string][]string{}}); r != nil {
		t.Errorf("rules that narrow nothing are %+v, not nil", r)
	}
	if err := everything(nil); err != nil {
		t.Error(err)
	}
	if (*Rules)(nil).LimitsCalls() || (*Rules)(nil).LimitsV2() {
		t.Error("no rules limit calls")
	}
}

func TestAKeySpeaksOfItsOwnAndAnEmptyListAllowsNothing(t *testing.T) {
	asks := map[string]func(*Rules) error{
		keyRoles:      func(r *Rules) error { return r.Role("x") },
		keyMethods:    func(r *Rules) error { return r.Method("GET", true) },
		keyV3Paths:    func(r *Rules) error { return r.V3Path("a", "a") },
		keyV2Methods:  func(r *Rules) error { return r.V2("a.b", map[string]any{}) },
		keyVaultPaths: func(r *Rules) error { return r.VaultPath("a", true) },
	}
	for key, spec := range map[string]Spec{
		keyRoles: {Roles: []string{}}, keyMethods: {Methods: []string{}}, keyV3Paths: {V3Paths: []string{}},
		keyV2Methods: {V2Methods: []string{}}, keyVaultPaths: {VaultPaths: []string{}},
	} {
		r := made(t, spec)
		for asked, ask := range asks {
			if err := ask(r); (err != nil) != (asked == key) {
				t.Errorf("%s = []: of %s, got %v", key, asked, err)
			}
		}
	}
}

// verdict is "" for what is allowed, otherwise the text of the refusal.
func verdict(err error) string {
	var denied *Denied
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &denied):
		return "not a Denied: " + err.Error()
	}
	return err.Error()
}

func TestWhatTheRulesAllow(t *testing.T) {
	r := made(t, Spec{
		Roles: []string{"billing-*", "ops"}, Methods: []string{"get", "POST"},
		V3Paths: []string{"/services/*", "packages/+/plans", "a b", "roles/"}, V2Methods: []string{"object.query", "oauth2.*"},
		VaultPaths: []string{"/mash-creds/roles/+", "secret/metadata/team/", "sys/health"},
	})
	for name, test := range map[string]struct {
		err  error
		want string // part of the refusal; "": allowed
	}{
		"a role by its glob":                   {r.Role("billing-eu"), ""},
		"a role by its name":                   {r.Role("ops"), ""},
		"another role":                         {r.Role("opsx"), `the role "opsx" is not allowed here by the local rule roles of the place of roles`},
		"a role in other letters":              {r.Role("Billing-eu"), `the role "Billing-eu" is not allowed`},
		"what belongs to no role":              {r.BesideRoles("mash-creds/config"), `"mash-creds/config", which belongs to no role, is not allowed here by the local rule roles`},
		"a verb, written in small letters":     {r.Method("GET", false), ""},
		"a list where GET is named":            {r.Method("LIST", true), ""},
		"a HEAD where only GET is named":       {r.Method("HEAD", false), `the method HEAD is not allowed here by the local rule methods`},
		"a verb that is not named":             {r.Method("DELETE", false), `the method DELETE is not`},
		"a V3 path below a prefix":             {r.V3Path("services/a/endpoints", "services/a/endpoints"), ""},
		"a V3 path with one segment in it":     {r.V3Path("packages/a/plans", "packages/a/plans"), ""},
		"a V3 path with two segments in it":    {r.V3Path("packages/a/b/plans", "packages/a/b/plans"), `the V3 path "packages/a/b/plans" is not allowed here by the local rule v3_paths`},
		"a collection, with a slash":           {r.V3Path("services/", "services/"), `the V3 path "services/" is not`},
		"a path that is named, with a slash":   {r.V3Path("packages/a/plans/", "packages/a/plans/"), ""},
		"a path that is named with a slash":    {r.V3Path("roles", "roles"), ""},
		"a V3 path that is escaped":            {r.V3Path("a%20b", "a b"), ""},
		"a V3 path one character too long":     {r.V3Path("packages/a/plansX", "packages/a/plansX"), "the V3 path"},
		"a V3 path with a parameter in it":     {r.V3Path("services/a;x", "services/a;x"), "not every server reads alike"},
		"a V3 path with an escaped slash":      {r.V3Path("services%2Fa", "services/a"), "not every server reads alike"},
		"a V3 path escaped twice":              {r.V3Path("services/a%252Fb", "services/a%2Fb"), "not every server reads alike"},
		"a V3 path with a backslash":           {r.V3Path(`services/a\b`, `services/a\b`), "not every server reads alike"},
		"a V3 path with an escaped query":      {r.V3Path("services/a%3Fb", "services/a?b"), "not every server reads alike"},
		"a V2 method by its name":              {r.V2("object.query", nil), ""},
		"a V2 method by its glob":              {r.V2("oauth2.fetchApplication", []any{}), ""},
		"a V2 method that is not named":        {r.V2("member.fetch", nil), `the V2 method "member.fetch" is not allowed here by the local rule v2_methods`},
		"a V2 method in other letters":         {r.V2("Object.query", nil), "the V2 method"},
		"a V2 method with a strange letter":    {r.V2("oauth2.fetch\u0000", nil), "not spelt like one"},
		"no V2 method":                         {r.V2("", nil), `the V2 method ""`},
		"a path of Vault's":                    {r.VaultPath("mash-creds/roles/x", false), ""},
		"a path of Vault's below an exact one": {r.VaultPath("sys/health/x", false), `the path "sys/health/x" is not allowed here by the local rule vault_paths`},
		"a list that is named with its slash":  {r.VaultPath("secret/metadata/team", true), ""},
		"a read where the list is named":       {r.VaultPath("secret/metadata/team", false), "the path"},
		"a list where one segment is named":    {r.VaultPath("mash-creds/roles", true), "the path"},
	} {
		if got := verdict(test.err); !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestAListNeedsListOrGet(t *testing.T) {
	for method, want := range map[string][2]bool{"LIST": {true, false}, "GET": {true, true}, "POST": {false, false}, "*": {true, true}} {
		r := made(t, Spec{Methods: []string{method}})
		if got := [2]bool{r.Method("GET", true) == nil, r.Method("GET", false) == nil}; got != want {
			t.Errorf("methods = [%q]: a GET for a list and a plain GET: got %v, want %v", method, got, want)
		}
	}
}

func TestEveryRoleIsAllRolesAndTheRest(t *testing.T) {
	r := made(t, Spec{Roles: []string{"*"}})
	if err := errors.Join(r.Role("x"), r.BesideRoles("mash/roles")); err != nil {
		t.Error(err)
	}
}

func TestCallsThatCannotBeJudgedAreNamedAfterAKeyThatLimits(t *testing.T) {
	for key, spec := range map[string]Spec{
		keyMethods: {Methods: []string{"GET"}}, keyV3Paths: {V3Paths: []string{"a"}}, keyV2Methods: {V2Methods: []string{"a.b"}},
		keyV2Arguments: {V2Arguments: map[string]map[string][]string{"a.b": {"c": {"d"}}}},
	} {
		r := made(t, spec)
		if !r.LimitsCalls() {
			t.Errorf("%s does not limit calls", key)
		}
		want := `the path "m/roles/a/v3/services", by which the engine calls Mashery itself, is not allowed here by the local rule ` + key + " of the place of " + key
		if got := r.OtherCall("m/roles/a/v3/services").Error(); got != want {
			t.Errorf("got %s", got)
		}
	}
	if made(t, Spec{Roles: []string{"a"}, VaultPaths: []string{"b"}}).LimitsCalls() {
		t.Error("roles and vault_paths limit calls")
	}
}
