// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"testing"
)

const namespaceHeader = "X-Vault-Namespace"

func TestNoNamespaceHidesACredential(t *testing.T) {
	t.Parallel()
	const refused, withheld = "bad_request", "credential_withheld"
	grant := rolePath + "/grant"
	besieged(t, almighty).repels(t, []attack{
		asks("the root's name", grant, withheld, namespaceHeader, "root"),
		asks("the root's name with a slash", grant, withheld, namespaceHeader, "root/"),
		asks("the root's name between slashes", grant, withheld, namespaceHeader, "/root/"),
		asks("the root's name in other letters", grant, withheld, namespaceHeader, "ROOT"),
		asks("a slash", grant, withheld, namespaceHeader, "/"),
		asks("nothing", grant, withheld, namespaceHeader, ""),
		asks("another", grant, withheld, namespaceHeader, "team"),
		asks("another below the root", grant, withheld, namespaceHeader, "root/team"),
		asks("another in lower case", grant, withheld, "x-vault-namespace", "team"),
		asks("the header named as one of this connection", grant, withheld, namespaceHeader, "team", "Connection", namespaceHeader),
		asks("two", grant, refused, namespaceHeader, "", namespaceHeader, "team"),
		asks("two in two spellings", grant, refused, namespaceHeader, "root", "x-vault-namespace", "team"),
		asks("one that climbs", grant, refused, namespaceHeader, ".."),
		asks("one that climbs, escaped", grant, refused, namespaceHeader, "%2e%2e"),
		asks("one with an empty part", grant, refused, namespaceHeader, "a//b"),
		asks("one with an escaped slash", grant, refused, namespaceHeader, "a%2fb"),
		asks("one with a tab", grant, refused, namespaceHeader, "a\tb"),
		asks("one that holds the mount", "/v1/roles/demo/grant", withheld, namespaceHeader, "mash-creds"),
		asks("one that holds mount and role", "/v1/demo/grant", withheld, namespaceHeader, "mash-creds/roles"),
		asks("one in the path", "/v1/team/mash-creds/roles/demo/grant", byVault),
		asks("the root's name in the path", "/v1/root/mash-creds/roles/demo/grant", byVault),
		asks("one in the path and one in the header", "/v1/team/mash-creds/roles/demo/grant", byVault, namespaceHeader, "team"),
		{name: "one before the creation of a token", method: "POST", target: "/v1/auth/token/create", body: "{}", want: withheld, header: []string{namespaceHeader, "team"}},
		{name: "one in the path of the creation of a token", method: "POST", target: "/v1/team/auth/token/create", body: "{}", want: withheld},
		{name: "one that holds the path of the creation of a token", method: "POST", target: "/v1/token/create", body: "{}", want: withheld, header: []string{namespaceHeader, "auth"}},
	})
}

func TestNoNamespaceLeadsAroundAPolicy(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	members := v3 + "members"
	f := besieged(t, writesNothing)
	f.repels(t, []attack{
		asks("the root's name", members, denied, namespaceHeader, "root"),
		asks("the root's name with a slash", members, denied, namespaceHeader, "root/"),
		asks("a slash", members, denied, namespaceHeader, "/"),
		asks("nothing", members, denied, namespaceHeader, ""),
		asks("the header named as one of this connection", members, denied, namespaceHeader, "root", "Connection", namespaceHeader),
		asks("two", members, refused, namespaceHeader, "root", namespaceHeader, "team"),
		asks("one that climbs", members, refused, namespaceHeader, "team/.."),
		asks("another", members, byVault, namespaceHeader, "team"),
		asks("one in the path", "/v1/team/mash-creds/roles/demo/proxy/v3/members", byVault),
		asks("the root's name in the path", "/v1/root/mash-creds/roles/demo/proxy/v3/members", byVault),
		asks("one in the path and one in the header", "/v1/team/mash-creds/roles/demo/proxy/v3/members", byVault, namespaceHeader, "root"),
		asks("one that holds the mount", "/v1/roles/demo/proxy/v3/members", byVault, namespaceHeader, "mash-creds"),
		asks("one that holds mount and role", "/v1/proxy/v3/members", byVault, namespaceHeader, "mash-creds/roles/demo"),
		asks("one that holds the mount, of what is allowed", "/v1/roles/demo/proxy/v3/services", byVault, namespaceHeader, "mash-creds"),
		asks("one that holds mount and role, of what is allowed", "/v1/proxy/v3/services", byVault, namespaceHeader, "/mash-creds/roles/demo/"),
		{name: "another, for a write", method: "DELETE", target: v3 + "services/x", want: byVault, header: []string{namespaceHeader, "team"}},
		{name: "another, for V2", method: "POST", target: v2 + "/member.delete", body: `{}`, want: byVault, header: []string{namespaceHeader, "team"}},
	})
	for name, namespace := range map[string]string{"no name is the root's": "", "a slash is the root's name": "/", "root is the root's name": "root"} {
		t.Run(name, func(t *testing.T) {
			answer := f.tcp.get(t, v3+"services", namespaceHeader, namespace).expect(t, http.StatusOK, "")
			if source := answer.header.Get("X-Mashproxy-Source"); source != "mashery" {
				t.Errorf("the source is %q", source)
			}
		})
	}
}

