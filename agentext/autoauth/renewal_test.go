// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
	return 200, `{"data": {}}`
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

// TestRenewalsThatFailAreKeptApart has Vault's own handler keep a token alive that
// Vault does not renew.
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
		"its answer is none":            {200, `{}`, 3, 7200},
		"it allows no renewals":         {403, denied, 1, 100},
		"it renews for a second a time": {200, renewed, 3, 7200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stubborn{status: test.status, body: test.body}
				login := loginTo(t, server.answer, true, 0, 0)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 2)
				go func() { ended <- login.RunHandler(ctx) }()
				go func() { ended <- login.RunSinks(ctx) }()
				time.Sleep(time.Hour)
				stop()
				if err := errors.Join(<-ended, <-ended); err != nil {
					t.Error(err)
				}
				if most, all := server.busiest(), len(server.renewals); most > test.most || all > test.inAnHour || all == 0 {
					t.Errorf("%d renewals in an hour, %d in one second", all, most)
				}
			})
		})
	}
}
