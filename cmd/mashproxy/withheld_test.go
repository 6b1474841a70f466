// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"strings"
	"testing"
)

// credentials are the paths of a role's credentials, in spellings Vault takes
// for the same.
var credentials = []string{"/grant", "/grant/", "/grant?api=2", "/gr%61nt", "/token", "/t%6Fken", "/token/", "/export", "/pem", "/pem/"}

func TestCredentialsStayInside(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	log := w.audited(t)
	for _, d := range []*door{w.tcp, w.unix} {
		for _, path := range credentials {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE", "LIST", "HEAD"} {
				answer := d.send(t, method, rolePath+path, "").expect(t, http.StatusForbidden, "credential_withheld")
				if method == "GET" && !strings.Contains(path, "export") && !strings.Contains(path, "pem") {
					contains(t, path, answer.errors(t), "reveal", "demo")
				}
			}
		}
		for _, path := range []string{"create", "create-orphan", "create/demo", "cre%61te", "create/"} {
			answer := d.send(t, "POST", "/v1/auth/token/"+path, "{}").expect(t, http.StatusForbidden, "credential_withheld")
			contains(t, path, answer.errors(t), `"auth/token/create*"`)
		}
		d.get(t, "/v1/mash-creds%2Froles/demo/grant").expect(t, http.StatusForbidden, "credential_withheld")
	}
	for _, path := range []string{"mash-creds/roles/demo/grant", "mash-creds/roles/demo/token", "auth/token/create"} {
		if n := log.count(t, path); n != 0 {
			t.Errorf("Vault was asked for %s %d times", path, n)
		}
	}
}

func TestRevealOpensGrantAndTokenOfTheRolesNamed(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{inMashery(`reveal = ["de*"]`)}})
	w.write(t, "mash-creds/roles/other", map[string]any{"area_nid": 1042, "api_key": "x", "secret": "y"})
	contains(t, "the grant", w.tcp.get(t, rolePath+"/grant?api=3").expect(t, http.StatusOK, "").body, `"access_token"`)
	contains(t, "the grant", w.unix.get(t, rolePath+"/grant?api=2&lease=true").expect(t, http.StatusOK, "").body, `"sig"`)
	contains(t, "the token", w.tcp.get(t, rolePath+"/token").expect(t, http.StatusOK, "").body, `"access_token"`)
	w.tcp.get(t, rolePath+"/pem").expect(t, http.StatusForbidden, "credential_withheld")
	w.tcp.get(t, rolePath+"/export").expect(t, http.StatusForbidden, "credential_withheld")
	w.tcp.get(t, "/v1/mash-creds/roles/other/grant?api=2").expect(t, http.StatusForbidden, "credential_withheld")
	w.tcp.send(t, "POST", "/v1/auth/token/create", "{}").expect(t, http.StatusForbidden, "credential_withheld")
	if n := strings.Count(w.stderr.String(), "reveal="); n != 1 {
		t.Errorf("%d warnings of what is revealed, want one:\n%s", n, &w.stderr)
	}
}

func TestRevealOpensTokenCreation(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{inMashery(`reveal = ["auth/token/create*"]`)}})
	w.allow(t, grants+`path "auth/token/create*" { capabilities = ["update"] }`)
	contains(t, "the answer", w.tcp.send(t, "POST", "/v1/auth/token/create", "{}").expect(t, http.StatusOK, "").body, `"client_token"`)
	w.tcp.get(t, rolePath+"/grant").expect(t, http.StatusForbidden, "credential_withheld")
}

func TestOtherMountsAreNotWithheld(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.write(t, "sys/mounts/other", map[string]any{"type": "vault-plugin-secrets-mashery"})
	w.allow(t, grants+`path "other/*" { capabilities = ["read"] }`)
	answer := w.tcp.get(t, "/v1/other/roles/demo/grant").expect(t, http.StatusNotFound, "")
	contains(t, "Vault's own words", answer.body, "role")
}
