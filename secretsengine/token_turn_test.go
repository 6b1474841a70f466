// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// takers are paths whose reading takes an access token.
func takers() []string {
	return []string{"roles/demo/grant", "roles/demo/token", "roles/demo/proxy/v3/services"}
}

func TestWithoutATokenOnlyRefusedCredentialsAreTheRolesFault(t *testing.T) {
	code := func(code string) string { return mashery.HeaderErrorCode + ": " + code }
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
		words  string
	}{
		"a wrong password":        {says(400, `{"error":"invalid_grant","error_description":"Invalid resource owner credentials"}`), 400, "status 400; check the role's key, secret, user, password and area. invalid_grant Invalid resource owner credentials"},
		"a wrong area":            {says(400, `{"error":"invalid_scope"}`), 400, "invalid_scope"},
		"an unknown key":          {says(401, `{"error":"invalid_client","error_description":"Unknown client"}`), 400, "invalid_client Unknown client"},
		"an inactive key":         {says(403, "", code(mashery.ErrDeveloperInactive)), 400, mashery.ErrDeveloperInactive},
		"a spent quota":           {says(403, "", code(mashery.ErrDeveloperOverRate)), 502, "whose quota is spent"},
		"a mistake of no name":    {says(400, ""), 502, "status 400 instead of a token"},
		"too many requests":       {says(429, ""), 502, "status 429 instead of a token: the trouble is Mashery's"},
		"a Mashery that breaks":   {says(500, ""), 502, "status 500 instead of a token: the trouble is Mashery's"},
		"a Mashery that is away":  {says(503, "", code("ERR_503_SERVICE_UNAVAILABLE")), 502, "ERR_503_SERVICE_UNAVAILABLE"},
		"an address of nothing":   {says(596, ""), 502, "status 596"},
		"no answer":               {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "no answer from Mashery"},
		"an answer that is cut":   {says(200, "{", "Content-Length: 100"), 502, "no answer from Mashery"},
		"an answer without sense": {says(200, "<html>"), 502, "without an access token; check v3_token_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(nil, c.answer)
			for _, path := range takers() {
				e.failed(path, c.status, `role "demo": `, c.words)
			}
			wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
		})
	}
}

// sparing is a token endpoint that gives one token in each such time.
type sparing struct {
	every   time.Duration
	mu      sync.Mutex
	last    time.Time
	given   int
	refused int
}

func (s *sparing) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.last) >= s.every {
		s.last = now
		s.given++
		giveToken(w, s.given, 3600)
		return
	}
	s.refused++
	w.Header().Set(mashery.HeaderErrorCode, mashery.ErrDeveloperOverQPS)
	w.WriteHeader(http.StatusForbidden)
}

func TestATokenOverMasherysLimitIsAskedForAgain(t *testing.T) {
	for _, path := range takers() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			e := newDemo(t)
			spare := &sparing{every: 900 * time.Millisecond, last: time.Now()}
			e.mashery.on(nil, spare.ServeHTTP)
			e.read(path, nil)
			wantEqual(t, "requests refused", spare.refused, 1)
		})
	}
}

func TestOfManyGrantsAsManyAreGivenAsMasheryAllows(t *testing.T) {
	limits := defaultBounds()
	limits.Turn = 2500 * time.Millisecond
	e := newEngineWithin(t, limits)
	e.writeRole("demo", demoRole())
	e.writeRole("demo", map[string]any{"explicit_num_uses": 500})
	spare := &sparing{every: 900 * time.Millisecond}
	e.mashery.on(nil, spare.ServeHTTP)
	var all sync.WaitGroup
	var given atomic.Int64
	for range 500 {
		all.Go(func() {
			resp, err := e.ask(logical.ReadOperation, "roles/demo/grant", nil)
			switch {
			case err != nil:
				t.Error(err)
			case resp.Data["access_token"] != nil:
				given.Add(1)
			default:
				body, _ := resp.Data[logical.HTTPRawBody].([]byte)
				if said := string(body); !strings.Contains(said, "nothing is wrong with the role. Try again in") || strings.Contains(said, "password") {
					t.Errorf("refused with %q", said)
				}
				wantEqual(t, "status", resp.Data[logical.HTTPStatusCode], any(502))
				wantEqual(t, "code", http.Header(resp.Headers).Get(mashery.HeaderErrorCode), mashery.ErrDeveloperOverQPS)
				if http.Header(resp.Headers).Get("Retry-After") == "" {
					t.Error("it does not say when to come again")
				}
			}
		})
	}
	all.Wait()
	if given.Load() < 2 || int(given.Load()) != spare.given {
		t.Errorf("%d grants of %d tokens", given.Load(), spare.given)
	}
	if spare.refused > 2*tokensAtOnce {
		t.Errorf("Mashery was asked %d times in vain", spare.refused)
	}
	if left := fmt.Sprintf("%d times ", 500-given.Load()); !strings.HasPrefix(e.usesLeft(), left) {
		t.Errorf("uses left: %v, want %s", e.usesLeft(), left)
	}
}

func TestALongPauseIsNotWaitedFor(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(nil, says(403, "", "Retry-After: 3600", mashery.HeaderErrorCode+": "+mashery.ErrDeveloperOverQPS))
	header := e.failed("roles/demo/grant", 502, "Try again in 1h0m0s")
	wantEqual(t, "Retry-After", header.Get("Retry-After"), "3600")
	wantEqual(t, "requests", len(e.mashery.tokenRequests()), 1)
}

func TestReadersOfATokenThatLivesDoNotWaitLongForItsRenewal(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.mashery.on(nil, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		says(403, "", "Retry-After: 5", mashery.HeaderErrorCode+": "+mashery.ErrDeveloperOverQPS)(w, r)
	})
	e.clock.move(58 * time.Minute)
	wantEqual(t, "token", e.token(), "token-1")
	wantEqual(t, "requests", len(e.mashery.tokenRequests()), 2)
}

func TestARateThatWasSeenIsForgotten(t *testing.T) {
	var turn tokenTurn
	now := time.Now()
	turn.gave(now)
	turn.gave(now)
	turn.gave(now.Add(500 * time.Millisecond))
	turn.refuse(&mashery.TokenError{}, now.Add(1200*time.Millisecond))
	wantEqual(t, "rate", turn.allowed(now), 1)
	turn.gave(now.Add(2 * time.Second))
	turn.gave(now.Add(2 * time.Second))
	turn.refuse(&mashery.TokenError{}, now.Add(2*time.Second))
	wantEqual(t, "rate", turn.allowed(now.Add(time.Minute)), 2)
	wantEqual(t, "rate, a minute later", turn.allowed(now.Add(slowFor+3*time.Second)), 0)
}
