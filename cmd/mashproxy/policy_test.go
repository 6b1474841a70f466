// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// governed opens a world whose proxy logs in to a policy: what it must have to
// serve calls at all, and the text.
func governed(t *testing.T, policy string, edits ...edit) *world {
	t.Helper()
	w := &world{Sandbox: startSandbox(t, everything(`{}`))}
	w.root = rootOf(t, w.Sandbox)
	w.allow(t, policy)
	w.config = configured(t, w.Sandbox, edits...)
	w.start(t, setup{})
	eventually(t, "the proxy is logged in", func() bool { return w.unix.get(t, lookup).status == http.StatusOK })
	return w
}

// verdict is what became of a call: the code of its refusal, or who served it.
func (a answer) verdict() string {
	if a.code() != "" {
		return a.code()
	}
	return a.header.Get("X-Mashproxy-Source")
}

// judged is a call and its verdict.
type judged struct{ method, target, body, want string }

func (w *world) judge(t *testing.T, calls []judged) {
	t.Helper()
	for _, c := range calls {
		answer := w.unix.send(t, c.method, c.target, c.body)
		if answer.verdict() != c.want {
			t.Errorf("%s %s %s: %d %s, want %s: %s", c.method, c.target, c.body, answer.status, answer.verdict(), c.want, answer.body)
		}
	}
}

func TestEveryVerbNeedsItsCapability(t *testing.T) {
	t.Parallel()
	const denied, served = "policy_denied", "mashery"
	method := rolePath + "/proxy/v3-method/"
	w := governed(t, grants+`
path "mash-creds/roles/demo/proxy/v3/read"   { capabilities = ["read"] }
path "mash-creds/roles/demo/proxy/v3/list/"  { capabilities = ["list"] }
path "mash-creds/roles/demo/proxy/v3/write*" { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v3/gone"   { capabilities = ["delete"] }
path "mash-creds/roles/demo/proxy/v3/secret" { capabilities = ["deny"] }
path "mash-creds/roles/demo/proxy/v3/+/seg"  { capabilities = ["read"] }
path "mash-creds/roles/demo/proxy/v3-method/put/write"     { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v3-method/delete/write"  { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v3-method/delete/all"    { capabilities = ["update", "delete"] }
path "mash-creds/roles/demo/proxy/v2"           { capabilities = ["create"] }
path "mash-creds/roles/demo/proxy/v2/test.echo" { capabilities = ["update"] }
`)
	w.judge(t, []judged{
		{"GET", v3 + "read", "", served}, {"HEAD", v3 + "read", "", served},
		{"GET", v3 + "read?list=true", "", denied}, {"LIST", v3 + "read", "", denied},
		{"POST", v3 + "read", "{}", denied}, {"DELETE", v3 + "read", "", denied},
		{"GET", v3 + "re%61d", "", served}, {"GET", v3 + "secr%65t", "", denied},
		{"LIST", v3 + "list", "", served}, {"GET", v3 + "list?list=1", "", served}, {"GET", v3 + "list", "", denied},
		{"POST", v3 + "write", "{}", served}, {"put", v3 + "write", "{}", served}, {"DELETE", v3 + "write", "", denied},
		{"POST", v3 + "write;target-method-put", "{}", served}, {"POST", v3 + "write;target-method-delete", "", denied},
		{"DELETE", v3 + "gone", "", served}, {"GET", v3 + "gone", "", denied},
		{"GET", v3 + "secret", "", denied}, {"GET", v3 + "other", "", denied},
		{"GET", v3 + "x/seg", "", served}, {"GET", v3 + "x/y/seg", "", denied}, {"GET", v3 + "a%2Fb/seg", "", denied},
		{"POST", method + "put/write", "{}", served}, {"POST", method + "delete/write", "", denied}, {"POST", method + "delete/all", "", served},
		{"POST", v2, echo, served}, {"POST", v2 + "/test.echo", echo, served}, {"POST", v2 + "/test.hello", "{}", denied},
	})
	answer := w.unix.send(t, "DELETE", v3+"read", "").expect(t, http.StatusForbidden, denied)
	contains(t, "the refusal", answer.errors(t), "mash-creds/roles/demo/proxy/v3/read", `"delete"`)
}

