// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mashproxy/agentext/config"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// shares makes V3 calls be signed with the role's shared token.
func shares(p *parts) { p.block.GrantFrom = config.GrantFromToken }

// sharedToken is what the engine answers at roles/:role/token.
func sharedToken(token string) map[string]any {
	return map[string]any{"access_token": token, "token_time_remaining": json.Number("3600"), "qps": json.Number("0")}
}

func TestWhereGrantsComeFrom(t *testing.T) {
	for from, want := range map[config.GrantFrom][]string{
		config.GrantFromGrant: {"mash-creds/roles/demo/grant?api=3&lease=true", "mash-creds/roles/demo/grant?api=2&lease=true"},
		config.GrantFromToken: {"mash-creds/roles/demo/token?", "mash-creds/roles/demo/grant?api=2&lease=true"},
	} {
		t.Run(string(from), func(t *testing.T) {
			c := start(t, func(p *parts) { p.block.GrantFrom = from })
			for range 2 {
				c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
				c.wantStatus(c.ask("POST", "proxy/v2", `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["x"]}`), 200, "mashery")
			}
			if got := c.vault.requests(); !slices.Equal(got, want) {
				t.Errorf("Vault was asked %q, want %q", got, want)
			}
			if c.mount.PolicyMount().SharedToken != (from == config.GrantFromToken) {
				t.Error("the policies are read for another right")
			}
		})
	}
}

func TestASharedTokenThatIsDeadIsReplaced(t *testing.T) {
	for name, test := range map[string]struct{ next, asked string }{
		"by another":  {"replaced", "token? token?"},
		"by this one": {"deleted", "token? token? token? DELETE token?"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, shares)
			c.vault.answer = func(ctx context.Context, _ string, _ url.Values) (map[string]any, error) {
				asked := c.vault.requests()
				if len(asked) == 1 || test.next == "deleted" && !slices.ContainsFunc(asked, func(r string) bool { return strings.HasPrefix(r, "DELETE") }) {
					return sharedToken("not-one-of-masherys"), nil
				}
				token, err := c.vault.tokens.Password(ctx, credentials())
				return sharedToken(token.Access.Reveal()), err
			}
			c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
			asked := strings.Join(c.vault.requests(), " ")
			if got := strings.ReplaceAll(asked, "mash-creds/roles/demo/", ""); strings.Count(got, "DELETE") != strings.Count(test.asked, "DELETE") || strings.Count(got, "token?") != strings.Count(test.asked, "token?") {
				t.Errorf("Vault was asked %s", got)
			}
		})
	}
}

// gone refuses the grants of whoever asks for it.
var gone = route3("gone", func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set(mashery.HeaderErrorCode, mashery.ErrDeveloperInactive)
	http.Error(w, "<h1>Developer Inactive</h1>", http.StatusForbidden)
})

func TestAGrantByWhichOtherCallsAreAnsweredIsAGoodOne(t *testing.T) {
	c := start(t, gone)
	c.wantStatus(c.ask("GET", "proxy/v3/gone", ""), 403, "mashery")
	c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
	if got := c.handler.Grants.Status()[0]; got.State != cache.StateLive {
		t.Errorf("its state: %+v", got)
	}
}

func TestOnlyAnAnswerThatIsNoErrorSpeaksForItsGrant(t *testing.T) {
	for status, want := range map[int]cache.State{200: cache.StateLive, 204: cache.StateLive, 304: cache.StateLive, 403: cache.StateRefused, 404: cache.StateRefused, 502: cache.StateRefused} {
		synctest.Test(t, func(t *testing.T) {
			grants := cache.New(cache.Config[*mashery.Grant]{Vault: &scriptedVault{answer: anyToken}, Parse: ParseGrant})
			defer grants.Close()
			refused := &source{grants: grants, key: cache.Key{Mount: "mash-creds", Role: "demo", API: 3}}
			answered := *refused
			for _, s := range []*source{refused, refused, &answered} {
				time.Sleep(time.Millisecond)
				if _, err := s.Grant(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s == refused {
					s.Dead(nil, false)
				}
			}
			answered.answered(status)
			if got := grants.Status()[0].State; got != want {
				t.Errorf("after %d: %s, want %s", status, got, want)
			}
		})
	}
}

func TestACallWaitsForVaultForTwoSecondsInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &scriptedVault{answer: anyToken}
		grants := cache.New(cache.Config[*mashery.Grant]{Vault: vault, Parse: ParseGrant})
		defer grants.Close()
		key := cache.Key{Mount: "mash-creds", Role: "demo", API: 3}
		first := &source{grants: grants, key: key}
		if _, err := first.Grant(t.Context()); err != nil {
			t.Fatal(err)
		}
		vault.answer = func(ctx context.Context, _ string, _ url.Values) (map[string]any, error) {
			<-ctx.Done() // it is silent
			return nil, ctx.Err()
		}
		first.Dead(nil, false)
		next, start := &source{grants: grants, key: key}, time.Now()
		if _, err := next.Grant(t.Context()); err != nil { // for want of a better one
			t.Fatal(err)
		}
		next.Dead(nil, false)
		if _, err := next.Grant(t.Context()); !errors.Is(err, cache.ErrSlow) || time.Since(start) > 2*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

func TestCallsOfAnInactiveKeyReachMasheryOnce(t *testing.T) {
	c := start(t, gone)
	const calls = 20
	for range calls {
		got := c.ask("GET", "proxy/v3/gone", "")
		c.wantStatus(got, 403, "mashery")
		if !strings.Contains(got.body, "Developer Inactive") {
			t.Errorf("not Mashery's answer: %s", got.body)
		}
	}
	if n := len(c.calls()); n < calls || n > calls+3 { // few, on a machine however slow
		t.Errorf("%d calls were sent %d times", calls, n)
	}
	if n := len(c.vault.requests()); n > 4 {
		t.Errorf("Vault was asked for %d grants", n)
	}
}
