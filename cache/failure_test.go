// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

// spread makes a call for each key every so often for a while, each by itself,
// and gives how many failed and how long the slowest took.
func spread(t *testing.T, g *Grants[string], keys []Key, every, lasts time.Duration) (failed int, slowest time.Duration) {
	var (
		calls sync.WaitGroup
		wrong atomic.Int64
		mu    sync.Mutex
	)
	for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(every) {
		for _, key := range keys {
			calls.Go(func() {
				start := time.Now()
				if _, err := g.Get(t.Context(), key); err != nil {
					wrong.Add(1)
				}
				mu.Lock()
				defer mu.Unlock()
				slowest = max(slowest, time.Since(start))
			})
		}
	}
	calls.Wait()
	return int(wrong.Load()), slowest
}

func roles(n int) (keys []Key) {
	for i := range n {
		keys = append(keys, role(fmt.Sprint("role-", i)))
	}
	return keys
}

func TestAFailureIsSharedForAMoment(t *testing.T) {
	for name, says := range map[string]error{"Vault is away": errAway, "Vault says no": refusal(400, "no such role")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.says, v.takes = says, 300*time.Millisecond
				var all sync.WaitGroup
				for i := range 500 { // who come one after the other, for half a second
					all.Go(func() {
						time.Sleep(time.Duration(i) * time.Millisecond)
						start := time.Now()
						if _, err := g.Get(t.Context(), demo); err != says || time.Since(start) > v.takes {
							t.Errorf("caller %d: %v after %s", i, err, time.Since(start))
						}
					})
				}
				all.Wait()
				reads(t, v, 1, "for 500 callers")
			})
		})
	}
}

func TestWhileCallsComeVaultIsAskedAgainWithinASecond(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.says = errAway
		failed, slowest := spread(t, g, []Key{demo}, 10*time.Millisecond, time.Minute)
		if failed != 6000 || slowest > waitTimeout {
			t.Errorf("%d calls failed, the slowest after %s", failed, slowest)
		}
		var gaps []time.Duration
		for i, asked := range v.asked()[1:] {
			gaps = append(gaps, asked.at.Sub(v.asked()[i].at))
		}
		if least, most := slices.Min(gaps), slices.Max(gaps); least < shortestShare || most > longestShare+10*time.Millisecond {
			t.Errorf("between two requests: %s to %s", least, most)
		}
		v.now(func(v *vault) { v.says = nil })
		time.Sleep(longestShare)
		get(t, g, demo)
	})
}

func TestNobodyCallsNobodyIsAsked(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.says = errAway
		_, _ = g.Get(t.Context(), demo)
		time.Sleep(time.Hour)
		reads(t, v, 1, "in an hour")
	})
}

func TestVaultsReturnIsNoticedAndNotOverrun(t *testing.T) {
	for _, test := range []struct {
		name  string
		roles int
		says  error
	}{
		{"one role, connections refused", 1, errAway},
		{"ten roles, sealed", 10, refusal(503, "Vault is sealed")},
		{"ten roles, broken", 10, refusal(500, "internal error")},
		{"a thousand roles, garbage", 1000, errors.New("invalid character '<' looking for beginning of value")},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.says = test.says
				keys := roles(test.roles)
				if _, slowest := spread(t, g, keys, 100*time.Millisecond, 4*time.Second); slowest > waitTimeout {
					t.Errorf("a call waited %s", slowest)
				}
				back := time.Now()
				v.now(func(v *vault) { v.says, v.reads = nil, nil })
				_, slowest := spread(t, g, keys, 100*time.Millisecond, time.Second)
				perRole, first := make(map[string]int), 0
				for _, asked := range v.asked() {
					if asked.at.Sub(back) <= time.Second {
						first++
						perRole[asked.path]++
					}
				}
				if first > 12 {
					t.Errorf("%d requests in the first second", first)
				}
				for path, n := range perRole {
					if n > 5 {
						t.Errorf("%d requests for %s in the first second", n, path)
					}
				}
				if slowest > waitTimeout {
					t.Errorf("a call waited %s", slowest)
				}
				if test.roles > 10 {
					return
				}
				time.Sleep(time.Until(back.Add(2 * time.Second)))
				if failed, _ := spread(t, g, keys, 100*time.Millisecond, time.Second); failed > 0 {
					t.Errorf("%d calls failed two seconds after its return", failed)
				}
			})
		})
	}
}

