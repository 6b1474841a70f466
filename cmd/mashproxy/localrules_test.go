// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// limited is a world with local rules, and Vault's audit log.
type limited struct {
	*world
	log audit
}

// ruled opens a world whose unix listener and block have local rules; its tcp
// listener has none. Its Mashery answers whatever it is asked, and there is a
// second role, called other.
func ruled(t *testing.T, listener, block string) limited {
	t.Helper()
	w := governed(t, almighty, edit{"listener \"unix\" {\n", "listener \"unix\" {\n" + listener + "\n"}, inMashery(block))
	w.addRole(t, "other")
	return limited{w, w.audited(t)}
}

// addRole makes a role with the sandbox's credentials.
func (w *world) addRole(t *testing.T, name string) {
	t.Helper()
	c := w.Credentials()
	w.write(t, "mash-creds/roles/"+name, map[string]any{
		"area_id": c.AreaID, "area_nid": c.AreaNID, "api_key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(),
		"username": c.Username, "password": c.Password.Reveal(), "qps": 1000,
	})
}

// keepsTo makes calls at a door. What is refused has asked nobody anything.
func (w limited) keepsTo(t *testing.T, d *door, calls []judged) {
	t.Helper()
	for _, c := range calls {
		mashery, vault := len(w.Mashery().Requests()), w.log.entries(t)
		answer := d.send(t, c.method, c.target, c.body)
		if answer.verdict() != c.want {
			t.Errorf("%s %s %s: %d %s, want %s: %s", c.method, c.target, c.body, answer.status, answer.verdict(), c.want, answer.body)
			continue
		}
		if c.want != "policy_denied" {
			continue
		}
		if answer.status != http.StatusForbidden || c.method != "HEAD" && !strings.Contains(answer.errors(t), "is not allowed here by the local rule ") {
			t.Errorf("%s %s: %d %s", c.method, c.target, answer.status, answer.body)
		}
		if asked := len(w.Mashery().Requests()) - mashery + w.log.entries(t) - vault; asked != 0 {
			t.Errorf("%s %s: Mashery and Vault were asked %d times", c.method, c.target, asked)
		}
	}
}

// entries counts requests to anything of the engine's, or for a policy.
func (a audit) entries(t *testing.T) (n int) {
	t.Helper()
	for line := range strings.Lines(read(t, string(a))) {
		if strings.Contains(line, `"path":"mash-creds/`) {
			n++
		}
	}
	return n
}

func TestAListenerLimitedToRolesReachesNoOther(t *testing.T) {
	t.Parallel()
	w := ruled(t, `roles = ["demo", "billing-*"]`, "")
	const other, denied = "/v1/mash-creds/roles/other", "policy_denied"
	calls := []judged{
		{"GET", v3 + "services", "", "mashery"},
		{"POST", v2, echo, "mashery"},
		{"GET", rolePath, "", "vault"},
		{"GET", "/v1/sys/health", "", "vault"},
		{"GET", other + "/proxy/v3/services", "", denied},
		{"GET", other + "/proxy/v3-method/GET/services", "", denied},
		{"POST", other + "/proxy/v3/services;target-method-put", "{}", denied},
		{"POST", other + "/proxy/v2", echo, denied},
		{"POST", other + "/proxy/v2/test.echo", "{}", denied},
		{"GET", other, "", denied},
		{"GET", other + "/", "", denied},
		{"DELETE", other, "", denied},
		{"GET", other + "/proxy", "", denied},
		{"GET", other + "/v3/services", "", denied},
		{"POST", other + "/v2/test.echo", "{}", denied},
		{"POST", other + "/import", "{}", denied},
		{"GET", "/v1/mash-creds/roles/%6Fther", "", denied},
		{"GET", "/v1/mash-creds/roles%2Fother", "", denied},
		{"GET", "/v1/mash-creds/roles/demo%2F..%2Fother", "", "bad_request"},
		{"GET", "/v1/mash-creds/roles/%6Fther/proxy/v3/services", "", "bad_request"},
		{"GET", "/v1/mash-creds//roles/other", "", "bad_request"},
		{"LIST", "/v1/mash-creds/roles", "", denied},
		{"LIST", "/v1/mash-creds/roles/", "", denied},
		{"GET", "/v1/mash-creds/roles?list=true", "", denied},
		{"GET", "/v1/mash-creds/check?role=other", "", denied},
		{"GET", other + "/grant?api=3", "", "credential_withheld"},
	}
	w.keepsTo(t, w.unix, calls)
	w.keepsTo(t, w.tcp, []judged{{"GET", other + "/proxy/v3/services", "", "mashery"}, {"LIST", "/v1/mash-creds/roles", "", "vault"}})
}

