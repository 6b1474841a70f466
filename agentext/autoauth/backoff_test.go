// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"
)

// outage is a Vault that is away for a time, and remembers when it was asked.
type outage struct {
	mu    sync.Mutex
	ends  time.Time
	asked []time.Time
}

func (o *outage) answer(*http.Request) (int, string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, time.Now())
	if time.Now().Before(o.ends) {
		return 0, away
	}
	return 200, `{"auth": {"client_token": "hvs.back", "lease_duration": 86400, "renewable": false}}`
}

// longest is the longest pause between two logins.
func (o *outage) longest() (longest time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, at := range o.asked[1:] {
		longest = max(longest, at.Sub(o.asked[n]))
	}
	return longest
}

// TestHowLongALoginIsPutOff has Vault's own handler log in to a Vault that is
// away. It shortens its pauses by up to a quarter, as chance will have it.
func TestHowLongALoginIsPutOff(t *testing.T) {
	tests := map[string]struct {
		waited   bool
		min, max time.Duration // of the file
		want     time.Duration // the longest pause
	}{
		"ten seconds where calls wait for it":        {true, 0, 0, 10 * time.Second},
		"as the file says where it does":             {true, 0, 40 * time.Second, 40 * time.Second},
		"as the file says where that is less":        {true, 0, 3 * time.Second, 3 * time.Second},
		"no less than the file's shortest pause":     {true, 30 * time.Second, 0, 30 * time.Second},
		"as Vault Proxy does it where no call waits": {false, 0, 0, 5 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &outage{ends: time.Now().Add(time.Hour)}
				login := loginTo(t, server.answer, test.waited, test.min, test.max)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- login.RunHandler(ctx) }()
				time.Sleep(time.Until(server.ends))
				if got := server.longest(); got > test.want || got < test.want*3/4 {
					t.Errorf("the longest pause is %s", got)
				}
				time.Sleep(test.want)
				if login.Identity.Token() != "hvs.back" {
					t.Errorf("no login %s after Vault's return", test.want)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func loginTo(t *testing.T, answer script, waited bool, shortest, longest time.Duration) *Login {
	t.Helper()
	method := approle(t)
	method.MinBackoff, method.MaxBackoff = shortest, longest
	client, err := api.NewClient(&api.Config{Address: "http://vault", HttpClient: &http.Client{Transport: &vault{answer: answer}}})
	if err != nil {
		t.Fatal(err)
	}
	login, err := New(Config{
		AutoAuth: &proxyconfig.AutoAuth{Method: method}, VaultAddress: "http://vault",
		Client: client, Waited: waited, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return login
}
