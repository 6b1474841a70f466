// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestNoTokenIsMadeThroughTheProxy(t *testing.T) {
	t.Parallel()
	withAndWithoutCache(t, almighty, noTokenIsMade)
}

func noTokenIsMade(t *testing.T, f *fortress) {
	const create = "/v1/auth/token/create"
	post := func(name, target string, header ...string) attack {
		return attack{name, "POST", target, `{"policies":["root"]}`, "credential_withheld", header}
	}
	f.write(t, "auth/token/roles/demo", map[string]any{"orphan": true})
	f.repels(t, []attack{
		post("a child", create), post("an orphan", create+"-orphan"), post("by a role", create+"/demo"), post("by a role that is not there", create+"/x"),
		post("with a slash at the end", create+"/"), post("with a query", create+"?x=y"), post("with a path parameter", create+";x"), post("with more letters", create+"x"),
		post("a letter escaped", "/v1/auth/token/cre%61te"), post("a slash escaped", "/v1/auth/token%2fcreate"), post("all slashes escaped", "/v1%2Fauth%2Ftoken%2Fcreate"),
		post("a letter of the version escaped", "/%76%31/auth/token/create"),
		post("in a namespace of the path", "/v1/team/auth/token/create"), post("in a namespace of the header", create, namespaceHeader, "team"),
		post("wrapped", create, "X-Vault-Wrap-TTL", "60"), post("wrapped as a JWT", create, "X-Vault-Wrap-TTL", "60", "X-Vault-Wrap-Format", "jwt"),
		post("with a token of the caller's own", create, "X-Vault-Token", f.Vault().RootToken().Reveal()),
		post("with a token of the caller's own, as a bearer", create, "Authorization", "Bearer "+f.Vault().RootToken().Reveal()),
		post("with a verb in a header", create, "X-HTTP-Method-Override", "GET"),
		{name: "by PUT", method: "PUT", target: create, body: "{}", want: "credential_withheld"},
		{name: "by a verb in lower case", method: "post", target: create, body: "{}", want: "credential_withheld"},
		{name: "by GET", method: "GET", target: create, want: "credential_withheld"},
		{name: "with a body that is no JSON", method: "POST", target: create, body: "{", want: "credential_withheld"},
		{name: "with a body of 2 MiB", method: "POST", target: create, body: strings.Repeat("x", 2<<20), want: "credential_withheld"},
		{name: "in upper case", method: "POST", target: "/v1/auth/token/CREATE", body: "{}", want: byVault},
		{name: "a letter escaped twice", method: "POST", target: "/v1/auth/token/cre%2561te", body: "{}", want: byVault},
		{name: "a word that looks the same", method: "POST", target: "/v1/auth/token/cre\u0430te", body: "{}", want: byVault},
		{name: "by a login without a credential", method: "POST", target: "/v1/auth/approle/login", body: `{"role_id":"x","secret_id":"y"}`, want: byVault},
	})
}

// lease is the first lease below a prefix, and accessor the program's token's:
// what a caller could only guess.
func (f *fortress) lease(t *testing.T, prefix string) string {
	t.Helper()
	list, err := f.root.Logical().ListWithContext(t.Context(), "sys/leases/lookup/"+prefix)
	if err != nil || list == nil {
		t.Fatalf("there is no lease below %s: %v", prefix, err)
	}
	return prefix + list.Data["keys"].([]any)[0].(string)
}

func (f *fortress) accessor(t *testing.T) string {
	t.Helper()
	client := rootOf(t, f.Sandbox)
	client.SetToken(f.token)
	self, err := client.Auth().Token().LookupSelfWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return self.Data["accessor"].(string)
}

func TestWhatVaultTellsOfTheTokenAndItsLeasesHoldsNoCredential(t *testing.T) {
	t.Parallel()
	withAndWithoutCache(t, almighty, vaultTellsNoCredential)
}

