// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sunk lets the program write its token where a test can read it.
func sunk(path string) edit {
	return edit{"auto_auth {\n", fmt.Sprintf("auto_auth {\n  sink \"file\" { config = { path = %q } }\n", path)}
}

// opened is open with a sink; token is the program's Vault token.
func opened(t *testing.T, edits ...edit) (w *world, token string) {
	t.Helper()
	path := filepath.Join(shortDir(t), "sink")
	w = open(t, setup{edits: append(edits, sunk(path))})
	eventually(t, "the sink is written", func() bool { return exists(path) && read(t, path) != "" })
	return w, read(t, path)
}

func TestAForwardedCallIsAnsweredAsVaultAnswers(t *testing.T) {
	t.Parallel()
	w, token := opened(t)
	vault := openDoor(t, "tcp", strings.TrimPrefix(w.Vault().Address(), "http://"))
	for _, test := range []struct{ method, target, body string }{
		{"GET", rolePath, ""}, {"GET", "/v1/mash-creds/roles/nosuch", ""}, {"LIST", "/v1/mash-creds/roles", ""},
		{"GET", "/v1/mash-creds/roles?list=true", ""}, {"GET", "/v1/sys/mounts", ""}, {"GET", "/v1/nosuch/path", ""},
		{"POST", "/v1/sys/capabilities-self", `{"paths":["mash-creds/roles/demo"]}`}, {"POST", "/v1/sys/capabilities-self", "{"},
		{"PUT", rolePath, `{"qps":1}`}, {"DELETE", rolePath, ""}, {"PATCH", rolePath, `{}`}, {"GET", "/v1/sys/seal-status", ""},
		{"GET", "/v1/sys/internal/ui/mounts/mash-creds", ""}, {"HEAD", "/v1/sys/health", ""}, {"GET", "/v2/nosuch", ""},
		{"OPTIONS", "/v1/sys/health", ""}, {"GET", "/v1/", ""}, {"GET", "/nosuch", ""},
	} {
		here := w.tcp.send(t, test.method, test.target, test.body)
		there := vault.send(t, test.method, test.target, test.body, "X-Vault-Token", token)
		if here.status != there.status || lasting(here.body) != lasting(there.body) || here.header.Get("Content-Type") != there.header.Get("Content-Type") {
			t.Errorf("%s %s: %d %s %s\nVault says: %d %s %s", test.method, test.target, here.status, here.header["Content-Type"], here.body, there.status, there.header["Content-Type"], there.body)
		}
		if source := here.header.Get("X-Mashproxy-Source"); source != "vault" {
			t.Errorf("%s %s: the source is %q", test.method, test.target, source)
		}
	}
}

// lasting is a body without what differs from answer to answer.
func lasting(body string) string {
	var object map[string]any
	if json.Unmarshal([]byte(body), &object) != nil {
		return body
	}
	delete(object, "request_id")
	text, _ := json.Marshal(object)
	return string(text)
}

func TestACallersOwnTokenIsNotUsed(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	root := w.Vault().RootToken().Reveal()
	for _, header := range [][]string{{"X-Vault-Token", root}, {"Authorization", "Bearer " + root}, {"X-Vault-Token", root, "Connection", "X-Vault-Token"}} {
		w.tcp.get(t, "/v1/sys/auth", header...).expect(t, http.StatusForbidden, "")
		w.tcp.send(t, "DELETE", rolePath, "", header...).expect(t, http.StatusForbidden, "")
		w.tcp.get(t, v3+"services?limit=1", header...).expect(t, http.StatusOK, "")
	}
}

func TestASealedVaultIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{atTop("cache {}")}})
	if err := w.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{rolePath, "/v1/sys/mounts", lookup} {
		began := time.Now()
		answer := w.tcp.get(t, target).expect(t, http.StatusServiceUnavailable, "")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: it took %s", target, took)
		}
		contains(t, target, answer.body, "Vault is sealed")
	}
	contains(t, "health", w.tcp.get(t, "/v1/sys/health").expect(t, http.StatusServiceUnavailable, "").body, `"sealed":true`)
}

func TestAVaultThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if err := w.Vault().Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	answer := w.unix.get(t, rolePath).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if answer.header.Get("Retry-After") == "" || answer.header.Get("X-Mashproxy-Source") != "mashproxy" {
		t.Errorf("the headers are %v", answer.header)
	}
	contains(t, "the error", answer.errors(t), w.Vault().Address())
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "") // the grant lives on
	w.unix.send(t, "POST", v2, echo).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
}

