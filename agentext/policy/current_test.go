// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

var errGone = errors.New("connection refused")

func TestRulesOutliveVaultForAsLongAsTheyMay(t *testing.T) {
	tests := map[string]struct {
		maxStale time.Duration
		away     time.Duration // how long Vault has been away, all but a second of it since the last reading
		refused  bool
	}{
		"a short absence harms nobody":                      {20 * time.Minute, time.Minute, false},
		"the rules hold to the end of their time":           {20 * time.Minute, 20*time.Minute - 2*time.Second, false},
		"and no longer":                                     {20 * time.Minute, 20*time.Minute + 2*time.Second, true},
		"0 is as long as the token":                         {0, 30 * time.Hour, false},
		"less than the time between two readings holds too": {5 * time.Second, 3 * time.Second, false},
		"and ends as early":                                 {5 * time.Second, 7 * time.Second, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll}
				p := running(t, vault)
				synctest.Wait()
				vault.set(func() { vault.failure = errGone })
				time.Sleep(test.away)
				start := time.Now()
				_, err := p.Current(context.Background(), test.maxStale)
				var stale *StaleError
				switch {
				case errors.As(err, &stale) != test.refused, err != nil && !test.refused:
					t.Errorf("error %v", err)
				case test.refused && (stale.Age < test.away || stale.MaxStale != test.maxStale || !errors.Is(err, errGone)):
					t.Errorf("error %+v", stale)
				case test.refused && !strings.Contains(err.Error(), `policy_max_stale = "`+test.maxStale.String()):
					t.Errorf("the text names no key: %s", err)
				case time.Since(start) != 0:
					t.Errorf("it took %s", time.Since(start))
				}
			})
		})
	}
}

func TestCallsThatWereRefusedAreServedSoonAfterVaultIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		vault := &liveVault{token: "t", rules: allowAll}
		p := runningWith(t, vault, hclog.New(&hclog.LoggerOptions{Output: &log}))
		synctest.Wait()
		vault.set(func() { vault.failure = errGone })
		time.Sleep(time.Hour)
		readings := vault.readings()
		for range 100 { // ten seconds of calls
			if _, err := p.Current(context.Background(), time.Minute); err == nil {
				t.Fatal("not refused")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := vault.readings() - readings; n > 20 { // once a second because of them, and now and then by itself
			t.Errorf("Vault, which is away, was asked %d times in ten seconds", n)
		}
		vault.set(func() { vault.failure = nil })
		time.Sleep(doubtAgain)
		_, _ = p.Current(context.Background(), time.Minute)
		synctest.Wait()
		if _, err := p.Current(context.Background(), time.Minute); err != nil {
			t.Error(err)
		}
		for _, said := range []string{"calls are refused until", "were read again", "reading the token's policies failed"} {
			if n := strings.Count(log.String(), said); n != 1 {
				t.Errorf("%q is said %d times:\n%s", said, n, log.String())
			}
		}
	})
}

// TestAMachineThatSleptReadsBeforeItServes turns the wall clock on, which the
// timers of a machine that sleeps do not see.
func TestAMachineThatSleptReadsBeforeItServes(t *testing.T) {
	tests := map[string]struct {
		failure error
		want    Verdict
		refused bool
	}{
		"the rules that Vault gives now count":           {nil, Denied, false},
		"without Vault the rules are as old as they are": {errGone, Denied, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll}
				p := running(t, vault)
				synctest.Wait()
				vault.set(func() { vault.rules, vault.failure = allowNothing, test.failure })
				p.mu.Lock()
				p.read = time.Now().Round(0).Add(-8 * time.Hour)
				p.mu.Unlock()
				rules, err := p.Current(context.Background(), 20*time.Minute)
				if (err != nil) != test.refused {
					t.Fatalf("error %v", err)
				}
				if err == nil && rules.Decide(request("GET proxy/v3/s")).Verdict != test.want {
					t.Error("the old rules count")
				}
			})
		})
	}
}

func TestAVaultTooSlowToAnswerDoesNotHoldUpCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		synctest.Wait()
		vault.set(func() { vault.delay = time.Minute })
		p.mu.Lock()
		p.read = time.Now().Round(0).Add(-10 * time.Minute)
		p.mu.Unlock()
		start := time.Now()
		if _, err := p.Current(context.Background(), 20*time.Minute); err != nil || time.Since(start) != waitAtMost {
			t.Errorf("error %v after %s", err, time.Since(start))
		}
		if _, err := p.Current(context.Background(), 5*time.Minute); !errors.As(err, new(*StaleError)) {
			t.Errorf("error %v", err)
		}
	})
}

func TestDoubtsAskOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "t", rules: allowAll}
		p := running(t, vault)
		synctest.Wait()
		time.Sleep(doubtAgain)
		vault.set(func() { vault.rules = allowNothing })
		for range 10 {
			p.Doubt()
			synctest.Wait()
		}
		if n := vault.readings(); n != 2 {
			t.Errorf("%d readings", n)
		}
		if got, _ := verdict(t, p); got != Denied {
			t.Error("the new rules do not count")
		}
		time.Sleep(10 * doubtAgain)
		if n := vault.readings(); n != 3 {
			t.Errorf("ten doubts made %d readings", n-1)
		}
	})
}

func TestADoubtOfWhatHasJustBeenReadIsNotForgotten(t *testing.T) {
	for name, delay := range map[string]time.Duration{"after the reading": 0, "during the reading": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vault := &liveVault{token: "t", rules: allowAll, delay: delay}
				p := running(t, vault)
				began := time.Now()
				time.Sleep(5 * delay / 2) // the first answers are under way, or there
				synctest.Wait()
				vault.set(func() { vault.rules = allowNothing })
				p.Doubt()
				synctest.Wait()
				if n := vault.readings(); n != 1 {
					t.Fatalf("%d readings at once", n)
				}
				time.Sleep(doubtAgain + 4*delay)
				synctest.Wait()
				if got, _ := verdict(t, p); got != Denied || vault.readings() != 2 {
					t.Errorf("%v after %d readings and %s", got, vault.readings(), time.Since(began))
				}
			})
		})
	}
}

func TestADoubtDoesNotHoldUpANewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &liveVault{token: "old", rules: allowAll}
		p := running(t, vault)
		synctest.Wait()
		p.Doubt()
		synctest.Wait()
		vault.set(func() { vault.token, vault.rules = "new", allowNothing })
		p.Reread()
		if got, waited := verdict(t, p); got != Denied || waited != 0 {
			t.Errorf("%v after %v", got, waited)
		}
	})
}

func TestVaultHasNamespacesWhenItSaysItIsEnterprise(t *testing.T) {
	for name, test := range map[string]struct {
		rules *Rules
		want  bool
	}{
		"nothing has been read": {nil, false},
		"Community":             {newRules(answerOf(t, allowAll), nil, ""), false},
		"nobody says":           {newRules(answerOf(t, allowAll), nil, EditionUnknown), false},
		"Enterprise":            {newRules(answerOf(t, allowAll), nil, Enterprise), true},
		"Enterprise, with rules that nobody understands": {newRules(answerOf(t, `{"root": true, "new": 1}`), nil, Enterprise), true},
		"Enterprise, behind a chroot":                    {newRules(answerOf(t, `{"chroot_namespace": "a/"}`), nil, Enterprise), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(Config{Vault: &liveVault{}})
			p.rules = test.rules
			if got := p.HasNamespaces(); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
