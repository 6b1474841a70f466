// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/vault"
)

var forced = &config.APIProxy{UseAutoAuthToken: true, ForceAutoAuthToken: true}

// newForwarder makes a Forwarder that a test's end closes.
func newForwarder(t testing.TB, c Config) *Forwarder {
	t.Helper()
	if c.Logger == nil {
		c.Logger = (&logs{}).logger()
	}
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func wrapTTL(ttl string) http.Header { return http.Header{"X-Vault-Wrap-Ttl": {ttl}} }

// The ways by which a client may try to get at the auto-auth token, each
// through the API proxy and through the lease cache of a real Vault.
func TestTheTokenNeverLeaves(t *testing.T) {
	v := startVault(t)
	token := v.token()
	inner, err := vault.DecodeSSCTokenInternal(token)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		method, target, body string
		header               http.Header
		status               int
		code                 string
	}{
		"lookup-self":                      {"GET", "/v1/auth/token/lookup-self", "", nil, 200, ""},
		"lookup-self by POST":              {"POST", "/v1/auth/token/lookup-self", "", nil, 0, ""},
		"a trailing slash":                 {"GET", "/v1/auth/token/lookup-self/", "", nil, 200, ""},
		"empty segments":                   {"GET", "/v1//auth//token/lookup-self", "", nil, 200, ""},
		"climbing":                         {"GET", "/v1/sys/../auth/token/lookup-self", "", nil, 200, ""},
		"climbing, escaped":                {"GET", "/v1/sys/%2e%2e/auth/token/lookup-self", "", nil, 200, ""},
		"climbing to another mount":        {"GET", "/v1/auth/token/x/%2e%2e/lookup-self", "", nil, 200, ""},
		"an escaped slash":                 {"GET", "/v1/auth%2Ftoken%2Flookup-self", "", nil, 200, ""},
		"escaped letters":                  {"GET", "/v1/auth/token/%6cookup-self", "", nil, 200, ""},
		"renew-self":                       {"POST", "/v1/auth/token/renew-self", "{}", nil, 200, ""},
		"lookup without a token":           {"POST", "/v1/auth/token/lookup", "{}", nil, 200, ""},
		"lookup without a body":            {"POST", "/v1/auth/token/lookup", "", nil, 200, ""},
		"lookup of the own token":          {"POST", "/v1/auth/token/lookup", `{"token":"` + token + `"}`, nil, 200, ""},
		"lookup of the own token, twice":   {"POST", "/v1/auth/token/lookup", `{"token":"x","token":"` + token + `"}`, nil, 0, ""},
		"lookup with the key in capitals":  {"POST", "/v1/auth/token/lookup", `{"TOKEN":"` + token + `"}`, nil, 200, ""},
		"lookup of the own inner token":    {"POST", "/v1/auth/token/lookup", `{"token":"` + inner.Random + `"}`, nil, 200, ""},
		"lookup as a form":                 {"POST", "/v1/auth/token/lookup", `token=` + token, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 200, ""},
		"renew of the own token":           {"POST", "/v1/auth/token/renew", `{"token":"` + token + `"}`, nil, 200, ""},
		"lookup-self, wrapped":             {"GET", "/v1/auth/token/lookup-self", "", wrapTTL("60s"), 403, "credential_withheld"},
		"lookup-self, wrapped, climbing":   {"GET", "/v1/sys/%2e%2e/auth//token/lookup-self/", "", wrapTTL("60"), 403, "credential_withheld"},
		"renew-self, wrapped":              {"POST", "/v1/auth/token/renew-self", "{}", wrapTTL("60s"), 403, "credential_withheld"},
		"lookup without a token, wrapped":  {"POST", "/v1/auth/token/lookup", "{}", wrapTTL("60s"), 403, "credential_withheld"},
		"with its namespace in the path":   {"GET", "/v1/ns1/auth/token/lookup-self", "", nil, 0, ""},
		"wrapped, with a namespace in the": {"GET", "/v1/ns1/auth/token/lookup-self", "", wrapTTL("60s"), 403, "credential_withheld"},
		"an echo of it in an error":        {"GET", "/v1/leased/none?list=" + token, "", nil, 0, ""},
		"a secret that holds it":           {"GET", "/v1/leased/token", "", nil, 502, "credential_withheld"},
		"a secret that holds the inner":    {"GET", "/v1/leased/inner", "", nil, 502, "credential_withheld"},
		"a secret that holds it, wrapped":  {"GET", "/v1/leased/token", "", wrapTTL("60s"), 200, ""},
		"a long secret that holds it":      {"GET", "/v1/leased/long", "", nil, 502, "credential_withheld"},
	}
	v.write("leased/token", map[string]any{"value": token})
	v.write("leased/inner", map[string]any{"value": inner.Random})
	v.write("leased/long", map[string]any{"value": strings.Repeat("long ", 20_000) + token})

	for way, cached := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
		var text logs
		f := newForwarder(t, Config{Client: v.root, APIProxy: forced, Cache: cached, Mashery: true, Logger: text.logger()})
		if err := f.WriteToken(token); err != nil {
			t.Fatal(err)
		}
		handler := f.Handler(newIdentity(token))
		for name, test := range tests {
			t.Run(way+": "+name, func(t *testing.T) {
				got := ask(t, handler, test.method, test.target, test.body, test.header)
				mustNotHold(t, got, token, inner.Random)
				if test.status != 0 && got.status != test.status || got.header.Get("X-Mashproxy-Error") != test.code {
					t.Errorf("answered %d %q: %s", got.status, got.header.Get("X-Mashproxy-Error"), got.body)
				}
				if strings.Contains(got.body, "accessor\":\"") && !strings.Contains(got.body, `"accessor":""`) && !strings.Contains(got.body, "wrap_info\":{") {
					t.Errorf("holds an accessor: %s", got.body)
				}
			})
		}
		if log := text.String(); strings.Contains(log, token) || strings.Contains(log, inner.Random) {
			t.Errorf("%s: the log holds the token", way)
		}
	}
}

