// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// echoes answers V2 calls, and V3 calls with 401, as Mashery does without a token.
func echoes(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		says(200, `{"jsonrpc":"2.0","id":1,"result":"mashproxy"}`)(w, r)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func TestACheckSaysThatAllWorks(t *testing.T) {
	e := newDemo(t)
	only := demoRole()
	delete(only, "area_nid")
	e.writeRole("v3only", only)
	e.mashery.on(echoes, nil)
	want := map[string]any{
		"works": true, "version": Version, "tls_pinning": "default",
		"v2_endpoint": "answers: status 401, in clear", "v3_endpoint": "answers: status 401, in clear", "v3_token_endpoint": "answers: status 200, in clear",
		"clock":         "Mashery's agrees with this machine's",
		"role demo, v2": "works: test.echo was answered", "role demo, v3": "works: a token for 1h0m0s more",
		"role v3only, v3": "works: a token for 1h0m0s more",
	}
	if got := e.read("check", map[string]any{"role": "demo,v3only"}); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	for _, name := range []string{"role demo, v2", "role demo, v3", "role v3only, v3"} {
		delete(want, name)
	}
	if got := e.read("check", nil); !maps.Equal(got, want) {
		t.Errorf("without roles: got %v\nwant %v", got, want)
	}
}

func TestACheckSaysWhatDoesNotWork(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	untrusted, _ := secure(t)
	for name, c := range map[string]struct {
		config map[string]any
		call   http.HandlerFunc
		token  http.HandlerFunc
		of     string
		want   string
	}{
		"nobody there": {config: map[string]any{"v2_endpoint": gone.URL}, of: "v2_endpoint",
			want: "fails: no answer from Mashery at " + strings.TrimPrefix(gone.URL, "http://") + ": dial tcp "},
		"a certificate nobody trusts": {config: map[string]any{"v3_endpoint": untrusted.URL}, of: "v3_endpoint",
			want: "fails: no answer from Mashery at " + strings.TrimPrefix(untrusted.URL, "https://") + ": tls: failed to verify certificate: x509: "},
		"an egress proxy that refuses": {config: map[string]any{"v3_endpoint": "https://api.mashery.example/v3", "proxy_server": gone.URL}, of: "v3_endpoint",
			want: "fails: no answer from Mashery at api.mashery.example: proxyconnect tcp: "},
		"a refused password": {token: says(400, `{"error":"invalid_grant","error_description":"wrong `+plantedPassword+`"}`), of: "role demo, v3",
			want: "fails: Mashery refused an access token with status 400; check the role's key, secret, user, password and area. invalid_grant wrong [redacted]"},
		"a refused key": {call: says(403, "<h1>", "X-Mashery-Error-Code: ERR_403_NOT_AUTHORIZED"), of: "role demo, v2",
			want: "fails: Mashery answered with status 403: ERR_403_NOT_AUTHORIZED"},
		"a wrong area": {call: says(404, ""), of: "role demo, v2",
			want: "fails: Mashery answered with status 404: without a word"},
		"a role that does not exist": {of: "role nobody", want: "fails: it does not exist"},
		"a role without credentials": {of: "role empty", want: "fails: it has the credentials of neither API"},
		"a role that has expired":    {of: "role spent, v3", want: "fails: this role has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.writeRole("empty", nil)
			spent := demoRole()
			spent["explicit_term"] = "1h"
			e.writeRole("spent", spent)
			e.clock.move(2 * time.Hour)
			if c.config != nil {
				e.must(logical.UpdateOperation, "config", c.config)
			}
			e.mashery.on(c.call, c.token)
			got := e.read("check", map[string]any{"role": []string{"demo", "nobody", "empty", "spent"}})
			if said, _ := got[c.of].(string); !strings.HasPrefix(said, c.want) {
				t.Errorf("%s: got %q, want %q", c.of, said, c.want)
			}
			wantEqual(t, "works", got["works"], any(false))
			for _, secret := range []string{plantedKey, plantedSecret, plantedPassword, "token-1", "sig="} {
				if strings.Contains(fmt.Sprint(got), secret) {
					t.Errorf("shows %s: %v", secret, got)
				}
			}
		})
	}
}

// Vault's storage takes no key with two dots in a row.
func TestACheckOfWhatCanBeNoRoleIsNoFault(t *testing.T) {
	e := newDemo(t)
	e.tampered().before = func(_ context.Context, _, key string) error {
		if strings.Contains(key, "..") {
			return logical.ErrRelativePath
		}
		return nil
	}
	for _, name := range []string{"a..b", "../config", "a/b", "-"} {
		wantEqual(t, name, e.read("check", map[string]any{"role": name})["role "+name], any("fails: it does not exist"))
	}
}

func TestACheckTellsOfMasherysClock(t *testing.T) {
	for offset, want := range map[time.Duration]string{
		20 * time.Minute: "Mashery's is 20m0s ahead of this machine's", -time.Hour: "Mashery's is 1h0m0s behind this machine's", time.Second: "Mashery's agrees with this machine's",
	} {
		if got := clockFinding([]time.Duration{unknownOffset, offset}).String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	wantEqual(t, "a clock that was not told", clockFinding([]time.Duration{unknownOffset}).String(), "Mashery did not tell")
}

func TestACheckCostsNoUseOfARole(t *testing.T) {
	e := newDemo(t)
	limited := demoRole()
	limited["explicit_num_uses"] = 1
	e.writeRole("limited", limited)
	e.mashery.on(echoes, nil)
	for range 3 {
		wantEqual(t, "works", e.read("check", map[string]any{"role": "limited"})["works"], any(true))
	}
	wantEqual(t, "uses", e.read("roles/limited", nil)["use_remaining"], any("1 times (0% used)"))
}

func TestACheckOfOddAnswersNeitherPanicsNorHangs(t *testing.T) {
	for name, c := range oddAnswers() {
		t.Run(name, func(t *testing.T) {
			limits := defaultBounds()
			limits.Body = 1 << 20
			if c.status == http.StatusGatewayTimeout {
				limits.Call, limits.Fetch = 100*time.Millisecond, 100*time.Millisecond
			}
			e := newEngineWithin(t, limits)
			e.writeRole("demo", demoRole())
			e.mashery.on(c.answer, c.answer)
			wantEqual(t, "works", e.read("check", map[string]any{"role": "demo"})["works"], any(false))
		})
	}
}
