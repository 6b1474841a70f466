// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

func TestEitherClockShowsThatThisProcessStoodStill(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		name       string
		wall, mono time.Duration
		want       bool
	}{
		{"it is under way", 9 * time.Second, 9 * time.Second, false},
		{"its time is over just now", 10100 * time.Millisecond, 10100 * time.Millisecond, false},
		{"the process was stopped", 20 * time.Second, 20 * time.Second, true},
		{"the machine slept: only the wall clock went on", time.Hour, time.Second, true},
		{"the clock was set back meanwhile", -time.Hour, 9 * time.Second, false},
		{"the process was stopped, and the clock set back", -time.Hour, 20 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := stoodStill(start, 10*time.Second, later(start, test.wall, test.mono)); got != test.want {
				t.Errorf("stood still is %v, want %v", got, test.want)
			}
		})
	}
}

// stopped lets the next answers come as if the process had been stopped for so long
// while it waited for them.
func stopped(v *vault, lasts time.Duration, err error) {
	v.now(func(v *vault) {
		v.gives = func() (*api.Secret, http.Header, error) {
			time.Sleep(lasts)
			v.now(func(v *vault) { v.gives = nil })
			return nil, nil, err
		}
	})
}

func TestAReadInWhichTheProcessStoodStillIsMadeAgain(t *testing.T) {
	for name, says := range map[string]error{
		"its time is over":             context.DeadlineExceeded,
		"its connection was lost":      errAway,
		"Vault refused it, then":       refusal(400, "no such role"),
		"Vault was sealed, then":       refusal(503, "Vault is sealed"),
		"a lasting refusal, of before": lastingly,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				g.Lasting = knowsLasting
				v.slow = time.Hour // so nothing is known of Vault meanwhile
				stopped(v, 40*time.Second, says)
				start := time.Now()
				for {
					if _, err := g.Get(t.Context(), demo); err == nil {
						break
					} else if err != ErrSlow {
						t.Fatalf("after %s: %v", time.Since(start), err)
					}
				}
				if took := time.Since(start); took != 40*time.Second {
					t.Errorf("it took %s", took)
				}
				reads(t, v, 2, "in all")
			})
		})
	}
}

func TestAfterAStandstillThatNobodyWaitedThroughTheNextCallReads(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.slow = time.Hour // so nothing is known of Vault meanwhile
		stopped(v, 40*time.Second, context.DeadlineExceeded)
		_, _ = g.Get(t.Context(), demo)
		time.Sleep(40*time.Second - waitTimeout + time.Millisecond)
		reads(t, v, 1, "while nobody waited")
		want(t, g, "t1-2", "the next")
	})
}

func TestAReadInWhichTheMachineSleptIsMadeAgainThoughNothingIsHeardOfIt(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.hangs = true
		_, _ = g.Get(t.Context(), demo)
		g.mu.Lock()
		f := g.entries[demo].fetch
		f.began = f.began.Round(0).Add(-time.Hour) // by the wall clock
		g.mu.Unlock()
		v.now(func(v *vault) { v.hangs = false })
		want(t, g, "t1-1", "the first after the sleep")
	})
}

// once is a Vault of which it is asked once, in vain, whether it is there, as the
// process is stopped then.
type once struct {
	*vault
	probes int
}

func (o *once) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	if path == "sys/health" {
		if o.probes++; o.probes == 1 {
			time.Sleep(10 * time.Second)
			return nil, nil, context.DeadlineExceeded
		}
	}
	return o.vault.Read(ctx, namespace, path, query)
}

func TestASlowEngineIsNotAskedTwiceThoughTheProcessStoodStill(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, _ *Grants[string]) {
		v.takes = 25 * time.Second
		g := New(Config[string]{Vault: &once{vault: v}, Parse: nameOf})
		defer g.Close()
		_, _ = g.Get(t.Context(), demo)
		time.Sleep(v.takes)
		want(t, g, "t1-1", "after it")
		reads(t, v, 1, "for the grant")
	})
}

func TestARenewalInWhichTheProcessStoodStillIsNoWordOfVault(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		var log strings.Builder
		g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
		get(t, g, demo)
		get(t, g, demo) // so it is in use
		v.now(func(v *vault) {
			v.keeps = func() (*api.Secret, error) {
				v.mu.Unlock() // which is held
				defer v.mu.Lock()
				time.Sleep(30 * time.Second)
				return nil, context.DeadlineExceeded
			}
		})
		time.Sleep(90 * time.Second) // it is due within 40
		if len(v.renewed()) != 1 || g.line.away != nil || log.Len() > 0 {
			t.Errorf("%d renewals, away: %v, the log:\n%s", len(v.renewed()), g.line.away, &log)
		}
	})
}

func TestAGrantThatHadEndedWhenItCameIsReadOnceMore(t *testing.T) {
	for name, key := range map[string]Key{"a leased one": demo, "a shared token": sharedDemo} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.shared = &sharedToken{life: time.Second}
				v.takes, v.lease = time.Second, 1
				time.AfterFunc(time.Second/2, func() { v.now(func(v *vault) { v.takes = 0 }) })
				start := time.Now()
				if get(t, g, key); time.Since(start) != time.Second {
					t.Errorf("it took %s", time.Since(start))
				}
				reads(t, v, 2, "in all")
			})
		})
	}
}

func TestAGrantThatEndedUnnoticedIsNoRefusal(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes, v.lease = 5*time.Second, 4
		_, _ = g.Get(t.Context(), demo)
		v.now(func(v *vault) { v.takes = 0 })
		time.Sleep(5*time.Second - waitTimeout + time.Millisecond)
		reads(t, v, 1, "while nobody waited")
		want(t, g, "t1-2", "the next")
	})
}

func TestAVaultWhoseGrantsAlwaysComeTooLateIsNotAskedAllTheTime(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		lease int
		reads int // in a minute
	}{
		"a bit": {time.Second, 1, 48}, // two reads of a second, then a rest of half a second at least
		"much":  {6 * time.Second, 5, 10},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				var log strings.Builder
				g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
				v.takes, v.lease = test.takes, test.lease
				late := 0
				for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
					called := time.Now()
					_, err := g.Get(t.Context(), demo)
					if errors.Is(err, ErrLate) {
						late++
					} else if err != ErrSlow {
						t.Fatal(err)
					}
					if took := time.Since(called); took > waitTimeout {
						t.Errorf("a call waited %s", took)
					}
				}
				if n := v.count(); n > test.reads+1 || late == 0 {
					t.Errorf("Vault was read %d times, %d calls were told why", n, late)
				}
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "Vault's answer came too late: the grant ended") {
					t.Errorf("the log:\n%s", &log)
				}
			})
		})
	}
}