func TestParametersAreHeldAgainstThePolicy(t *testing.T) {
	t.Parallel()
	const denied, served = "policy_denied", "mashery"
	w := governed(t, grants+`
path "mash-creds/roles/demo/proxy/v3/services" {
  capabilities       = ["update"]
  allowed_parameters = { "name" = ["team-*"], "version" = [] }
}
path "mash-creds/roles/demo/proxy/v3/applications" {
  capabilities      = ["read", "update"]
  denied_parameters = { "limit" = [] }
}
path "mash-creds/roles/demo/proxy/v3/members" {
  capabilities        = ["update"]
  required_parameters = ["email"]
}
path "mash-creds/roles/demo/proxy/v2" {
  capabilities       = ["update"]
  allowed_parameters = { "method" = ["test.*", "object.query"], "*" = [] }
}
`)
	w.judge(t, []judged{
		{"POST", v3 + "services", `{"name":"team-a"}`, served}, {"POST", v3 + "services", `{"name":"team-a","version":"1"}`, served},
		{"POST", v3 + "services", `{"name":"other"}`, denied}, {"POST", v3 + "services", `{"name":"team-a","x":1}`, denied},
		{"PUT", v3 + "services", `{"Name":"other"}`, denied}, {"POST", v3 + "services?name=other", `{"name":"team-a"}`, served},
		{"POST", v3 + "services", `{"name":"team-a","name":"other"}`, "bad_request"}, {"POST", v3 + "services", `[{"name":"other"}]`, "bad_request"},
		{"POST", v3 + "services", `{"name":"team-a"} {}`, "bad_request"}, {"POST", v3 + "services", "{\"name\":\"team-\xff\"}", "bad_request"},
		{"POST", v3 + "services", `{"name":"team-` + strings.Repeat("x", 1<<20) + `"}`, "too_large"},
		{"GET", v3 + "applications?offset=1", "", served}, {"GET", v3 + "applications?limit=1", "", denied},
		{"GET", v3 + "applications?lim%69t=1", "", denied}, {"GET", v3 + "applications?a;limit=1", "", "bad_request"},
		{"GET", v3 + "applications?a=%zz", "", "bad_request"},
		{"POST", v3 + "applications?limit=1", `{"a":1}`, served}, {"POST", v3 + "applications", `{"limit":1}`, denied},
		{"POST", v3 + "members", `{"email":"x"}`, served}, {"POST", v3 + "members", `{"name":"x"}`, denied}, {"POST", v3 + "members", ``, denied},
		{"POST", v2, `{"method":"test.echo","params":["x"]}`, served}, {"POST", v2, `{"method":"member.delete","params":[1]}`, denied},
		{"POST", v2, `{"method":"test.echo","Method":"member.delete"}`, "bad_request"},
	})
	form := w.unix.send(t, "POST", v3+"services", "name=team-a", "Content-Type", "application/x-www-form-urlencoded")
	form.expect(t, http.StatusBadRequest, "bad_request")
	packed := w.unix.send(t, "POST", v3+"services", `{"name":"team-a"}`, "Content-Encoding", "gzip")
	packed.expect(t, http.StatusBadRequest, "bad_request")
}

func TestARuleMayDenyASingleV2Method(t *testing.T) {
	t.Parallel()
	w := governed(t, grants+`
path "mash-creds/roles/demo/proxy/*"                { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v2/member.delete" { capabilities = ["deny"] }
`)
	w.judge(t, []judged{
		{"POST", v2, echo, "mashery"}, {"POST", v2, `{"method":"member.delete","params":[1]}`, "policy_denied"},
		{"POST", v2, `{"m\u0065thod":"member.delete","params":[1]}`, "policy_denied"}, {"POST", v2, `{"params":[1]}`, "bad_request"},
		{"POST", v2 + "/member.delete", `{"params":[1]}`, "policy_denied"}, {"POST", v2 + "/test.echo", echo, "mashery"},
	})
}