// The Vault of these tests is Community: it has no namespaces and ignores the
// header, so all that is named here is the mount of the block.

func TestABlocksNamespaceHidesNoCredentialWhereVaultHasNone(t *testing.T) {
	t.Parallel()
	const withheld, denied = "credential_withheld", "policy_denied"
	grant, other := rolePath+"/grant", "/v1/mash-creds/roles/other"
	f := besieged(t, almighty, inMashery(`namespace = "team"
  roles = ["demo"]`))
	f.addRole(t, "other")
	f.repels(t, []attack{
		asks("none", grant, withheld), asks("nothing", grant, withheld, namespaceHeader, ""),
		asks("the block's", grant, withheld, namespaceHeader, "team"),
		asks("the root's", grant, withheld, namespaceHeader, "root"),
		asks("another", grant, withheld, namespaceHeader, "other"),
		asks("one below the block's", grant, withheld, namespaceHeader, "team/a"),
		asks("none, with a slash at the end", grant+"/", withheld),
		asks("none, with a letter escaped", "/v1/mash-creds/roles/demo/gr%61nt", withheld),
		asks("none, with slashes escaped", "/v1/mash-creds%2Froles%2Fdemo%2Ftoken", withheld),
		asks("none, for another role", other+"/grant", withheld),
		asks("another role in none", other, denied), asks("another role in another", other, denied, namespaceHeader, "other"),
		asks("another role's call in none", other+"/proxy/v3/services", denied),
		asks("another role's call in another", other+"/proxy/v3/services", denied, namespaceHeader, "other"),
		{name: "none, for an export", method: "POST", target: rolePath + "/export", body: "{}", want: withheld},
		{name: "another, for the token", method: "DELETE", target: rolePath + "/token", want: withheld, header: []string{namespaceHeader, "other"}},
	})
}

func TestABlocksNamespaceIsNoWayRoundItsRulesWhereVaultHasNone(t *testing.T) {
	t.Parallel()
	w := ruled(t, "", `namespace = "team"
  methods = ["GET"]
  v3_paths = ["services"]`)
	for name, header := range map[string][]string{"the block's": {namespaceHeader, "team"}, "none": nil, "another": {namespaceHeader, "other"}, "the root's": {namespaceHeader, "root"}} {
		t.Run(name, func(t *testing.T) {
			before, entries := len(w.Mashery().Requests()), w.log.entries(t)
			for _, c := range []judged{
				{"DELETE", v3 + "services", "", ""}, {"GET", v3 + "members", "", ""}, {"POST", v2, echo, ""}, {"POST", v2 + "/test.echo", "{}", ""},
				{"POST", rolePath + "/proxy/v3-method/delete/services", "", ""}, {"GET", rolePath + "/v3/members", "", ""},
			} {
				w.tcp.send(t, c.method, c.target, c.body, header...).expect(t, http.StatusForbidden, "policy_denied")
			}
			if asked := len(w.Mashery().Requests()) - before + w.log.entries(t) - entries; asked != 0 {
				t.Errorf("Mashery and Vault were asked %d times", asked)
			}
		})
	}
	answer := w.tcp.get(t, v3+"services", namespaceHeader, "team").expect(t, http.StatusOK, "")
	if answer.verdict() != "vault" {
		t.Errorf("what the rules allow was served by %q", answer.verdict())
	}
}

func TestAtVaultEnterpriseAMountOfTheSameNameIsAnother(t *testing.T) {
	t.Parallel()
	w, _ := left{
		policy: almighty, block: "namespace = \"team\"\n  methods = [\"GET\"]",
		answers: said(healthPath, http.StatusOK, `{"initialized":true,"version":"1.21.4+ent","enterprise":true}`),
	}.world(t)
	eventually(t, "what has no block is passed on", func() bool { return w.unix.get(t, rolePath+"/grant?api=3").verdict() == "vault" })
	w.unix.get(t, rolePath+"/grant?api=3").expect(t, http.StatusOK, "")
	w.unix.send(t, "DELETE", rolePath+"/proxy/v3/services", "").expect(t, http.StatusOK, "")
	w.unix.get(t, rolePath+"/grant", namespaceHeader, "team").expect(t, http.StatusForbidden, "credential_withheld")
	w.unix.send(t, "DELETE", rolePath+"/proxy/v3/services", "", namespaceHeader, "team").expect(t, http.StatusForbidden, "policy_denied")
}
