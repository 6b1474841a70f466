// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// stubborn is a Vault that gives tokens and renews none.
type stubborn struct {
	status int
	body   string

	mu       sync.Mutex
	logins   int
	renewals []time.Time
}

func (s *stubborn) answer(r *http.Request) (int, string) {
	time.Sleep(answerTime)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/login"):
		s.logins++
		return 200, fmt.Sprintf(`{"auth": {"client_token": "hvs.%d", "lease_duration": 60, "renewable": true}}`, s.logins)
	case strings.HasSuffix(r.URL.Path, renewSelf):
		s.renewals = append(s.renewals, time.Now())
		return s.status, s.body
	}
	return 200, lives(60)
}

// busiest is how many renewals there were in one second at most.
func (s *stubborn) busiest() (most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := 0
	for i, at := range s.renewals {
		for at.Sub(s.renewals[since]) >= time.Second {
			since++
		}
		most = max(most, i-since+1)
	}
	return most
}

// keptAlive has Vault's own handler keep a token alive meanwhile.
func keptAlive(t *testing.T, login *Login, meanwhile func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- login.RunHandler(ctx) }()
	go func() { ended <- login.RunSinks(ctx) }()
	meanwhile()
	stop()
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * answerTime) // the handler does not wait for its last renewal
}

func anHour() { time.Sleep(time.Hour) }

// TestRenewalsThatFailAreKeptApart has a token kept alive that Vault does not
// renew.
func TestRenewalsThatFailAreKeptApart(t *testing.T) {
	const renewed = `{"auth": {"client_token": "hvs.1", "lease_duration": 1, "renewable": true}}`
	for name, test := range map[string]struct {
		status         int
		body           string
		most, inAnHour int
	}{
		"its rate is limited":           {429, `{"errors": ["rate limit quota exceeded"]}`, 2, 700},
		"it is sealed":                  {503, `{"errors": ["Vault is sealed"]}`, 2, 700},
		"it is away":                    {0, away, 2, 700},
		"its answer is none":            {200, `{}`, 2, 700},
		"its answer is of no token":     {200, `{"request_id": "0c1f", "data": {}, "auth": null}`, 2, 700},
		"its answer is empty":           {200, ``, 2, 700},
		"it has nothing to say":         {204, ``, 2, 700},
		"a page answers":                {200, `<html>hello</html>`, 2, 700},
		"a page refuses":                {403, `<html>blocked</html>`, 2, 700},
		"it allows no renewals":         {403, denied, 1, 100},
		"it renews for a second a time": {200, renewed, 3, 7200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stubborn{status: test.status, body: test.body}
				keptAlive(t, loginTo(t, server.answer, true, 0, 0), anHour)
				if most, all := server.busiest(), len(server.renewals); most > test.most || all > test.inAnHour || all == 0 {
					t.Errorf("%d renewals in an hour, %d in one second", all, most)
				}
			})
		})
	}
}

// TestLoginsAfterRenewalsThatGiveNoTimeAreKeptApart has Vault's own handler take
// each token for one that is over.
func TestLoginsAfterRenewalsThatGiveNoTimeAreKeptApart(t *testing.T) {
	for name, lease := range map[string]string{
		"none":                    "0",
		"less than none":          "-5",
		"a second of a minute":    "1",
		"more than a clock holds": "1000000000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stubborn{status: 200, body: `{"auth": {"client_token": "hvs.1", "renewable": true, "lease_duration": ` + lease + `}}`}
				login := loginTo(t, server.answer, true, 0, 0)
				var told, log diary
				told.listen(login.Identity, "1")
				method := login.method.(floor)
				method.log = hclog.New(&hclog.LoggerOptions{Output: &log})
				login.method = method
				keptAlive(t, login, anHour)
				if server.logins > 500 || server.logins < 300 || strings.Contains(told.String(), "lost") {
					t.Errorf("%d logins in an hour", server.logins)
				}
				if !strings.Contains(log.String(), "right after their login") {
					t.Error("nobody is told")
				}
			})
		})
	}
}