func TestNoSpellingWidensAV3Path(t *testing.T) {
	t.Parallel()
	w := ruled(t, `v3_paths = ["services/+/endpoints", "packages*"]`, `methods = ["GET", "POST", "DELETE"]`)
	const denied = "policy_denied"
	verb := rolePath + "/proxy/v3-method/"
	w.keepsTo(t, w.unix, []judged{
		{"GET", v3 + "services/1/endpoints", "", "mashery"},
		{"GET", v3 + "services/1/endpoints/?limit=1", "", "mashery"},
		{"GET", v3 + "services/%31/endpoints", "", "mashery"},
		{"DELETE", v3 + "packages/1/plans/2", "", "mashery"},
		{"POST", v3 + "services/1/endpoints;target-method-delete", "", "mashery"},
		{"POST", verb + "DELETE/services/1/endpoints", "", "mashery"},
		{"LIST", v3 + "services/1/endpoints", "", "mashery"},
		{"POST", v2, echo, "mashery"},
		{"GET", v3 + "services", "", denied},
		{"GET", v3 + "services//endpoints", "", "bad_request"},
		{"GET", v3 + "services/1/endpoints/2", "", denied},
		{"GET", v3 + "services/1/2/endpoints", "", denied},
		{"GET", v3 + "services/1%2F2/endpoints", "", denied},
		{"GET", v3 + "services/1%252F2/endpoints", "", denied},
		{"GET", v3 + "services%2F1%2Fendpoints", "", denied},
		{"GET", v3 + "services/1;x/endpoints", "", denied},
		{"GET", v3 + "services/1;/endpoints", "", denied},
		{"GET", v3 + "members;/1/endpoints", "", denied},
		{"GET", v3 + "services/1%3Bx/endpoints", "", denied},
		{"GET", v3 + "services/1%3F/endpoints", "", denied},
		{"GET", v3 + "services/1%23/endpoints", "", denied},
		{"GET", v3 + "services/1%5C2/endpoints", "", denied},
		{"GET", v3 + "packages/..;/members", "", "bad_request"},
		{"GET", v3 + "packages/%2e%2e/members", "", "bad_request"},
		{"GET", v3 + "Packages", "", denied},
		{"POST", v3 + "services/1;target-method-delete", "", denied},
		{"POST", verb + "DELETE/services/1", "", denied},
		{"PUT", v3 + "services/1/endpoints", "{}", denied},
		{"POST", v3 + "services/1/endpoints;target-method-put", "{}", denied},
		{"POST", verb + "PUT/services/1/endpoints", "{}", denied},
		{"HEAD", v3 + "services/1/endpoints", "", denied},
		{"GET", rolePath + "/v3/services", "", denied},
	})
}

