// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answerTime is what an answer takes, so that who asks without pause does not stop
// the time of the bubble.
const answerTime = time.Millisecond

// forgetful is a Vault that gives tokens and soon does not know them any more.
type forgetful struct {
	uses int // how often it knows a token

	mu     sync.Mutex
	logins []time.Time
	used   map[string]int
}

func (f *forgetful) answer(r *http.Request) (int, string) {
	time.Sleep(answerTime)
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/login") {
		f.logins = append(f.logins, time.Now())
		return 200, fmt.Sprintf(`{"auth": {"client_token": "hvs.%d", "lease_duration": 86400, "renewable": false}}`, len(f.logins))
	}
	token := r.Header.Get("X-Vault-Token")
	if f.used[token]++; f.used[token] > f.uses {
		return 403, invalid
	}
	return 200, `{"data": {}}`
}

func (f *forgetful) recover() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uses = math.MaxInt
}

// within is how many logins there were within d after the first.
func (f *forgetful) within(d time.Duration) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range f.logins {
		if at.Sub(f.logins[0]) < d {
			n++
		}
	}
	return n
}

// TestLoginsAreKeptApart has Vault's own handler log in while somebody asks as
// often as there is a token.
func TestLoginsAreKeptApart(t *testing.T) {
	tests := map[string]struct {
		uses         int // of a token
		pause        time.Duration
		minute, hour [2]int // logins, at least and at most
	}{
		"a Vault that knows none of its tokens":        {0, 0, [2]int{8, 11}, [2]int{360, 490}},
		"two Vaults that take requests in turns":       {1, 0, [2]int{8, 11}, [2]int{360, 490}},
		"a Vault that forgets them within seconds":     {3, time.Second, [2]int{7, 15}, [2]int{360, 490}},
		"tokens that live longer are replaced at once": {1, 90 * time.Second, [2]int{1, 1}, [2]int{20, 21}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &forgetful{uses: test.uses, used: map[string]int{}}
				login := loginTo(t, server.answer, true, 0, 0)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 2)
				go func() { ended <- login.RunHandler(ctx) }()
				go func() { ended <- login.RunSinks(ctx) }()
				asked := make(chan struct{})
				go func() {
					defer close(asked)
					for old := ""; ; {
						if old = login.Identity.Await(ctx, old); old == "" {
							return
						}
						for ctx.Err() == nil && login.Identity.Token() == old {
							_, _, _ = login.Identity.Read(ctx, "", "any", url.Values{})
							wait(ctx, time.Now().Add(max(test.pause, 10*time.Millisecond)))
						}
					}
				}()
				time.Sleep(time.Hour)
				server.recover() // Vault's handler leaves a goroutine behind when it ends without a token
				time.Sleep(2 * waitedBackoff)
				if login.Identity.Token() == "" {
					t.Error("no token though Vault knows its tokens again")
				}
				stop()
				if err := errors.Join(<-ended, <-ended); err != nil {
					t.Error(err)
				}
				<-asked
				for d, want := range map[time.Duration][2]int{time.Minute: test.minute, time.Hour: test.hour} {
					if got := server.within(d); got < want[0] || got > want[1] {
						t.Errorf("%d logins in %s", got, d)
					}
				}
			})
		})
	}
}

func TestALoginForNewCredentialsIsNotPutOff(t *testing.T) {
	i, _, _ := identity(t, func(*http.Request) (int, string) { return 403, invalid })
	i.set("hvs.young")
	if held := i.nextLogin(); !held.until.IsZero() {
		t.Errorf("in %s, though the token is not lost", time.Until(held.until))
	}
	i.Invalid("hvs.young")
	if held := i.nextLogin(); time.Until(held.until) > loginFloor || time.Until(held.until) < loginFloor/2 || held.tokens != 1 {
		t.Errorf("in %s after %d tokens", time.Until(held.until), held.tokens)
	}
}