func vaultTellsNoCredential(t *testing.T, f *fortress) {
	lease, login, accessor := f.lease(t, grantPath+"/"), f.lease(t, "auth/approle/login/"), f.accessor(t)
	text := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	for _, a := range []attack{
		{name: "the token, by its accessor", target: "/v1/auth/token/lookup-accessor", body: text(`{"accessor":%q}`, accessor)},
		{name: "the token renewed, by its accessor", target: "/v1/auth/token/renew-accessor", body: text(`{"accessor":%q}`, accessor)},
		{name: "the token renewed", target: "/v1/auth/token/renew-self"},
		{name: "all accessors", method: "LIST", target: "/v1/auth/token/accessors"},
		{name: "what the token may do", method: "GET", target: "/v1/sys/internal/ui/resultant-acl"},
		{name: "what the accessor may do", target: "/v1/sys/capabilities-accessor", body: text(`{"accessor":%q,"paths":["*"]}`, accessor)},
		{name: "the lease of the grant", target: "/v1/sys/leases/lookup", body: text(`{"lease_id":%q}`, lease)},
		{name: "the leases of grants", method: "LIST", target: "/v1/sys/leases/lookup/" + grantPath},
		{name: "the lease of the grant renewed", target: "/v1/sys/leases/renew", body: text(`{"lease_id":%q}`, lease)},
		{name: "the lease of the grant renewed, by its path", target: "/v1/sys/leases/renew/" + lease},
		{name: "the lease of the grant renewed, by the old path", target: "/v1/sys/renew/" + lease},
		{name: "the lease of the login", target: "/v1/sys/leases/lookup", body: text(`{"lease_id":%q}`, login)},
		{name: "the mounts", method: "GET", target: "/v1/sys/mounts"},
		{name: "the mount's configuration", method: "GET", target: "/v1/mash-creds/config"},
		{name: "the role", method: "GET", target: rolePath},
		{name: "help about the role", method: "GET", target: rolePath + "?help=1"},
		{name: "the API's description", method: "GET", target: "/v1/sys/internal/specs/openapi"},
		{name: "the lease of the grant revoked", target: "/v1/sys/leases/revoke", body: text(`{"lease_id":%q}`, lease)},
		{name: "the token, wrapped by the second of two headers", method: "GET", target: lookup, header: []string{"X-Vault-Wrap-TTL", "", "X-Vault-Wrap-TTL", "60"}},
		{name: "the check of the mount", method: "GET", target: "/v1/mash-creds/check"},
		{name: "the program's metrics", method: "GET", target: "/proxy/v1/metrics"},
		{name: "the program's state", method: "GET", target: "/proxy/v1/status"},
	} {
		t.Run(a.name, func(t *testing.T) {
			if a.method == "" {
				a.method = "POST"
			}
			answer := f.unix.send(t, a.method, a.target, a.body, a.header...)
			if answer.status != http.StatusOK && answer.status != http.StatusNoContent {
				t.Errorf("the answer is %d: %s", answer.status, answer.body)
			}
			f.keeps(t, answer)
			f.holds(t, a.name, answer, f.token)
		})
	}
	t.Run("calls go on", func(t *testing.T) { f.unix.get(t, v3+"services").expect(t, http.StatusOK, "") })
}

func TestTheTokenCannotBeUnwrappedOrRenewedIntoSight(t *testing.T) {
	t.Parallel()
	withAndWithoutCache(t, almighty, theTokenStaysOutOfSight)
}

func theTokenStaysOutOfSight(t *testing.T, f *fortress) {
	lease, login := f.lease(t, grantPath+"/"), f.lease(t, "auth/approle/login/")
	wrapped := []string{"X-Vault-Wrap-TTL", "60"}
	f.repels(t, []attack{
		asks("a look at the token, wrapped", lookup, "credential_withheld", wrapped...),
		asks("a look at the token, wrapped, in lower case", lookup, "credential_withheld", "x-vault-wrap-ttl", "1m"),
		asks("a look at the token, wrapped, as of this connection", lookup, "credential_withheld", "X-Vault-Wrap-TTL", "60", "Connection", "X-Vault-Wrap-TTL"),
		asks("a look at the token, wrapped as a JWT", lookup, "credential_withheld", "X-Vault-Wrap-TTL", "60", "X-Vault-Wrap-Format", "jwt"),
		asks("a look at the token, wrapped, in a namespace", "/v1/team/auth/token/lookup-self", "credential_withheld", wrapped...),
		asks("the grant, wrapped", rolePath+"/grant", "credential_withheld", wrapped...),
		asks("the token of V3, wrapped", rolePath+"/token", "credential_withheld", wrapped...),
		{name: "a renewal, wrapped", method: "POST", target: "/v1/auth/token/renew-self", body: "{}", want: "credential_withheld", header: wrapped},
		{name: "unwrapping the token itself", method: "POST", target: "/v1/sys/wrapping/unwrap", body: "{}", want: byVault},
		{name: "unwrapping the token itself, by PUT", method: "PUT", target: "/v1/sys/wrapping/unwrap", want: byVault},
		{name: "wrapping the token itself anew", method: "POST", target: "/v1/sys/wrapping/rewrap", body: "{}", want: byVault},
		{name: "a look at the token as a wrapping", method: "POST", target: "/v1/sys/wrapping/lookup", body: "{}", want: byVault},
		{name: "the token's renewal as a lease", method: "POST", target: "/v1/sys/leases/renew", body: fmt.Sprintf(`{"lease_id":%q}`, login), want: byVault},
		asks("what a wrapping leaves behind", "/v1/cubbyhole/response", byVault),
		asks("storage", "/v1/sys/raw/core/keyring", byVault),
		asks("a lease as a path", "/v1/"+lease, "credential_withheld"),
	})
	t.Run("a wrapping of one's own is unwrapped", func(t *testing.T) {
		wrapping := f.unix.send(t, "POST", "/v1/sys/wrapping/wrap", `{"a":"b"}`, wrapped...).expect(t, http.StatusOK, "")
		token := tokens.FindString(wrapping.body)
		unwrapped := f.unix.send(t, "POST", "/v1/sys/wrapping/unwrap", fmt.Sprintf(`{"token":%q}`, token)).expect(t, http.StatusOK, "")
		contains(t, "what was wrapped", unwrapped.body, `"a":"b"`)
	})
	t.Run("the program is still logged in", func(t *testing.T) { f.unix.get(t, lookup).expect(t, http.StatusOK, "") })
}
