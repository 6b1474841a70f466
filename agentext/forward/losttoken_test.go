// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/command/proxy/config"
)

func TestAnInvalidTokenIsTold(t *testing.T) {
	v := startVault(t)
	token := v.token()
	v.write("auth/token/revoke", map[string]any{"token": token})
	who := newIdentity(token)
	handler := newForwarder(t, Config{Client: v.root, APIProxy: forced, Mashery: true}).Handler(who)
	got := ask(t, handler, "GET", "/v1/leased/one", "", nil)
	if got.status != 503 || got.header.Get("X-Mashproxy-Error") != "not_ready" || got.header.Get("Retry-After") == "" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	select {
	case told := <-who.invalid:
		if told != token {
			t.Errorf("told of %q", told)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("was not told")
	}
}

func TestACallWaitsForTheNewTokenWhenTheOwnOneIsLost(t *testing.T) {
	v := startVault(t)
	for name, before := range map[string]string{"lost": v.token(), "not there yet": ""} {
		for way, cached := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
			t.Run(name+", "+way, func(t *testing.T) {
				if before != "" {
					v.write("auth/token/revoke", map[string]any{"token": before})
				}
				who := newIdentity(before)
				f := newForwarder(t, Config{Client: v.root, APIProxy: forced, Cache: cached, Mashery: true})
				after := v.token()
				timer := time.AfterFunc(100*time.Millisecond, func() { who.set(after) })
				defer timer.Stop()
				if got := ask(t, f.Handler(who), "POST", "/v1/leased/one", `{"value":"kept"}`, nil); got.status >= 300 {
					t.Errorf("answered %d %s", got.status, got.body)
				}
				if secret, err := v.root.Logical().Read("leased/one"); err != nil || secret.Data["value"] != "kept" {
					t.Errorf("got %v, %v", secret, err)
				}
			})
		}
	}
}

func TestATokenThatComesWhileACallWaitsIsNotWrappedUp(t *testing.T) {
	v := startVault(t)
	for name, before := range map[string]string{"lost": v.token(), "not there yet": ""} {
		t.Run(name, func(t *testing.T) {
			if before != "" {
				v.write("auth/token/revoke", map[string]any{"token": before})
			}
			who, after := newIdentity(before), v.token()
			timer := time.AfterFunc(100*time.Millisecond, func() { who.set(after) })
			defer timer.Stop()
			handler := newForwarder(t, Config{Client: v.root, APIProxy: forced, Mashery: true}).Handler(who)
			got := ask(t, handler, "GET", "/v1/auth/token/lookup-self", "", wrapTTL("60s"))
			if got.status != 403 || got.header.Get("X-Mashproxy-Error") != "credential_withheld" {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if got := ask(t, handler, "GET", "/v1/auth/token/lookup-self", "", nil); got.status != 200 {
				t.Errorf("not wrapped: %d %s", got.status, got.body)
			} else {
				mustNotHold(t, got, after)
			}
		})
	}
}

func TestACallIsSentTwiceAtMostForTheLackOfAToken(t *testing.T) {
	who := newIdentity("hvs.first-of-some-length")
	calls := 0
	upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if calls++; calls == 1 {
			who.set("hvs.second-of-some-length")
		}
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`)
	})
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced, Mashery: true}).Handler(who)
	for body, want := range map[string]int{"short": 2, strings.Repeat("long", keptBody): 1} {
		calls = 0
		if got := ask(t, handler, "POST", "/v1/leased/one", body, nil); got.header.Get("X-Mashproxy-Error") != "not_ready" || calls != want {
			t.Errorf("%.5s: %d calls, answered %d %s", body, calls, got.status, got.body)
		}
		who.set("hvs.first-of-some-length")
	}
}

func TestBeforeTheLogin(t *testing.T) {
	v := startVault(t)
	handler := newForwarder(t, Config{Client: v.root, APIProxy: forced, Mashery: true}).Handler(newIdentity(""))
	got := ask(t, handler, "GET", "/v1/leased/one", "", nil)
	if got.status != 503 || got.header.Get("X-Mashproxy-Error") != "not_ready" || got.header.Get("Retry-After") == "" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if got := ask(t, handler, "GET", "/v1/sys/health", "", nil); got.status != 200 {
		t.Errorf("what needs no token: %d %s", got.status, got.body)
	}
}

// Nothing but Vault's own word about the current token ends it.
func TestOtherRefusalsAreNotTold(t *testing.T) {
	v := startVault(t)
	token := v.token()
	gone := v.token()
	v.write("auth/token/revoke", map[string]any{"token": gone})
	if err := v.root.Sys().PutPolicy("none", `path "none" { capabilities = ["deny"] }`); err != nil {
		t.Fatal(err)
	}
	poor := v.write("auth/token/create", map[string]any{"policies": []string{"none"}, "no_parent": true}).Auth.ClientToken
	tests := map[string]struct {
		own      string
		settings *config.APIProxy
		target   string
		header   http.Header
	}{
		"permission denied":                {poor, forced, "/v1/leased/one", nil},
		"a client's invalid token":         {token, &config.APIProxy{UseAutoAuthToken: true}, "/v1/leased/one", http.Header{"X-Vault-Token": {gone}}},
		"a plugin that says invalid token": {token, forced, "/v1/raw/refusal", nil},
		"no login yet":                     {"", forced, "/v1/leased/one", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			who := newIdentity(test.own)
			handler := newForwarder(t, Config{Client: v.root, APIProxy: test.settings}).Handler(who)
			if got := ask(t, handler, "GET", test.target, "", test.header); got.status != 403 {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if handler.telling.Load() || len(who.invalid) > 0 {
				t.Error("was told")
			}
		})
	}
}

func TestALateAnswerToAnOlderTokenIsNotTold(t *testing.T) {
	who := newIdentity("hvs.first-of-some-length")
	upstream := fakeVault(t, func(w http.ResponseWriter, _ *http.Request) {
		who.set("hvs.second-of-some-length")
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`)
	})
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced}).Handler(who)
	ask(t, handler, "GET", "/v1/leased/one", "", nil)
	if handler.telling.Load() || len(who.invalid) > 0 {
		t.Error("was told of the current token")
	}
	ask(t, handler, "GET", "/v1/leased/one", "", nil)
	who.set("hvs.third-of-some-length") // the telling does not wait
}