func TestLiveGrantsSignToTheirEndWhileVaultIsAway(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 900, 3240
		start := time.Now()
		keys := roles(200)
		if failed, _ := spread(t, g, keys, time.Second, 2*time.Second); failed > 0 {
			t.Fatalf("%d calls failed", failed)
		}
		v.now(func(v *vault) { v.says = errAway })
		if failed, slowest := spread(t, g, keys, time.Second, time.Until(start.Add(897*time.Second))); failed > 0 || slowest > 0 {
			t.Errorf("%d calls failed, the slowest took %s", failed, slowest)
		}
		if n := v.all(); n > 200*25 {
			t.Errorf("Vault was asked %d times while it was away", n)
		}
	})
}

func TestOneRoleThatFailsDoesNotHoldUpTheOthers(t *testing.T) {
	for name, says := range map[string]error{
		"by a fault of Vault's": refusal(500, "internal error"),
		"as Mashery is away":    refusal(502, "Mashery's token endpoint answered with status 503 instead of a token"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				var log strings.Builder
				g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
				g.Vault = failing{v, "broken", says}
				if failed, _ := spread(t, g, roles(1000), time.Second, time.Second); failed > 0 {
					t.Fatalf("%d calls failed", failed)
				}
				for range 120 {
					_, _ = g.Get(t.Context(), role("broken"))
					if failed, slowest := spread(t, g, roles(1000), time.Second, time.Second); failed > 0 || slowest > 0 {
						t.Fatalf("%d calls failed, the slowest took %s", failed, slowest)
					}
				}
				if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "role=broken") {
					t.Errorf("the log:\n%s", log.String())
				}
			})
		})
	}
}

func TestWhereMasheryIsAwayALiveGrantSignsOnAndVaultIsAskedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		says error
		away bool // Vault itself
	}{
		"as the engine says":           {refusal(502, "Mashery's token endpoint answered with status 503 instead of a token"), false},
		"in time":                      {refusal(504, "Mashery's token endpoint did not answer in time"), false},
		"as what is before Vault does": {&api.ResponseError{StatusCode: 502, RawError: true, Errors: []string{"<h1>Bad Gateway</h1>"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				var log strings.Builder
				g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
				get(t, g, demo)
				v.now(func(v *vault) {
					v.gives = func() (*api.Secret, http.Header, error) { return nil, nil, test.says }
				})
				if failed, slowest := spread(t, g, []Key{demo}, 100*time.Millisecond, 110*time.Second); failed > 0 || slowest > 0 {
					t.Errorf("%d calls failed while there was a live grant, the slowest took %s", failed, slowest)
				}
				time.Sleep(10 * time.Second) // its lease can be renewed for two minutes
				if _, err := g.Get(t.Context(), demo); !errors.Is(err, test.says) {
					t.Errorf("after its end: %v", err)
				}
				if said := strings.Contains(log.String(), "no grants can be had from Vault"); said != test.away {
					t.Errorf("the log:\n%s", log.String())
				}
				v.now(func(v *vault) { v.gives = nil })
				time.Sleep(longestShare)
				get(t, g, demo)
			})
		})
	}
}

// lastingly is a refusal that is a role's own state.
var lastingly = refusal(400, "requires proxy mode")

// knowsLasting tells one of that kind.
func knowsLasting(err error) bool {
	return strings.Contains(err.Error(), "requires proxy mode")
}

func TestALastingRefusalIsRememberedUntilTheRoleChanges(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		g.Lasting = knowsLasting
		v.says = lastingly
		if err := g.Refusal(demo); err != nil {
			t.Errorf("nothing is known, but: %v", err)
		}
		if _, err := g.Get(t.Context(), demo); err != lastingly {
			t.Fatal(err)
		}
		asks := func(lasts time.Duration) (known int) {
			for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if err := g.Refusal(demo); err == lastingly {
					known++
				}
			}
			return known
		}
		if known := asks(5 * time.Minute); known != 3000 || v.count() > 32 {
			t.Errorf("known to %d of 3000, Vault asked %d times", known, v.count())
		}
		v.now(func(v *vault) { v.says = errAway }) // tells nothing about the role
		if known := asks(30 * time.Second); known != 300 {
			t.Errorf("while Vault is away: known to %d of 300", known)
		}
		v.now(func(v *vault) { v.says = nil })
		asks(lastingCheck + time.Second)
		if known := asks(time.Second); known > 0 {
			t.Errorf("after the change it is still known to %d", known)
		}
		get(t, g, demo)
	})
}