func TestServiceKeysOfAMethodAreLimited(t *testing.T) {
	t.Parallel()
	w := ruled(t, `v2_methods = ["oauth2.*", "test.echo"]`, `
  v2_arguments = {
    "test.echo" = { service_key = ["abc*", "exact"] }
  }`)
	const denied, method = "policy_denied", rolePath + "/proxy/v2/"
	call := func(params string) string {
		return `{"jsonrpc":"2.0","method":"test.echo","params":` + params + `,"id":1}`
	}
	w.keepsTo(t, w.unix, []judged{
		{"POST", v2, call(`{"service_key":"abcdef","client":{"client_id":"x"}}`), "mashery"},
		{"POST", v2, call(`{"service_key":"exact"}`), "mashery"},
		{"POST", method + "test.echo", `{"params":{"service_key":"abc"},"id":1}`, "mashery"},
		{"POST", v2, call(`{"service_key":"other"}`), denied},
		{"POST", v2, call(`{"service_key":"exactly"}`), denied},
		{"POST", v2, call(`{"service_key":["abc"]}`), denied},
		{"POST", v2, call(`{"Service_key":"abc"}`), denied},
		{"POST", v2, call(`{"service_key":"abc","SERVICE_KEY":"other"}`), denied},
		{"POST", v2, call(`{"client":{"service_key":"abc"}}`), denied},
		{"POST", v2, call(`["abc"]`), denied},
		{"POST", v2, call(`[{"service_key":"abc"}]`), denied},
		{"POST", v2, call(`null`), denied},
		{"POST", v2, `{"method":"test.echo","id":1}`, denied},
		{"POST", method + "test.echo", `{"params":["other"],"id":1}`, denied},
		{"POST", v2, strings.Replace(call(`["other"]`), "test.echo", "Test.Echo", 1), denied},
		{"POST", v2, strings.Replace(call(`{}`), "test.echo", "object.query", 1), denied},
		{"POST", method + "object.query", `{"id":1}`, denied},
		{"POST", v2, "[" + call(`{"service_key":"abc"}`) + "]", "bad_request"},
		{"POST", v2, call(`{"service_key":"abc","service_key":"other"}`), "bad_request"},
		{"POST", v2, strings.Replace(call(`{"service_key":"abc"}`), `"id"`, `"method":"object.query","id"`, 1), "bad_request"},
		{"POST", v2, strings.Replace(call(`{"service_key":"abc"}`), `"id"`, `"Params":["other"],"id"`, 1), "bad_request"},
		{"POST", v2, strings.Repeat(" ", 1<<20) + call(`{"service_key":"abc"}`), "too_large"},
		{"GET", v3 + "services", "", "mashery"},
	})
	w.unix.send(t, "POST", v2, call(`{"service_key":"abc"}`), "Content-Encoding", "gzip").expect(t, http.StatusBadRequest, "bad_request")
	log := w.stderr.String()
	if strings.Contains(log, "abcdef") || strings.Contains(log, "exactly") {
		t.Errorf("the log holds an argument's value:\n%s", log)
	}
}

func TestOnlyNamedPathsAreForwarded(t *testing.T) {
	t.Parallel()
	w := ruled(t, `vault_paths = ["mash-creds/roles/demo", "sys/health", "cubbyhole/app/*", "auth/token/lookup-self"]`, "")
	w.write(t, "cubbyhole/app/a", map[string]any{"a": "b"}) // the operator's own; the proxy finds nothing
	const denied = "policy_denied"
	w.keepsTo(t, w.unix, []judged{
		{"GET", v3 + "services", "", "mashery"},
		{"GET", rolePath, "", "vault"},
		{"GET", rolePath + "/", "", "vault"},
		{"GET", "/v1/sys/health?standbyok=true", "", "vault"},
		{"GET", "/v1/cubbyhole/app/a", "", "vault"},
		{"GET", "/v1/cubbyhole/app%2Fa", "", "vault"},
		{"LIST", "/v1/cubbyhole/app", "", "vault"},
		{"GET", "/v1/cubbyhole/app", "", denied},
		{"GET", "/v1/cubbyhole/app/", "", denied},
		{"GET", "/v1/cubbyhole/other", "", denied},
		{"GET", "/v1/cubbyhole%2Fother", "", denied},
		{"GET", "/v1/cubbyhole/app%2F..%2Fother", "", "bad_request"},
		{"GET", "/v1/cubbyhole/app//a", "", "bad_request"},
		{"GET", "/v1/sys/mounts", "", denied},
		{"PUT", "/v1/mash-creds/roles/other", "{}", denied},
		{"LIST", "/v1/mash-creds/roles", "", denied},
		{"GET", "/ui/", "", denied},
		{"GET", "/", "", denied},
		{"POST", "/proxy/v1/nope", "{}", denied},
		{"GET", "/proxy/v1/metrics/", "", denied},
	})
	for name, space := range map[string]string{"/v1/health": "sys", "/v1/a": "cubbyhole/app", "/v1/sys/health": "other"} {
		w.unix.get(t, name, namespaceHeader, space).expect(t, http.StatusForbidden, denied)
	}
	if answer := w.unix.get(t, "/proxy/v1/metrics"); answer.code() != "" {
		t.Errorf("the proxy's own paths are limited: %s", answer.body)
	}
}

func TestRulesHoldWithoutPoliciesAndForCallsLeftToVault(t *testing.T) {
	t.Parallel()
	w := ruled(t, `methods = ["GET"]`, `
  policy        = "off"
  forward_roles = ["other"]
  v3_paths      = ["services"]`)
	const other, denied = "/v1/mash-creds/roles/other/proxy/v3/", "policy_denied"
	w.keepsTo(t, w.unix, []judged{
		{"GET", v3 + "services", "", "mashery"},
		{"GET", v3 + "members", "", denied},
		{"POST", v3 + "services", "{}", denied},
		{"GET", other + "services", "", "vault"},
		{"GET", other + "members", "", denied},
		{"POST", other + "services", "{}", denied},
	})
	wrap := []string{"X-Vault-Wrap-Ttl", "60"}
	w.unix.get(t, v3+"members", wrap...).expect(t, http.StatusForbidden, denied)
}

