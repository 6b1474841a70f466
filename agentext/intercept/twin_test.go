// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"strings"
	"testing"

	"mashproxy/agentext/localrules"
)

func TestWithoutNamespacesACredentialOfABlockIsWithheldUnderAnyOfThem(t *testing.T) {
	open := block("team/|mash")
	open.Reveal = []string{"open"}
	const all, enterprise = "whatever Vault is", "at Enterprise only"
	for name, test := range map[string]struct{ text, passedOn string }{
		"in the block's namespace":                   {"GET /v1/mash/roles/demo/grant\nX-Vault-Namespace: team", ""},
		"in none":                                    {"GET /v1/mash/roles/demo/grant", enterprise},
		"in none, with a slash at the end":           {"GET /v1/mash/roles/demo/grant/", enterprise},
		"in none, escaped":                           {"GET /v1/mash%2Froles/de%6Do/token", enterprise},
		"in the root's":                              {"GET /v1/mash/roles/demo/grant\nX-Vault-Namespace: root", enterprise},
		"in another":                                 {"POST /v1/mash/roles/demo/export\nX-Vault-Namespace: third", enterprise},
		"in one below the block's":                   {"GET /v1/mash/roles/demo/grant\nX-Vault-Namespace: team/a", enterprise},
		"that one block reveals, in its namespace":   {"GET /v1/mash/roles/open/grant\nX-Vault-Namespace: team", enterprise},
		"that one block reveals, in another's":       {"GET /v1/mash/roles/open/grant\nX-Vault-Namespace: other", ""},
		"of another mount in none":                   {"GET /v1/mash2/roles/demo/grant", all},
		"of a mount that is named like the other's":  {"GET /v1/a/mash/roles/demo/grant", all},
		"no credential, in none":                     {"GET /v1/mash/roles/demo", all},
		"of a mount in none, with the mount in root": {"GET /v1/plain/roles/demo/grant", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for known, want := range map[string]bool{enterprise: test.passedOn != "", "nobody knows": test.passedOn == all, "Community": test.passedOn == all} {
				c := settings(open, block("other/|mash"), block("plain"))
				if known != "nobody knows" {
					c.HasNamespaces = func() bool { return known == enterprise }
				}
				if got := outcome(New(c), request(t, test.text)); (got == passedOn) != want || !want && !strings.HasPrefix(got, withheld) {
					t.Errorf("%s: %s", known, got)
				}
			}
		})
	}
}

func TestWithoutNamespacesTheRulesOfABlockHoldUnderAnyOfThem(t *testing.T) {
	const engines = "by which the engine calls Mashery itself"
	rules := of(localRules(t, localrules.Spec{Roles: []string{"demo"}, Methods: []string{"GET"}}), nil)
	for name, test := range map[string]struct{ text, refused string }{
		"a call in no namespace":               {"DELETE /v1/mash/roles/demo/proxy/v3/services/x", engines},
		"a call in another":                    {"GET /v1/mash/roles/demo/proxy/v3/services\nX-Vault-Namespace: ns", engines},
		"a V2 call in another":                 {"POST /v1/mash/roles/demo/proxy/v2\nX-Vault-Namespace: ns", engines},
		"a call of Vault's command line":       {"GET /v1/mash/roles/demo/v3/services", engines},
		"another role":                         {"GET /v1/mash/roles/portal", `the role "portal"`},
		"another role, in another":             {"GET /v1/mash/roles/portal\nX-Vault-Namespace: ns", `the role "portal"`},
		"another role's call":                  {"GET /v1/mash/roles/portal/proxy/v3/services", `the role "portal"`},
		"the list of roles":                    {"LIST /v1/mash/roles", "which belongs to no role"},
		"the mount itself":                     {"GET /v1/mash", "which belongs to no role"},
		"the role that is named":               {"GET /v1/mash/roles/demo", ""},
		"what lies in no mount":                {"GET /v1/sys/health", ""},
		"a call in a block that has no rules":  {"DELETE /v1/mash/roles/demo/proxy/v3/services/x\nX-Vault-Namespace: n", "the method DELETE"},
		"a call there that the rules allow":    {"GET /v1/mash/roles/demo/proxy/v3/services\nX-Vault-Namespace: n", ""},
		"another role, in a block without any": {"GET /v1/mash/roles/portal\nX-Vault-Namespace: n", `the role "portal"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, enterprise := range []bool{false, true} {
				c := settings(block("team/|mash"), block("n/|mash"))
				c.LocalRules.Mashery, c.HasNamespaces = rules, func() bool { return enterprise }
				call, refusal := New(c).read(&Listener{}, request(t, test.text))
				if call != nil {
					refusal = call.narrow(request(t, test.text), nil)
				}
				switch wanted := test.refused != "" && !enterprise; {
				case (refusal != nil) != wanted:
					t.Errorf("Enterprise is %t: refused with %v", enterprise, refusal)
				case wanted && !strings.Contains(refusal.Message, test.refused):
					t.Errorf("refused with %v, want %q", refusal, test.refused)
				}
			}
		})
	}
}

func TestWithoutNamespacesEveryBlockMustNameAPathOfItsMount(t *testing.T) {
	c := settings(block("team/|mash"), block("mash"))
	c.LocalRules.Mashery = of(localRules(t, localrules.Spec{VaultPaths: []string{"mash/roles/a"}}), nil)
	for path, want := range map[string]string{"mash/roles/a": passedOn, "mash/roles/b": `403 policy_denied: …the path "mash/roles/b"`} {
		wantOutcome(t, New(c), "GET /v1/"+path, want)
	}
}