func TestALastingRefusalThatNobodyAsksAboutIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		g.Lasting = knowsLasting
		v.says = lastingly
		_, _ = g.Get(t.Context(), demo)
		time.Sleep(10 * time.Minute)
		if err := g.Refusal(demo); err != nil || len(g.Status()) != 0 {
			t.Errorf("%v, %d entries", err, len(g.Status()))
		}
		reads(t, v, 1, "in all")
	})
}

func TestWhoTriesManyNamesFillsNoMemory(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		get(t, g, demo)
		nosuch := refusal(http.StatusNotFound)
		v.now(func(v *vault) { v.gives = func() (*api.Secret, http.Header, error) { return nil, nil, nosuch } })
		for i := range 3 * manyEntries {
			if _, err := g.Get(t.Context(), role(strconv.Itoa(i))); !errors.Is(err, nosuch) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			if n := len(g.entries); n > manyEntries+2100 { // those of two seconds
				t.Fatalf("%d entries after %d names", n, i)
			}
		}
		get(t, g, demo) // it is still there
	})
}

func TestALastingRefusalEndsALiveGrant(t *testing.T) {
	for name, change := range map[string]func(*vault){
		"of the renewal":   func(v *vault) { v.says = refusal(400, "lease is not renewable: the role requires proxy mode now") },
		"of the successor": func(v *vault) { v.says, v.most = lastingly, 60 },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				g.Lasting = knowsLasting
				want(t, g, "t1-1", "the first")
				v.now(change)
				for range 55 {
					_, _ = g.Get(t.Context(), demo)
					time.Sleep(time.Second)
				}
				if err := g.Refusal(demo); err == nil {
					t.Error("it is not known")
				}
			})
		})
	}
}

func TestARefusalOtherwiseLeavesALiveGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 60, 60
		start := time.Now()
		want(t, g, "t1-1", "the first")
		v.now(func(v *vault) { v.says = refusal(400, "this role has depleted its usage quota") })
		for time.Since(start) < 57*time.Second {
			want(t, g, "t1-1", "to its end")
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestARequestThatGotLostIsMadeAgainWhenVaultIsBack(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.hangs = true
		if _, err := g.Get(t.Context(), demo); err != ErrSlow {
			t.Errorf("got %v", err)
		}
		time.Sleep(5 * time.Second)
		_, _ = g.Get(t.Context(), demo)
		v.now(func(v *vault) { v.hangs = false })
		back := time.Now()
		for {
			if _, err := g.Get(t.Context(), demo); err == nil {
				break
			}
		}
		if took := time.Since(back); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
		reads(t, v, 1, "that were answered")
	})
}

func TestASlowEngineIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = 25 * time.Second
		start := time.Now()
		for {
			if _, err := g.Get(t.Context(), demo); err == nil {
				break
			} else if err != ErrSlow {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != v.takes || g.line.away != nil {
			t.Errorf("it took %s; away: %v", took, g.line.away)
		}
		reads(t, v, 1, "for the grant")
	})
}

// swallowing is a Vault that answers all but some reads.
type swallowing struct {
	*vault
	which map[int]bool // by their numbers, from 1
	asked []time.Time
}

func (s *swallowing) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	if path != "sys/health" {
		if s.asked = append(s.asked, time.Now()); s.which[len(s.asked)] {
			<-ctx.Done()
			return nil, nil, ctx.Err()
		}
	}
	return s.vault.Read(ctx, namespace, path, query)
}

func TestAReadThatIsSwallowedIsMadeOnceMore(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, _ *Grants[string]) {
		v.takes, v.lease, v.most = 10*time.Millisecond, 12, 12
		s := &swallowing{vault: v, which: map[int]bool{2: true, 5: true}}
		g := New(Config[string]{Vault: s, Parse: nameOf})
		defer g.Close()
		get(t, g, demo)
		if failed, slowest := spread(t, g, []Key{demo}, 100*time.Millisecond, time.Minute); failed > 0 || slowest > 0 {
			t.Errorf("%d calls failed, the slowest waited %s", failed, slowest)
		}
	})
}

func TestAnEngineThatHasBecomeSlowIsAskedOnceMoreAndThenWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = 10 * time.Millisecond
		get(t, g, demo)
		g.DropAll()
		v.now(func(v *vault) { v.takes = 25 * time.Second })
		start := time.Now()
		for {
			if _, err := g.Get(t.Context(), demo); err == nil {
				break
			}
		}
		if took := time.Since(start); took > v.takes+patience+probePause {
			t.Errorf("it took %s", took)
		}
		reads(t, v, 3, "one that was quick, and two that were not")
	})
}
