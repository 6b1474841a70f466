// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// left is a call, and why it is left to Vault.
type left struct {
	policy  string            // of the token; "" allows everything
	login   map[string]any    // settings of the AppRole's role
	role    map[string]any    // settings of the engine's role
	block   string            // more of the mashery block
	answers map[string]answer // of Vault, that are not its own, by path
	target  string            // "" is a list of services
	header  []string
	cause   string // "": it is served here
}

const (
	healthPath = "/v1/sys/health"
	rulesPath  = "/v1/sys/internal/ui/resultant-acl"
)

// said is an answer of Vault's that is written down.
func said(path string, status int, body string) map[string]answer {
	return map[string]answer{path: {status: status, body: body}}
}

// TestWhatCannotBeDecidedHereVaultDecides has every cause that there is, each
// with a proxy and a Vault of its own. What only Vault Enterprise would do is
// written into the answers of a Community Vault.
func TestWhatCannotBeDecidedHereVaultDecides(t *testing.T) {
	t.Parallel()
	const refusal, proxied = `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, `path "mash-creds/roles/demo/proxy/*" { capabilities = ["read"] } `
	const enterprise = `{"initialized":true,"sealed":false,"standby":false,"version":"1.21.4+ent","enterprise":true}`
	acl := func(fields string) map[string]answer {
		return said(rulesPath, 200, `{"request_id":"1","data":{"root":false,"exact_paths":{},`+fields+`}}`)
	}
	const below = `"glob_paths":{"mash-creds/":{"capabilities":["read"]`
	for name, test := range map[string]left{
		"nothing is left of a token of which all is known": {},
		"a token whose uses are counted":                   {login: map[string]any{"token_num_uses": 100}, cause: "num_uses"},
		"a token that may not look itself up":              {policy: grants + proxied + `path "auth/token/lookup-self" { capabilities = ["deny"] }`, cause: "num_uses_unknown"},
		"a token that may not see its rules":               {policy: grants + proxied + `path "sys/internal/ui/resultant-acl" { capabilities = ["deny"] }`, cause: "policy_hidden"},
		"a token that may not read the grant":              {policy: proxied, cause: "no_grant"},
		"a Vault that is Enterprise":                       {answers: said(healthPath, 200, enterprise), cause: "enterprise"},
		"a Vault that is Enterprise by its version":        {answers: said(healthPath, 200, `{"initialized":true,"version":"1.9.0+ent.hsm"}`), cause: "enterprise"},
		"a Vault that does not say what it is":             {answers: said(healthPath, 403, refusal), cause: "edition_unknown"},
		"a Vault whose health a load balancer keeps":       {answers: said(healthPath, 200, "<html>not for you</html>"), cause: "edition_unknown"},
		"not an Enterprise of which the file says enough":  {block: `enterprise = "acl-only"`, answers: said(healthPath, 200, enterprise)},
		"a Vault listener that moves requests":             {answers: said(rulesPath, 200, `{"request_id":"1","data":{"root":false,"chroot_namespace":"team/","exact_paths":{},"glob_paths":{}}}`), cause: "chroot_namespace"},
		"rules with a field that nobody knows":             {answers: acl(below + `,"control_group":{"ttl":60}}}`), cause: "policy_unknown"},
		"rules with a capability that nobody knows":        {answers: acl(`"glob_paths":{"mash-creds/":{"capabilities":["read","levitate"]}}`), cause: "policy_unknown"},
		"an answer with a field that nobody knows":         {answers: acl(below + `}},"sentinel_policies":["a"]`), cause: "policy_unknown"},
		"a mount in a namespace, at a Vault without any":   {block: `namespace = "team"`, target: "/v1/team/mash-creds/roles/demo/proxy/v3/services", cause: "no_namespaces"},
		"a call whose answer is to be wrapped":             {header: []string{"X-Vault-Wrap-Ttl", "60"}, cause: "vault_header"},
		"a call with an MFA code":                          {header: []string{"X-Vault-Mfa", "totp:123"}, cause: "vault_header"},
		"a call that overrides policies":                   {header: []string{"x-vault-policy-override", "true"}, cause: "vault_header"},
		"a call that reads a snapshot":                     {target: v3 + "services?read_snapshot_id=s", cause: "snapshot"},
		"a call that recovers from a snapshot":             {target: v3 + "services?recover_snapshot_id=s", cause: "snapshot"},
		"a call that names a snapshot in a header":         {header: []string{"X-Vault-Recover-Snapshot-Id", "s"}, cause: "snapshot"},
		"a role in forced proxy mode":                      {role: map[string]any{"forced_proxy_mode": true}, cause: "forced_proxy_mode"},
		"a role that the file leaves to Vault":             {block: `forward_roles = ["d*o"]`, cause: "forward_roles"},
		"a token that may not read the shared V3 token":    {block: `grant_from = "token"`, cause: "no_grant"},
		"nothing of one that may read the shared V3 token": {block: `grant_from = "token"`, policy: proxied + `path "mash-creds/roles/demo/token" { capabilities = ["read"] }`},
		"nothing of a token whose rules come in one field": {answers: acl(below + `}}`)},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test.run(t) })
	}
}

// run makes the call twice. The block allows one call, so the second shows
// whether the first was paced.
func (l left) run(t *testing.T) {
	w, calls := l.world(t)
	target := l.target
	if target == "" {
		target = v3 + "services"
	}
	eventually(t, "the proxy is logged in", func() bool { return w.unix.get(t, lookup).code() == "" })
	first := w.unix.get(t, target, l.header...)
	second := w.unix.get(t, target, l.header...).expect(t, http.StatusForbidden, "over_qps")
	if second.header.Get("Retry-After") == "" {
		t.Error("the second call is refused without Retry-After")
	}
	if l.cause == "" {
		if first.verdict() != "mashery" || len(calls()) != 0 {
			t.Errorf("it was served by %s; Vault saw %q: %s", first.verdict(), calls(), first.body)
		}
		return
	}
	if first.verdict() != "vault" || first.header.Get("X-Mashproxy-Wait-Ms") == "" {
		t.Errorf("it was served by %s: %d %v %s", first.verdict(), first.status, first.header, first.body)
	}
	if seen := calls(); len(seen) != 1 || seen[0] != target {
		t.Errorf("Vault saw %q", seen)
	}
	log := w.stderr.String()
	if n := strings.Count(log, "calls are left to Vault"); n != 1 || !strings.Contains(log, "cause="+l.cause+" ") {
		t.Errorf("%d warnings, want one of %s:\n%s", n, l.cause, shortened(log))
	}
}

// world is one with a way to Vault on which answers can be changed, and the
// calls to the engine's proxy paths that went that way.
func (l left) world(t *testing.T) (*world, func() []string) {
	t.Helper()
	w := &world{Sandbox: startSandbox(t, everything(`{}`))}
	w.root = rootOf(t, w.Sandbox)
	if l.policy == "" {
		l.policy = allRights
	}
	w.allow(t, l.policy)
	if l.login != nil {
		w.write(t, "auth/approle/role/demo", l.login)
	}
	if l.role != nil {
		w.write(t, "mash-creds/roles/demo", l.role)
	}
	var calls output
	server := front(t, w.Sandbox)
	vault := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/proxy/") {
			_, _ = io.WriteString(&calls, r.RequestURI+"\n")
		}
		if scripted, ok := l.answers[r.URL.Path]; ok {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(scripted.status)
			_, _ = io.WriteString(rw, scripted.body)
			return
		}
		vault.ServeHTTP(rw, r)
	})
	server.Start()
	w.config = configured(t, w.Sandbox, edit{w.Vault().Address(), server.URL},
		inMashery("qps = 0.001\n  max_wait = \"50ms\"\n  "+l.block))
	w.start(t, setup{})
	return w, func() []string { return strings.Fields(calls.String()) }
}
