// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const allRights = grants + `path "mash-creds/roles/demo/proxy/*" { capabilities = ["read", "update", "delete", "list"] }`

func TestSIGHUPReadsThePoliciesAtOnce(t *testing.T) {
	t.Parallel()
	w := governed(t, allRights)
	w.judge(t, []judged{{"DELETE", v3 + "services", "", "mashery"}})
	w.allow(t, grants+`path "mash-creds/roles/demo/proxy/*" { capabilities = ["read"] }`)
	w.signal(t, syscall.SIGHUP)
	within(t, 10*time.Second, "a DELETE is refused", func() bool {
		return w.unix.send(t, "DELETE", v3+"services", "").code() == "policy_denied"
	})
	w.judge(t, []judged{{"GET", v3 + "services", "", "mashery"}})
	w.allow(t, allRights)
	w.signal(t, syscall.SIGHUP)
	within(t, 10*time.Second, "a DELETE is allowed again", func() bool {
		return w.unix.send(t, "DELETE", v3+"services", "").code() == ""
	})
}

func TestARefusedGrantShowsThatRightsWereTakenAway(t *testing.T) {
	t.Parallel()
	w := governed(t, allRights)
	w.allow(t, `path "mash-creds/*" { capabilities = ["deny"] }`)
	within(t, 10*time.Second, "a call is refused by the rules of now", func() bool {
		answer := w.unix.get(t, v3+"services")
		if verdict := answer.verdict(); answer.status != http.StatusForbidden || verdict != "policy_denied" && verdict != "vault" {
			t.Fatalf("%d %s: %s", answer.status, verdict, answer.body)
		}
		return answer.verdict() == "policy_denied"
	})
	if n := w.Mashery().Counts().Calls["GET services"]; n != 0 {
		t.Errorf("%d calls reached Mashery", n)
	}
}

func TestCallsGoOnThroughVaultWhenTheRightToTheGrantIsTakenAway(t *testing.T) {
	t.Parallel()
	w := governed(t, allRights)
	w.allow(t, `path "mash-creds/roles/demo/proxy/*" { capabilities = ["read"] }`)
	for range 2 {
		answer := w.unix.get(t, v3+"services").expect(t, http.StatusOK, "")
		if answer.verdict() != "vault" {
			t.Errorf("it was served by %q", answer.verdict())
		}
	}
}

func TestPoliciesOutliveASealedVaultForPolicyMaxStale(t *testing.T) {
	t.Parallel()
	const long = "/v1/mash-long/roles/demo/proxy/v3/"
	w := &world{Sandbox: startSandbox(t, everything(`{}`))}
	w.root = rootOf(t, w.Sandbox)
	c := w.Credentials()
	w.write(t, "sys/mounts/mash-long", map[string]any{"type": "vault-plugin-secrets-mashery"})
	w.write(t, "mash-long/config", map[string]any{"v3_endpoint": w.MasheryURL() + "/v3/rest", "v3_token_endpoint": w.MasheryURL() + "/v3/token"})
	w.write(t, "mash-long/roles/demo", map[string]any{
		"area_id": c.AreaID, "area_nid": c.AreaNID, "api_key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(),
		"username": c.Username, "password": c.Password.Reveal(), "qps": 1000,
	})
	w.allow(t, `path "mash-creds/*" { capabilities = ["read"] } path "mash-long/*" { capabilities = ["read"] }`)
	w.config = configured(t, w.Sandbox, inMashery(`policy_max_stale = "2s"`),
		atTop("mashery \"mash-long\" {\n  v3_endpoint = \""+w.MasheryURL()+"/v3/rest\"\n  policy_max_stale = 0\n}"))
	w.start(t, setup{})
	eventually(t, "both mounts are served", func() bool {
		return w.unix.get(t, v3+"x").verdict() == "mashery" && w.unix.get(t, long+"x").verdict() == "mashery"
	})
	if err := w.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "the policies are too old", func() bool { return w.unix.get(t, v3+"x").verdict() != "mashery" })
	answer := w.unix.get(t, v3+"x").expect(t, http.StatusServiceUnavailable, "vault_unavailable")
	contains(t, "the error", answer.errors(t), `policy_max_stale = "2s"`, "Vault is sealed")
	if answer.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	w.judge(t, []judged{{"GET", long + "x", "", "mashery"}, {"DELETE", long + "x", "", "policy_denied"}})
	if n := strings.Count(w.stderr.String(), "calls are refused until Vault can be asked again"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	if err := w.Vault().Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "calls are served again", func() bool { return w.unix.get(t, v3+"x").verdict() == "mashery" })
}