func mustNotHold(t *testing.T, got reply, secrets ...string) {
	t.Helper()
	header, err := json.Marshal(got.header)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(got.body, secret) || strings.Contains(string(header), secret) {
			t.Fatalf("the answer holds the token: %d %s %s", got.status, header, got.body)
		}
	}
}

func TestALookUpKeepsAllElse(t *testing.T) {
	v := startVault(t)
	token := v.token()
	handler := newForwarder(t, Config{Client: v.root, APIProxy: forced}).Handler(newIdentity(token))

	got := ask(t, handler, "GET", "/v1/auth/token/lookup-self", "", nil)
	var secret struct {
		RequestID string         `json:"request_id"`
		Data      map[string]any `json:"data"`
	}
	if err := json.Unmarshal([]byte(got.body), &secret); err != nil {
		t.Fatal(err)
	}
	if secret.RequestID == "" || secret.Data["display_name"] != "token" || secret.Data["creation_ttl"] == nil {
		t.Errorf("lost more than the token: %s", got.body)
	}
	if secret.Data["id"] != nil || secret.Data["accessor"] != nil {
		t.Errorf("still there: %s", got.body)
	}

	got = ask(t, handler, "PUT", "/v1/auth/token/renew-self", `{"increment":60}`, nil)
	var renewal struct {
		Auth map[string]any `json:"auth"`
	}
	if err := json.Unmarshal([]byte(got.body), &renewal); err != nil {
		t.Fatal(err)
	}
	if renewal.Auth["client_token"] != "" || renewal.Auth["accessor"] != "" || renewal.Auth["lease_duration"] != 60. {
		t.Errorf("renewal: %s", got.body)
	}
}

