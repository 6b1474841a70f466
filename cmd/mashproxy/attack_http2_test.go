// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"testing"
)

func TestHTTP2IsNoWayRoundAnything(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	c := newCertificate(t, 1)
	c.write(t, dir)
	f := besieged(t, writesNothing, atTop("listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  "+tlsKeys(dir)+"\n}"))
	f.tcp = f.doorAt(t, `https://(127\.0\.0\.1:\d+)`).withTLS(c)
	f.tcp.client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	f.repels(t, []attack{
		asks("a path that climbs", v3+"services/../../../grant", "bad_request"),
		asks("a path that climbs, escaped", v3+"%2e%2e/%2e%2e/grant", "bad_request"),
		asks("overlong dots", v3+"services/%c0%ae%c0%ae/x", "bad_request"),
		asks("an alias of the role", "/v1/mash-creds/roles/de%6Do/proxy/v3/services", "bad_request"),
		asks("a credential", rolePath+"/gr%61nt", "credential_withheld"),
		asks("what is not allowed", v3+"members", "policy_denied"),
		asks("a namespace twice", v3+"members", "bad_request", namespaceHeader, "", namespaceHeader, "team"),
		{name: "a verb by a header", method: "POST", target: v3 + "services", want: "policy_denied", header: []string{"X-HTTP-Method-Override", "GET"}},
		{name: "a verb in the path", method: "POST", target: v3 + "open;target-method-delete", want: "policy_denied"},
		{name: "a new token", method: "POST", target: "/v1/auth/token/create", body: "{}", want: "credential_withheld"},
	})
	t.Run("a name of a page's own", func(t *testing.T) {
		f.tcp.get(t, v3+"services", "Host", "evil.example").expect(t, http.StatusForbidden, "guard_denied")
	})
	t.Run("what is allowed goes on", func(t *testing.T) { f.tcp.get(t, v3+"services").expect(t, http.StatusOK, "") })
}