func TestTheAutoAuthTokenNeverLeaves(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]edit{"without a cache": nil, "with a cache": {atTop("cache {}")}} {
		t.Run(name, func(t *testing.T) {
			w, token := opened(t, edits...)
			w.allow(t, grants+`path "*" { capabilities = ["create", "read", "update", "delete", "list"] }`)
			w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
			for _, target := range []string{
				lookup, lookup + "/", lookup + "?x=y", lookup + "//", "/v1/auth//token/lookup-self", "/v1/auth/token//lookup-self", "//v1/auth/token/lookup-self",
				"/v1/auth/token/x/%2e%2e/lookup-self", "/v1/auth/token/x/../lookup-self", "/v1/auth/token/x%2f..%2flookup-self", "/v1/auth/token/look%75p-self",
				"/v1/auth%2Ftoken%2Flookup-self", "/v1/auth/token/lookup-self%2f", "/v1/auth/token/lookup", "/v1/auth/token/lookup/", "/v1/auth/token/renew-self",
				"/v1/auth/token/renew-self/", "/v1/auth/token/renew", "/v1/auth/token/renew/", "/v1/auth/token/r%65new-self", "/v1/auth/token/lookup-self#x",
			} {
				for _, method := range []string{"GET", "POST", "PUT", "LIST", "HEAD"} {
					for _, header := range [][]string{nil, {"X-Vault-Wrap-TTL", "60"}, {"x-vault-wrap-ttl", "1m"}, {"X-Vault-Namespace", "root"}, {"Accept-Encoding", "gzip"}} {
						for _, body := range []string{"", "{}", `{"token":""}`} {
							if body != "" && method != "POST" && method != "PUT" {
								continue
							}
							answer := w.tcp.send(t, method, target, body, header...)
							w.holds(t, fmt.Sprintf("%s %s %q %q", method, target, header, body), answer, token)
						}
					}
				}
			}
			shown := w.tcp.get(t, lookup).expect(t, http.StatusOK, "").body
			contains(t, "lookup-self", shown, `"display_name":"approle"`, `"policies"`)
		})
	}
}

// holds reports an answer that holds the token, itself or wrapped.
func (w *world) holds(t *testing.T, what string, a answer, token string) {
	t.Helper()
	if strings.Contains(a.body+fmt.Sprint(a.header), token) {
		t.Errorf("%s gives the token: %d", what, a.status)
	}
	var wrapped struct {
		WrapInfo *struct{ Token string } `json:"wrap_info"`
	}
	if json.Unmarshal([]byte(a.body), &wrapped) != nil || wrapped.WrapInfo == nil {
		return
	}
	client, err := w.Vault().Client()
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(wrapped.WrapInfo.Token)
	secret, err := client.Logical().Unwrap("")
	if err != nil {
		return
	}
	if text, _ := json.Marshal(secret); strings.Contains(string(text), token) {
		t.Errorf("%s gives the token wrapped", what)
	}
}

func TestTheTokenIsNotHeldByStoringIt(t *testing.T) {
	t.Parallel()
	w, token := opened(t)
	w.allow(t, grants+`path "cubbyhole/*" { capabilities = ["create", "read", "update"] }`)
	w.tcp.send(t, "POST", "/v1/cubbyhole/x", `{"kept":"`+token+`","long":"`+strings.Repeat("x", 100<<10)+`"}`).expect(t, http.StatusNoContent, "")
	answer := w.tcp.get(t, "/v1/cubbyhole/x").expect(t, http.StatusBadGateway, "credential_withheld")
	w.holds(t, "what was stored", answer, token)
}

func TestForwardedListsWorkWithACache(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{atTop("cache {}"), inMashery(`forward_roles = ["*"]`)}})
	for range 2 {
		list := w.tcp.get(t, v3+"services?limit=5").expect(t, http.StatusOK, "")
		var services []any
		if err := json.Unmarshal([]byte(list.body), &services); err != nil || len(services) != 5 {
			t.Errorf("the list is %s (%v)", list.body, err)
		}
		if h := list.header; h.Get("X-Total-Count") != "264" || h.Get("X-Mashproxy-Source") != "vault" {
			t.Errorf("the headers are %v", h)
		}
	}
}

func TestAForwardedPUTReachesMasheryAsPUT(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: everything(`{}`), edits: []edit{atTop("cache {}"), inMashery(`forward_roles = ["*"]`)}})
	for verb, target := range map[string]string{"PUT": "services/x?fields=id%2Cname", "POST": "services?fields=id", "DELETE": "services/x"} {
		body := `{"name":"x"}`
		if verb == "DELETE" {
			body = ""
		}
		w.tcp.send(t, verb, v3+target, body, "Content-Type", "application/json").expect(t, http.StatusOK, "")
		if sent := w.last(t); sent.Method != verb || sent.RequestURI != "/v3/rest/"+target || string(sent.Body) != body {
			t.Errorf("%s %s was sent as %s %s with %q", verb, target, sent.Method, sent.RequestURI, sent.Body)
		}
	}
}

func TestTheLeaseCacheKeepsLeasesUntilItIsCleared(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{atTop("cache {}"), inMashery(`reveal = ["demo"]`)}})
	log := w.audited(t)
	const leased = rolePath + "/grant?api=2&lease=true"
	for i, want := range []string{"MISS", "HIT", "HIT"} {
		if got := w.tcp.get(t, leased).expect(t, http.StatusOK, "").header.Get("X-Cache"); got != want {
			t.Errorf("reading it for the %d. time is a %s, want %s", i+1, got, want)
		}
	}
	w.tcp.send(t, "POST", "/proxy/v1/cache-clear", `{"type":"all"}`).expect(t, http.StatusOK, "")
	eventually(t, "the cache is cleared", func() bool { return w.tcp.get(t, leased).header.Get("X-Cache") == "MISS" })
	if n := log.count(t, grantPath); n != 2 {
		t.Errorf("Vault was asked %d times, want 2", n)
	}
}