// A wrapping token that somebody got past this proxy is of no use here.
func TestAnUnwrappedTokenIsWithheld(t *testing.T) {
	v := startVault(t)
	token := v.token()
	mine := newClient(t, v.server.URL)
	mine.SetToken(token)
	for name, wrap := range map[string]func() string{
		"lookup-self": func() string {
			mine.SetWrappingLookupFunc(func(string, string) string { return "60s" })
			secret, err := mine.Logical().Read("auth/token/lookup-self")
			if err != nil {
				t.Fatal(err)
			}
			return secret.WrapInfo.Token
		},
		"renew-self": func() string {
			mine.SetWrappingLookupFunc(func(string, string) string { return "60s" })
			secret, err := mine.Logical().Write("auth/token/renew-self", nil)
			if err != nil {
				t.Fatal(err)
			}
			return secret.WrapInfo.Token
		},
	} {
		t.Run(name, func(t *testing.T) {
			inner, err := vault.DecodeSSCTokenInternal(token)
			if err != nil {
				t.Fatal(err)
			}
			handler := newForwarder(t, Config{Client: v.root, APIProxy: forced}).Handler(newIdentity(token))
			got := ask(t, handler, "POST", "/v1/sys/wrapping/unwrap", `{"token":"`+wrap()+`"}`, nil)
			mustNotHold(t, got, token, inner.Random)
			if got.status != 502 || got.header.Get("X-Mashproxy-Error") != "credential_withheld" {
				t.Errorf("unwrap: %d %s", got.status, got.body)
			}

			// With the wrapping token as the client's own, where that is taken.
			handler = newForwarder(t, Config{Client: v.root, APIProxy: &config.APIProxy{UseAutoAuthToken: true}}).Handler(newIdentity(token))
			got = ask(t, handler, "POST", "/v1/sys/wrapping/unwrap", "", http.Header{"X-Vault-Token": {wrap()}})
			mustNotHold(t, got, token, inner.Random)
			if got.status != 502 {
				t.Errorf("unwrap with the wrapping token: %d %s", got.status, got.body)
			}
			got = ask(t, handler, "GET", "/v1/cubbyhole/response", "", http.Header{"X-Vault-Token": {wrap()}})
			mustNotHold(t, got, token, inner.Random)
			if got.status != 502 {
				t.Errorf("cubbyhole/response: %d %s", got.status, got.body)
			}
		})
	}
}

