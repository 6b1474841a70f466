// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

// liveVault is a Vault whose token, answers and speed may change while it is used.
type liveVault struct {
	mu      sync.Mutex
	token   string
	delay   time.Duration
	failure error
	rules   string // of resultant-acl
	reads   []time.Time
	asked   []string      // every question
	longest time.Duration // the longest time a request was given
}

const allowAll = `{"root": true, "chroot_namespace": ""}`

const allowNothing = `{"root": false, "chroot_namespace": "", "exact_paths": {}, "glob_paths": {}}`

func (v *liveVault) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

func (v *liveVault) Token() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.token
}

func (v *liveVault) Read(ctx context.Context, _, path string, query url.Values) (*api.Secret, http.Header, error) {
	v.mu.Lock()
	delay, failure := v.delay, v.failure
	s := &script{answers: goodAnswers(resultant, `{"data": `+v.rules+`}`)}
	v.asked = append(v.asked, path)
	if deadline, ok := ctx.Deadline(); ok {
		v.longest = max(v.longest, time.Until(deadline))
	}
	if path == resultant || failure != nil {
		v.reads = append(v.reads, time.Now())
	}
	v.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if failure != nil {
		return nil, nil, failure
	}
	secret, err := s.read(ctx, path, query)
	return secret, nil, err
}

func (v *liveVault) readings() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.reads)
}

// running starts the policies of the Vault within a bubble of time.
func running(t *testing.T, vault *liveVault) *Policies {
	t.Helper()
	return runningWith(t, vault, nil)
}

func runningWith(t *testing.T, vault *liveVault, log hclog.Logger) *Policies {
	t.Helper()
	p := New(Config{Vault: vault, Mounts: []Mount{{Path: demoMount}}, Logger: log})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p
}

// verdict is what the current rules say of a GET, and how long that took.
func verdict(t *testing.T, p *Policies) (Verdict, time.Duration) {
	t.Helper()
	start := time.Now()
	rules, err := p.Current(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return rules.Decide(request("GET proxy/v3/s")).Verdict, time.Since(start)
}

func TestACallBeforeTheFirstReadingWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll, delay: 500 * time.Millisecond}
		p := running(t, vault)
		if got, waited := verdict(t, p); got != Allowed || waited != 1500*time.Millisecond {
			t.Errorf("%v after %v", got, waited)
		}
		if vault.longest != answerTime {
			t.Errorf("a request was given %v", vault.longest)
		}
	})
}

func TestACallWaitsAtMostTwoSeconds(t *testing.T) {
	tests := map[string]struct {
		vault  *liveVault
		reason string
	}{
		"for a token":                  {&liveVault{}, ""},
		"for a Vault that is away":     {&liveVault{token: "t", failure: errors.New("connection refused")}, "connection refused"},
		"for a Vault that is too slow": {&liveVault{token: "t", rules: allowAll, delay: time.Minute}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, start := running(t, test.vault), time.Now()
				_, err := p.Current(context.Background(), 0)
				if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), test.reason) || time.Since(start) != waitAtMost {
					t.Errorf("error %v after %v", err, time.Since(start))
				}
			})
		})
	}
}

func TestACallThatIsGivenUpWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := running(t, &liveVault{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := p.Current(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestRulesAreReadAgainWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		if got, _ := verdict(t, p); got != Allowed {
			t.Fatal(got)
		}
		vault.set(func() { vault.rules = allowNothing })
		time.Sleep(49 * time.Second) // the bubble's time
		if got, _ := verdict(t, p); got != Allowed || vault.readings() != 1 {
			t.Errorf("%v after %d readings", got, vault.readings())
		}
		time.Sleep(2 * time.Second)
		if got, _ := verdict(t, p); got != Denied || vault.readings() != 2 {
			t.Errorf("%v after %d readings", got, vault.readings())
		}
	})
}

func TestRereadReadsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		verdict(t, p)
		vault.set(func() { vault.rules = allowNothing })
		p.Reread()
		p.Reread()
		synctest.Wait()
		if got, waited := verdict(t, p); got != Denied || waited != 0 {
			t.Errorf("%v after %v", got, waited)
		}
	})
}

func TestANewTokensCallsWaitForItsRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "old", rules: allowAll}
		p := running(t, vault)
		verdict(t, p)
		vault.set(func() { vault.token, vault.rules, vault.delay = "new", allowNothing, 100*time.Millisecond })
		time.AfterFunc(time.Second, p.Reread)
		if got, waited := verdict(t, p); got != Denied || waited != 1300*time.Millisecond {
			t.Errorf("%v after %v", got, waited)
		}
	})
}

func TestATokenReplacedDuringAReadingIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "old", rules: allowAll, delay: 100 * time.Millisecond}
		p := running(t, vault)
		time.AfterFunc(250*time.Millisecond, func() {
			vault.set(func() { vault.token, vault.rules = "new", allowNothing })
			p.Reread()
		})
		if got, waited := verdict(t, p); got != Denied || waited != 600*time.Millisecond {
			t.Errorf("%v after %v", got, waited)
		}
	})
}

func TestALostTokenHasNoRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		verdict(t, p)
		vault.set(func() { vault.token = "" })
		if _, err := p.Current(context.Background(), 0); !errors.Is(err, ErrNotReady) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTheLastRulesHoldWhileVaultIsAway(t *testing.T) {
	for name, failure := range map[string]error{
		"sealed":        vaultError(503, "Vault is sealed"),
		"gone":          errors.New("connection refused"),
		"invalid token": vaultError(403, "invalid token"),
		"behind a page": errPage,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll}
				p := running(t, vault)
				verdict(t, p)
				vault.set(func() { vault.failure = failure })
				time.Sleep(time.Hour)
				if got, waited := verdict(t, p); got != Allowed || waited != 0 {
					t.Errorf("%v after %v", got, waited)
				}
				vault.set(func() { vault.failure, vault.rules = nil, allowNothing })
				time.Sleep(slowest + time.Millisecond)
				if got, _ := verdict(t, p); got != Denied {
					t.Errorf("%v when Vault is back", got)
				}
			})
		})
	}
}

func TestAPageInVaultsPlaceIsOverSoonAfterItIsGone(t *testing.T) {
	for shown, within := range map[time.Duration]time.Duration{3 * time.Second: eager, 30 * time.Second: eager, time.Hour: slowest} {
		t.Run("after "+shown.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll, failure: errPage}
				p := running(t, vault)
				time.Sleep(shown)
				vault.set(func() { vault.failure = nil })
				before := vault.readings()
				time.Sleep(within + time.Millisecond)
				if got, _ := verdict(t, p); got != Allowed {
					t.Errorf("%v %s after Vault's return", got, within)
				}
				if before > 1200 {
					t.Errorf("Vault was asked %d times in %s", before, shown)
				}
			})
		})
	}
}

// errPage is the answer of a load balancer in front of Vault.
var errPage = &api.ResponseError{StatusCode: 404, RawError: true, Errors: []string{"404 page not found"}}

func TestAPageInVaultsPlaceLeavesCallsToVaultUntilThereAreRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll, failure: errPage}
		p := running(t, vault)
		for range 10 {
			if got, waited := verdict(t, p); got != Undecidable || waited != 0 {
				t.Errorf("%v after %v", got, waited)
			}
			time.Sleep(5 * time.Minute)
		}
		vault.set(func() { vault.failure = nil })
		time.Sleep(slowest + time.Millisecond)
		if got, _ := verdict(t, p); got != Allowed {
			t.Errorf("%v when Vault is back", got)
		}
	})
}

func TestARefusalReplacesTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		verdict(t, p)
		vault.set(func() { vault.rules = `{"root": true, "new": 1}` })
		time.Sleep(readEvery + time.Second)
		if got, _ := verdict(t, p); got != Undecidable {
			t.Errorf("got %v", got)
		}
	})
}

func TestFailuresBackOffAtMostASecondApartUntilThereAreRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll, failure: errors.New("connection refused")}
		p := running(t, vault)
		time.Sleep(10 * time.Second)
		vault.set(func() {
			for i, at := range vault.reads[1:] {
				if pause := at.Sub(vault.reads[i]); pause <= 0 || pause > eager+1 {
					t.Errorf("%v between two readings", pause)
				}
			}
			if len(vault.reads) > 100 {
				t.Errorf("%d readings in 10 s", len(vault.reads))
			}
			vault.failure = nil
		})
		if got, waited := verdict(t, p); got != Allowed || waited > eager+1 {
			t.Errorf("%v after %v", got, waited)
		}
	})
}