func TestPolicyOffAsksNobody(t *testing.T) {
	t.Parallel()
	w := governed(t, grants, inMashery(`policy = "off"`))
	w.judge(t, []judged{{"GET", v3 + "services", "", "mashery"}, {"DELETE", v3 + "services", "", "mashery"}, {"POST", v2, echo, "mashery"}})
	w.unix.get(t, rolePath).expect(t, http.StatusForbidden, "") // Vault's own word
}

func TestATighterPolicyShowsWithinAMinute(t *testing.T) {
	t.Parallel()
	w := governed(t, grants+`path "mash-creds/roles/demo/proxy/*" { capabilities = ["read", "update"] }`)
	w.judge(t, []judged{{"POST", v3 + "services", "{}", "mashery"}})
	w.allow(t, grants+`path "mash-creds/roles/demo/proxy/*" { capabilities = ["read"] }`)
	within(t, time.Minute, "a write is refused", func() bool {
		return w.unix.send(t, "POST", v3+"services", "{}").code() == "policy_denied"
	})
	w.judge(t, []judged{{"GET", v3 + "services", "", "mashery"}})
}

func TestGuardOfATCPListener(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	_, port, _ := strings.Cut(w.tcp.address, ":")
	for _, test := range []struct {
		allowed bool
		header  []string
	}{
		{true, nil},
		{true, []string{"Host", "127.0.0.1"}},
		{true, []string{"Host", "127.0.0.1:1"}},
		{true, []string{"Host", "127.8.9.1:80"}},
		{true, []string{"Host", "localhost"}},
		{true, []string{"Host", "LOCALHOST:" + port}},
		{true, []string{"Host", "[::1]:8300"}},
		{true, []string{"Host", "[::1]"}},
		{false, []string{"Host", "evil.example"}},
		{false, []string{"Host", "evil.example:" + port}},
		{false, []string{"Host", "localhost.evil.example"}},
		{false, []string{"Host", "127.0.0.1.evil.example"}},
		{false, []string{"Host", "192.168.1.1"}},
		{false, []string{"Host", "0.0.0.0:" + port}},
		{false, []string{"Host", "127.0.0.1:80:80"}},
		{true, []string{"Origin", "http://" + w.tcp.address}},
		{true, []string{"Origin", "https://" + w.tcp.address}},
		{true, []string{"Host", "localhost:" + port, "Origin", "http://localhost:" + port}},
		{false, []string{"Host", "localhost:" + port, "Origin", "http://127.0.0.1:" + port}},
		{false, []string{"Origin", "http://127.0.0.1"}},
		{false, []string{"Origin", "null"}},
		{false, []string{"Origin", ""}},
		{false, []string{"Origin", "http://evil.example"}},
		{false, []string{"Origin", "http://" + w.tcp.address, "Origin", "http://evil.example"}},
		{false, []string{"Origin", "chrome-extension://abcdef"}},
		{true, []string{"Sec-Fetch-Site", "same-origin"}},
		{true, []string{"Sec-Fetch-Site", "none"}},
		{false, []string{"Sec-Fetch-Site", "cross-site"}},
		{false, []string{"Sec-Fetch-Site", "same-site"}},
		{false, []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Site", "cross-site"}},
	} {
		for _, target := range []string{v3 + "services?limit=1", rolePath, "/proxy/v1/metrics"} {
			answer := w.tcp.get(t, target, test.header...)
			if refused := answer.status == http.StatusForbidden && answer.code() == "guard_denied"; refused == test.allowed {
				t.Errorf("%s with %q: %d %q %s", target, test.header, answer.status, answer.code(), shortened(answer.body))
			}
		}
		if test.header == nil {
			continue
		}
		if answer := w.unix.get(t, v3+"services?limit=1", test.header...); answer.status != http.StatusOK && test.header[1] != "127.0.0.1:80:80" {
			t.Errorf("over the unix socket with %q: %d %s", test.header, answer.status, answer.body)
		}
	}
	noHost := w.tcp.raw(t, fmt.Sprintf("GET %sservices HTTP/1.0\r\n\r\n", v3))
	noHost.expect(t, http.StatusForbidden, "guard_denied")
}