func TestThePreviousTokenIsWithheldToo(t *testing.T) {
	v := startVault(t)
	first, second := v.token(), v.token()
	v.write("leased/token", map[string]any{"value": first})
	who := newIdentity(first)
	who.set(second)
	handler := newForwarder(t, Config{Client: v.root, APIProxy: forced}).Handler(who)
	got := ask(t, handler, "GET", "/v1/leased/token", "", nil)
	mustNotHold(t, got, first)
	if got.status != 502 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestAnAnswerFromTheCacheIsSearchedToo(t *testing.T) {
	v := startVault(t)
	first, second := v.token(), v.token()
	v.write("leased/token", map[string]any{"value": second, "ttl": "1h"})
	who := newIdentity(first)
	f := newForwarder(t, Config{Client: v.root, APIProxy: &config.APIProxy{UseAutoAuthToken: true}, Cache: &config.Cache{}})
	if err := f.WriteToken(first); err != nil {
		t.Fatal(err)
	}
	handler := f.Handler(who)
	header := http.Header{"X-Vault-Token": {first}}
	if got := ask(t, handler, "GET", "/v1/leased/token", "", header); got.status != 200 || got.header.Get("X-Cache") != "MISS" {
		t.Fatalf("first: %d %s", got.status, got.body)
	}
	if got := ask(t, handler, "GET", "/v1/leased/token", "", header); got.status != 200 || got.header.Get("X-Cache") != "HIT" {
		t.Fatalf("from the cache: %d %s %s", got.status, got.header, got.body)
	}
	who.set(second) // what was anybody's secret is the proxy's token now
	got := ask(t, handler, "GET", "/v1/leased/token", "", header)
	mustNotHold(t, got, second)
	if got.status != 502 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

// What a client says about itself does not matter under "force".
func TestForceTakesNoTokenOfTheClients(t *testing.T) {
	v := startVault(t)
	token := v.token()
	tests := map[string]http.Header{
		"none":                       nil,
		"X-Vault-Token":              {"X-Vault-Token": {"hvs.client"}},
		"several X-Vault-Token":      {"X-Vault-Token": {"", "hvs.client"}},
		"Authorization: Bearer":      {"Authorization": {"Bearer hvs.client"}},
		"Authorization: bearer":      {"Authorization": {"bearer  hvs.client"}},
		"named in Connection":        {"Connection": {"X-Vault-Token, Authorization, X-Vault-Request"}, "X-Vault-Token": {"hvs.client"}},
		"both, with a namespace too": {"X-Vault-Token": {"hvs.client"}, "Authorization": {"Basic abc", "Bearer hvs.client"}},
	}
	for name, header := range tests {
		t.Run(name, func(t *testing.T) {
			handler := newForwarder(t, Config{Client: v.root, APIProxy: forced}).Handler(newIdentity(token))
			if got := ask(t, handler, "GET", "/v1/auth/token/lookup-self", "", header); got.status != 200 {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			for _, r := range v.requests("/v1/auth/token/lookup-self") {
				if got := r.Header["X-Vault-Token"]; len(got) != 1 || got[0] != token {
					t.Errorf("Vault saw the tokens %q", got)
				}
				if got := r.Header["Authorization"]; strings.Contains(strings.Join(got, " "), "hvs.client") {
					t.Errorf("Vault saw Authorization %q", got)
				}
			}
			// Before the login nobody's token is taken instead.
			handler = newForwarder(t, Config{Client: v.root, APIProxy: forced}).Handler(newIdentity(""))
			if got := ask(t, handler, "GET", "/v1/auth/token/lookup-self", "", header); got.status != 403 {
				t.Errorf("before the login: %d %s", got.status, got.body)
			}
			for _, r := range v.requests("/v1/auth/token/lookup-self") {
				if strings.Contains(strings.Join(r.Header["Authorization"], " "), "hvs.client") || len(r.Header["X-Vault-Token"]) > 0 {
					t.Errorf("before the login Vault saw %v", r.Header)
				}
			}
		})
	}
}

func TestTokensAsVaultProxyChoosesThem(t *testing.T) {
	v := startVault(t)
	own, client := v.token(), v.token()
	tests := map[string]struct {
		settings *config.APIProxy
		header   http.Header
		want     string
	}{
		"use_auto_auth_token, none of the client's": {&config.APIProxy{UseAutoAuthToken: true}, nil, own},
		"use_auto_auth_token, one of the client's":  {&config.APIProxy{UseAutoAuthToken: true}, http.Header{"X-Vault-Token": {client}}, client},
		"no api_proxy, one of the client's":         {nil, http.Header{"X-Vault-Token": {client}}, client},
		"no api_proxy, none":                        {nil, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			handler := newForwarder(t, Config{Client: v.root, APIProxy: test.settings}).Handler(newIdentity(own))
			got := ask(t, handler, "GET", "/v1/sys/internal/ui/mounts", "", test.header)
			for _, r := range v.requests("/v1/sys/internal/ui/mounts") {
				if saw := r.Header.Get("X-Vault-Token"); saw != test.want {
					t.Errorf("Vault saw the token %q, want %q (answered %d)", saw, test.want, got.status)
				}
			}
		})
	}
}

// A client that has a token of its own may do with that what it likes.
func TestAClientsOwnTokenIsShown(t *testing.T) {
	v := startVault(t)
	own, client := v.token(), v.token()
	inner, err := vault.DecodeSSCTokenInternal(client)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		method, path, body, wrap, holds string
	}{
		"looked up":               {"GET", "lookup-self", "", "", client},
		"looked up without a key": {"POST", "lookup", "{}", "", inner.Random},
		"renewed":                 {"POST", "renew-self", "{}", "", client},
		"looked up and wrapped":   {"GET", "lookup-self", "", "60s", `"wrap_info":{"token"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			handler := newForwarder(t, Config{Client: v.root, APIProxy: &config.APIProxy{UseAutoAuthToken: true}}).Handler(newIdentity(own))
			header := http.Header{"X-Vault-Token": {client}}
			if test.wrap != "" {
				header.Set("X-Vault-Wrap-Ttl", test.wrap)
			}
			got := ask(t, handler, test.method, "/v1/auth/token/"+test.path, test.body, header)
			if got.status != 200 || !strings.Contains(got.body, test.holds) {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
}
