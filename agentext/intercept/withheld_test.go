// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"strings"
	"testing"
)

func TestCredentialsStayInside(t *testing.T) {
	spellings := map[string]string{
		"the grant":                      "GET /v1/mash-creds/roles/demo/grant",
		"the grant's query":              "GET /v1/mash-creds/roles/demo/grant?api=2&lease=true",
		"the token":                      "GET /v1/mash-creds/roles/demo/token",
		"forgetting the token":           "DELETE /v1/mash-creds/roles/demo/token",
		"the export":                     "POST /v1/mash-creds/roles/demo/export",
		"the recipient's key":            "GET /v1/mash-creds/roles/demo/pem",
		"a slash at the end":             "GET /v1/mash-creds/roles/demo/grant/",
		"something below it":             "GET /v1/mash-creds/roles/demo/grant/now",
		"a list of it":                   "LIST /v1/mash-creds/roles/demo/grant",
		"an escape in the word":          "GET /v1/mash-creds/roles/demo/gr%61nt",
		"an escape in the role":          "GET /v1/mash-creds/roles/de%6Do/grant",
		"an escape in the mount":         "GET /v1/mash%2Dcreds/roles/demo/grant",
		"an escaped slash":               "GET /v1/mash-creds%2froles%2Fdemo%2Fgrant",
		"a slash at the end, escaped":    "GET /v1/mash-creds/roles/demo/grant%2F",
		"a role that cannot be":          "GET /v1/mash-creds/roles/-demo-/grant",
		"a verb nobody knows":            "RECOVER /v1/mash-creds/roles/demo/grant",
		"a namespace that's not there":   "GET /v1/mash-creds/roles/demo/grant\nX-Vault-Namespace: elsewhere",
		"root by its name":               "GET /v1/mash-creds/roles/demo/grant\nX-Vault-Namespace: root",
		"another's, by the header":       "GET /v1/mash/roles/demo/grant\nX-Vault-Namespace: team",
		"another's, by the path":         "GET /v1/team/mash/roles/demo/grant",
		"another's, by both":             "GET /v1/team/mash/roles/demo/grant\nX-Vault-Namespace: ignored/by/community",
		"the shorter of two mounts":      "GET /v1/mash-creds/roles/eu/grant",
		"the longer of two mounts":       "GET /v1/mash-creds/roles/eu/roles/demo/grant",
		"a new token":                    "POST /v1/auth/token/create",
		"a new token, with a slash":      "POST /v1/auth/token/create/",
		"a new token of a role":          "POST /v1/auth/token/create/some-role",
		"a new orphan":                   "POST /v1/auth/token/create-orphan",
		"a new token, escaped":           "POST /v1/auth/token/cre%61te",
		"a new token, slashes escaped":   "POST /v1/auth%2Ftoken%2Fcreate",
		"a new token in a namespace":     "POST /v1/team/auth/token/create",
		"a new token, by the header":     "POST /v1/auth/token/create\nX-Vault-Namespace: team",
		"a new token, by both":           "POST /v1/b/auth/token/create-orphan\nX-Vault-Namespace: a",
		"a new token by what is no POST": "GET /v1/auth/token/create",
	}
	h := recogniser(block("mash-creds"), block("mash-creds/roles/eu"), block("team/|mash"))
	for name, text := range spellings {
		t.Run(name, func(t *testing.T) {
			if got := outcome(h, request(t, text)); !strings.HasPrefix(got, withheld) {
				t.Errorf("%s\ngot %s", text, got)
			}
		})
	}
}

func TestWhatIsNoCredentialIsPassedOn(t *testing.T) {
	h := recogniser(block("mash-creds"))
	for name, text := range map[string]string{
		"the role":                        "GET /v1/mash-creds/roles/demo",
		"a role called grant":             "GET /v1/mash-creds/roles/grant",
		"importing":                       "POST /v1/mash-creds/roles/demo/import",
		"a word that begins like it":      "GET /v1/mash-creds/roles/demo/grants",
		"a mount without a block":         "GET /v1/other/roles/demo/grant",
		"a mount without a block below":   "GET /v1/other/mash-creds/roles/demo/grant",
		"looking the own token up":        "GET /v1/auth/token/lookup-self",
		"a secret that's called so":       "GET /v1/secret/data/grant",
		"creating something else":         "POST /v1/auth/approle/role/create",
		"a path that escapes twice":       "GET /v1/mash-creds/roles/demo/gr%2561nt",
		"in capitals, which Vault parts":  "GET /v1/mash-creds/roles/demo/GRANT",
		"a login, which brings its right": "POST /v1/auth/approle/login",
	} {
		t.Run(name, func(t *testing.T) { wantOutcome(t, h, text, passedOn) })
	}
}

func TestRevealOpensGrantAndTokenOfTheRolesNamed(t *testing.T) {
	opened := block("mash-creds")
	opened.Reveal = []string{"demo", "team-*"}
	h := recogniser(opened, block("other"))
	for text, open := range map[string]bool{
		"GET /v1/mash-creds/roles/demo/grant":        true,
		"GET /v1/mash-creds/roles/demo/grant/":       true,
		"GET /v1/mash-creds/roles/demo/token":        true,
		"DELETE /v1/mash-creds/roles/demo/token":     true,
		"GET /v1/mash-creds/roles/team-a/grant":      true,
		"POST /v1/mash-creds/roles/demo/export":      false,
		"GET /v1/mash-creds/roles/demo/pem":          false,
		"GET /v1/mash-creds/roles/demo2/grant":       false,
		"GET /v1/mash-creds/roles/team/grant":        false,
		"GET /v1/other/roles/demo/grant":             false,
		"POST /v1/auth/token/create":                 false,
		"GET /v1/mash-creds/roles/x%2Fdemo/grant":    true, // no such path: role x has nothing called demo
		"GET /v1/mash-creds/roles/secret%2F../grant": false,
	} {
		got := outcome(h, request(t, text))
		if (got == passedOn) != open {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

func TestTokenCreationIsOpenedByItsOwnEntry(t *testing.T) {
	c := settings(block("mash-creds"))
	c.RevealsTokenCreation = true
	h := New(c)
	for _, path := range []string{"auth/token/create", "auth/token/create-orphan", "auth/token/create/role"} {
		wantOutcome(t, h, "POST /v1/"+path, passedOn)
	}
	if got := outcome(h, request(t, "GET /v1/mash-creds/roles/demo/grant")); !strings.HasPrefix(got, withheld) {
		t.Errorf("the entry opened the grant too: %s", got)
	}
}

func TestARefusalNamesTheKeyThatOpens(t *testing.T) {
	h := recogniser(block("team/a/mash"))
	wantOutcome(t, h, "GET /v1/team/a/mash/roles/demo/token", "403 credential_withheld: …"+`reveal = ["demo"] in the block mashery "team/a/mash"`)
	wantOutcome(t, h, "POST /v1/auth/token/create", "403 credential_withheld: …"+`reveal = ["auth/token/create*"] in a mashery block`)
	wantOutcome(t, h, "POST /v1/team/a/mash/roles/demo/export", "403 credential_withheld: …"+`with a token of your own`)
}
