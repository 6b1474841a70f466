// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/command/agentproxyshared"
	"github.com/hashicorp/vault/command/proxy/config"
)

func TestConsistencySettings(t *testing.T) {
	tests := map[string]struct {
		settings config.APIProxy
		problem  string
	}{
		"none":                      {config.APIProxy{}, ""},
		"always, forward":           {config.APIProxy{EnforceConsistency: "always", WhenInconsistent: "forward"}, ""},
		"always, retry":             {config.APIProxy{EnforceConsistency: "always", WhenInconsistent: "retry"}, ""},
		"never, fail":               {config.APIProxy{EnforceConsistency: "never", WhenInconsistent: "fail"}, ""},
		"a wrong enforce":           {config.APIProxy{EnforceConsistency: "sometimes"}, `api_proxy: enforce_consistency is "sometimes": use "always" or "never"`},
		"a wrong when_inconsistent": {config.APIProxy{WhenInconsistent: "panic"}, `api_proxy: when_inconsistent is "panic": use "retry", "forward" or "fail"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := New(Config{Client: newClient(t, "http://127.0.0.1:1"), APIProxy: &test.settings, Logger: (&logs{}).logger()})
			if got := fmt.Sprint(err); err != nil && got != test.problem || err == nil && test.problem != "" {
				t.Errorf("error %v, want %q", err, test.problem)
			}
			if err == nil {
				_ = f.Close()
			}
		})
	}
}

func TestEnforceConsistencyAsksForTheStateSeen(t *testing.T) {
	const state = "djE6Y2x1c3Rlcjo1OjA6aG1hYw==" // v1:cluster:5:0:hmac
	var asked []string
	upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("X-Vault-Index"))
		w.Header().Set("X-Vault-Index", state)
	})
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: &config.APIProxy{EnforceConsistency: "always"}}).Handler(nil)
	ask(t, handler, "PUT", "/v1/leased/one", "{}", nil)
	ask(t, handler, "GET", "/v1/leased/one", "", nil)
	if len(asked) != 2 || asked[0] != "" || asked[1] != state {
		t.Errorf("asked for the states %q", asked)
	}
}

func TestRetriesThatWereSet(t *testing.T) {
	attempts := 0
	upstream := fakeVault(t, func(w http.ResponseWriter, _ *http.Request) {
		attempts++
		w.WriteHeader(503)
	})
	client := newClient(t, upstream.URL)
	client.SetMinRetryWait(time.Millisecond)
	client.SetMaxRetryWait(2 * time.Millisecond)
	handler := newForwarder(t, Config{Client: client, RetriesSet: true, Retries: 3}).Handler(nil)
	if got := ask(t, handler, "GET", "/v1/leased/one", "", nil); got.status != 503 || attempts != 4 {
		t.Errorf("answered %d after %d attempts", got.status, attempts)
	}
}

// What one process leaves in a persistent cache the next one finds.
func TestAPersistentCache(t *testing.T) {
	v := startVault(t)
	token := v.token()
	v.write("leased/one", map[string]any{"value": "1", "ttl": "1h"})
	dir := t.TempDir()
	jwt := filepath.Join(dir, "jwt")
	if err := os.WriteFile(jwt, []byte("a service account's token"), 0o600); err != nil {
		t.Fatal(err)
	}
	persist := &config.Cache{Persist: &agentproxyshared.PersistConfig{
		Type: "kubernetes", Path: dir, KeepAfterImport: true, ServiceAccountTokenFile: jwt,
	}}
	var text logs
	run := func(want, cache string) {
		f, err := New(Config{Client: v.root, APIProxy: forced, Cache: persist, Logger: text.logger()})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.PreviousToken(); got != want {
			t.Errorf("previous token is %q, want %q", got, want)
		}
		if err := f.WriteToken(token); err != nil {
			t.Fatal(err)
		}
		got := ask(t, f.Handler(newIdentity(token)), "GET", "/v1/leased/one", "", nil)
		if got.status != 200 || got.header.Get("X-Cache") != cache {
			t.Errorf("answered %d %v %s", got.status, got.header, got.body)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	run("", "MISS")
	run(token, "HIT")
	if strings.Contains(text.String(), token) {
		t.Error("the log holds the token")
	}

	broken := &config.Cache{Persist: &agentproxyshared.PersistConfig{Type: "kubernetes", Path: dir, ServiceAccountTokenFile: filepath.Join(dir, "none")}}
	if _, err := New(Config{Client: v.root, Cache: broken, Logger: text.logger()}); err == nil || !strings.HasPrefix(err.Error(), "cache: persist: ") {
		t.Errorf("error %v", err)
	}
}

func TestStaticSecretsAreSetUp(t *testing.T) {
	v := startVault(t)
	f := newForwarder(t, Config{Client: v.root, APIProxy: forced, Cache: &config.Cache{CacheStaticSecrets: true}})
	who := newIdentity("")
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Update(ctx, who)
	}()
	end()
	within(t, done, "the end of updates")

	// Without static secrets updates only wait.
	ctx, end = context.WithCancel(t.Context())
	end()
	newForwarder(t, Config{Client: v.root}).Update(ctx, who)
}

func TestCacheClearWithoutACache(t *testing.T) {
	f := newForwarder(t, Config{Client: newClient(t, "http://127.0.0.1:1")})
	if got := ask(t, f.CacheClear(), "POST", "/proxy/v1/cache-clear", `{"type":"all"}`, nil); got.status != 200 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if f.PreviousToken() != "" || f.WriteToken("hvs.x") != nil {
		t.Error("without a cache there is nothing to keep")
	}
}