// TestTheHardenedExampleDoesWhatItSays runs the example, with the sandbox's
// addresses in the place of its own.
func TestTheHardenedExampleDoesWhatItSays(t *testing.T) {
	t.Parallel()
	w := limited{world: &world{Sandbox: startSandbox(t, everything(`[]`))}}
	w.root = rootOf(t, w.Sandbox)
	w.log = w.audited(t)
	w.allow(t, almighty)
	for _, role := range []string{"billing-eu", "portal", "other"} {
		w.addRole(t, role)
	}
	text, dir := read(t, "../../examples/hcl/hardened.hcl"), shortDir(t)
	own := read(t, w.ConfigFile())
	for _, e := range []edit{
		{`"https://vault.example.com:8200"`, `"` + w.Vault().Address() + `"`},
		{`"/etc/mashproxy/role-id"`, after(t, own, "role_id_file_path")},
		{`"/etc/mashproxy/secret-id"`, after(t, own, "secret_id_file_path")},
		{"/run/mashproxy/billing.sock", filepath.Join(dir, "billing.sock")},
		{"/run/mashproxy/portal.sock", filepath.Join(dir, "portal.sock")},
		{`socket_group = "billing"`, ""},
		{"mashery \"mash-creds\" {\n", "mashery \"mash-creds\" {\n v2_endpoint = " + after(t, own, "v2_endpoint") + "\n v3_endpoint = " + after(t, own, "v3_endpoint") + "\n"},
	} {
		if !strings.Contains(text, e.old) {
			t.Fatalf("the example has no %q", e.old)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	w.process = run(t, nil, "proxy", "-config="+write(t, dir, "hardened.hcl", text))
	billing, portal := openDoor(t, "unix", filepath.Join(dir, "billing.sock")), openDoor(t, "unix", filepath.Join(dir, "portal.sock"))
	const eu, store, denied = "/v1/mash-creds/roles/billing-eu", "/v1/mash-creds/roles/portal", "policy_denied"
	eventually(t, "the proxy is logged in", func() bool {
		answer, err := billing.try(http.MethodGet, eu, nil)
		return err == nil && answer.status == http.StatusOK
	})
	w.keepsTo(t, billing, []judged{
		{"GET", eu + "/proxy/v3/services?limit=1", "", "mashery"},
		{"PUT", eu + "/proxy/v3/services/1/endpoints/2", "{}", "mashery"},
		{"GET", "/v1/sys/health", "", "vault"},
		{"DELETE", eu + "/proxy/v3/services/1", "", denied},
		{"POST", eu + "/proxy/v3/services", "{}", denied},
		{"GET", eu + "/proxy/v3/members", "", denied},
		{"POST", eu + "/proxy/v2", echo, denied},
		{"GET", store + "/proxy/v3/services", "", denied},
		{"GET", "/v1/mash-creds/roles/other", "", denied},
		{"GET", "/v1/sys/mounts", "", denied},
	})
	w.keepsTo(t, portal, []judged{
		{"POST", store + "/proxy/v2", echo, "mashery"},
		{"POST", store + "/proxy/v2/oauth2.createAccessToken", `{"params":{"service_key":"7fk2x"},"id":1}`, "mashery"},
		{"POST", store + "/proxy/v2/oauth2.createAccessToken", `{"params":{"service_key":"other"},"id":1}`, denied},
		{"POST", store + "/proxy/v2/oauth2.createAccessToken", `{"params":["7fk2x"],"id":1}`, denied},
		{"POST", store + "/proxy/v2/oauth2.revokeAccessToken", `{"params":{"service_key":"7fk2x"},"id":1}`, denied},
		{"POST", store + "/proxy/v3/services", "{}", denied},
		{"POST", eu + "/proxy/v2", echo, denied},
		{"GET", store, "", denied},
	})
}

// after is the value of a key in a file that the sandbox wrote.
func after(t *testing.T, text, key string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if name, value, is := strings.Cut(line, "="); is && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("the file has no %s", key)
	return ""
}