// TestShortTokensAreReplacedInTime has tokens that Vault renews to their end only.
func TestShortTokensAreReplacedInTime(t *testing.T) {
	for _, seconds := range []int{1, 2, 3, 5} {
		t.Run(fmt.Sprint(seconds, " s"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &mortal{lives: time.Duration(seconds) * time.Second}
				login := loginTo(t, server.answer, true, 0, 0)
				new(diary).listen(login.Identity, "1")
				keptAlive(t, login, func() {
					for range 60 {
						time.Sleep(time.Second)
						ctx, cancel := context.WithTimeout(t.Context(), 1100*time.Millisecond)
						if login.Identity.Await(ctx, "") == "" {
							t.Error("no token for more than a second")
						}
						cancel()
					}
				})
			})
		})
	}
}

// mortal is a Vault whose tokens live for a time that no renewal extends.
type mortal struct {
	lives time.Duration

	mu   sync.Mutex
	ends map[string]time.Time
}

func (m *mortal) answer(r *http.Request) (int, string) {
	time.Sleep(answerTime)
	m.mu.Lock()
	defer m.mu.Unlock()
	token := r.Header.Get("X-Vault-Token")
	if strings.HasSuffix(r.URL.Path, "/login") {
		if m.ends == nil {
			m.ends = make(map[string]time.Time)
		}
		token = fmt.Sprint("hvs.", len(m.ends))
		m.ends[token] = time.Now().Add(m.lives)
	}
	left := int(time.Until(m.ends[token]) / time.Second) // whole ones, as Vault says it
	switch {
	case time.Now().After(m.ends[token]):
		return 403, invalid
	case strings.HasSuffix(r.URL.Path, "lookup-self"):
		return 200, lives(left)
	}
	return 200, fmt.Sprintf(`{"auth": {"client_token": %q, "lease_duration": %d, "renewable": true}}`, token, left)
}

// answered is a renewal's answer.
func answered(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

const (
	renewal = `{"request_id": "0c1f", "auth": {"client_token": "hvs.1", "lease_duration": 60}}`
	sealed  = `{"errors": ["Vault is sealed"]}`
)

func TestThePauseBelongsToTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &renewals{log: hclog.NewNullLogger()}
		for range 10 {
			if err := r.wait(t.Context(), "hvs.old"); err != nil {
				t.Fatal(err)
			}
			r.judge("hvs.old", time.Now(), answered(503, sealed), nil)
		}
		began, old := time.Now(), make(chan error)
		go func() { old <- r.wait(t.Context(), "hvs.old") }()
		synctest.Wait()
		if err := r.wait(t.Context(), "hvs.new"); err != nil || time.Since(began) != 0 {
			t.Errorf("the next token is renewed after %s, %v", time.Since(began), err)
		}
		r.judge("hvs.new", time.Now(), answered(200, renewal), nil)
		r.judge("hvs.old", time.Now(), answered(503, sealed), nil)
		if err := r.wait(t.Context(), "hvs.new"); err != nil || time.Since(began) != renewalFloor {
			t.Errorf("and then after %s, %v", time.Since(began), err)
		}
		if err := <-old; err != errReplaced {
			t.Errorf("the old one, that waited: %v", err)
		}
	})
}

func TestRenewalsThatWaitGoOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &renewals{log: hclog.NewNullLogger()}
		began := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := r.wait(t.Context(), "hvs.1"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if time.Since(began) != 3*renewalFloor {
			t.Errorf("four within %s", time.Since(began))
		}
	})
}

func TestARenewalThatAStandbyPassesOnIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		r := &renewals{log: hclog.New(&hclog.LoggerOptions{Output: &log})}
		began := time.Now()
		for n, answer := range []*http.Response{answered(307, ""), answered(200, renewal), answered(307, ""), answered(307, "")} {
			if err := r.wait(t.Context(), "hvs.1"); err != nil {
				t.Fatal(err)
			}
			r.judge("hvs.1", time.Now(), answer, nil)
			if want := time.Duration(n/2) * renewalFloor; time.Since(began) != want || (log.String() != "") != (n == 3) {
				t.Errorf("%d: after %s, log %q", n, time.Since(began), log.String())
			}
		}
	})
}

func TestARenewalsAnswerIsPassedOnWhole(t *testing.T) {
	for name, body := range map[string]string{
		"a renewal":      renewal,
		"a page":         "<html>hello</html>",
		"nothing at all": "",
		"more than that": renewal + strings.Repeat(" ", 1<<20) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			answer := answered(200, body)
			renewed(answer)
			if got, err := io.ReadAll(answer.Body); string(got) != body || err != nil || answer.Body.Close() != nil {
				t.Errorf("%d of %d bytes, %v", len(got), len(body), err)
			}
		})
	}
}
