// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// ready waits until a call is served, and tells how long that took. No call may
// wait longer than calls do.
func ready(t *testing.T, p *Policies) time.Duration {
	t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Minute; {
		call := time.Now()
		_, err := p.Current(context.Background(), 20*time.Minute)
		switch waited := time.Since(call); {
		case err == nil && waited <= waitAtMost:
			return time.Since(start)
		case !errors.Is(err, ErrNotReady) || waited > waitAtMost:
			t.Fatalf("error %v after %s", err, waited)
		}
	}
	t.Fatal("no call is ever served")
	return 0
}

func TestAVaultThatIsSlowIsGoodEnough(t *testing.T) {
	for _, delay := range []time.Duration{2500 * time.Millisecond, 10 * time.Second, 20 * time.Second} {
		t.Run(delay.String()+" for each question", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll, delay: delay}
				p := running(t, vault)
				if got := ready(t, p); got != 3*delay { // lookup-self, resultant-acl, sys/health
					t.Errorf("ready after %s", got)
				}
				time.Sleep(5 * time.Second) // the next reading is under way where one takes a minute
				for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
					start := time.Now()
					if _, err := p.Current(context.Background(), 2*time.Minute); err != nil || time.Since(start) != 0 {
						t.Fatalf("error %v after %s", err, time.Since(start))
					}
				}
				vault.set(func() { vault.rules = allowNothing })
				time.Sleep(readEvery + 2*delay)
				if got, waited := verdict(t, p); got != Denied || waited != 0 {
					t.Errorf("%v after %s, and the rules have changed", got, waited)
				}
			})
		})
	}
}

func TestAVaultThatBecomesSlowHoldsNoCallUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		synctest.Wait()
		vault.set(func() { vault.delay = 10 * time.Second })
		for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			start := time.Now()
			if _, err := p.Current(context.Background(), 2*time.Minute); err != nil || time.Since(start) != 0 {
				t.Fatalf("error %v after %s", err, time.Since(start))
			}
		}
	})
}

// TestAVaultThatWasSilentIsHeardWithinTwoSeconds swallows requests: what was sent
// before Vault is back is not answered then either.
func TestAVaultThatWasSilentIsHeardWithinTwoSeconds(t *testing.T) {
	for _, silence := range []time.Duration{time.Second, 6 * time.Second, 29 * time.Second, 31 * time.Second, 10*time.Minute + time.Second} {
		t.Run("after "+silence.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll, delay: time.Hour}
				p := running(t, vault)
				time.Sleep(silence)
				vault.set(func() { vault.delay = 0 })
				if got := ready(t, p); got > askAgain {
					t.Errorf("served %s after its return", got)
				}
			})
		})
	}
}

func TestASilentVaultIsToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		vault := &liveVault{token: "t", rules: allowAll, delay: 24 * time.Hour}
		p := runningWith(t, vault, hclog.New(&hclog.LoggerOptions{Output: &log}))
		_, err := p.Current(context.Background(), 0)
		if !errors.Is(err, ErrNotReady) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Second)
		if _, err := p.Current(context.Background(), 0); !errors.Is(err, errLate) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Hour)
		vault.set(func() { vault.delay = 0 })
		time.Sleep(askAgain)
		for _, said := range []string{"Vault has not answered within 2s", "were read again"} {
			if n := strings.Count(log.String(), said); n != 1 {
				t.Errorf("%q is said %d times:\n%s", said, n, log.String())
			}
		}
	})
}

func TestAVaultThatIsNotSlowIsAskedNothingTwice(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond, time.Second, 1999 * time.Millisecond} {
		t.Run("with answers after "+delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll, delay: delay}
				running(t, vault)
				time.Sleep(2*readEvery + 2*delay + time.Millisecond)
				want := []string{lookupSelf, resultant, health, resultant, health, resultant, health}
				vault.set(func() {
					if !slices.Equal(vault.asked, want) {
						t.Errorf("asked %q", vault.asked)
					}
				})
			})
		})
	}
}

func TestATokenReplacedDuringASlowReadingHasItsOwnReadSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "old", rules: allowAll, delay: time.Minute}
		p := running(t, vault)
		time.Sleep(5 * time.Second)
		vault.set(func() { vault.token, vault.rules, vault.delay = "new", allowNothing, 0 })
		p.Reread()
		if got, waited := verdict(t, p); got != Denied || waited != time.Second { // the next time the question would be put
			t.Errorf("%v after %s", got, waited)
		}
	})
}
