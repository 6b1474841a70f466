// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

func TestOneReadServesAllWhoWait(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = time.Second
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() { want(t, g, "t1-1", "one of 200") })
		}
		all.Wait()
		want(t, g, "t1-1", "one who comes later")
		reads(t, v, 1, "for 201 callers")
	})
}

func TestAGrantServesAThousandCallsOfItsLease(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		for range 1000 {
			want(t, g, "t1-1", "within the lease")
			time.Sleep(30 * time.Millisecond)
		}
		reads(t, v, 1, "in 30 s")
	})
}

func TestKeysDoNotShareGrants(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		seen := make(map[string]Key)
		for _, key := range []Key{
			{Mount: "m", Role: "r", API: 3}, {Mount: "m", Role: "r", API: 2}, {Mount: "m", Role: "q", API: 3},
			{Mount: "n", Role: "r", API: 3}, {Namespace: "ns", Mount: "m", Role: "r", API: 3},
		} {
			name := get(t, g, key)
			if other, twice := seen[name]; twice {
				t.Errorf("%v got the grant of %v", key, other)
			}
			seen[name] = key
		}
	})
}

func TestAWaiterWhoLeavesDoesNotStopTheRead(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = time.Second
		left := errors.New("left")
		first, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { leave(left) })
		var all sync.WaitGroup
		all.Go(func() {
			start := time.Now()
			if _, err := g.Get(first, demo); err != left || time.Since(start) != 100*time.Millisecond {
				t.Errorf("the first got %v after %s", err, time.Since(start))
			}
		})
		settled()
		all.Go(func() { want(t, g, "t1-1", "the second") })
		all.Wait()
		reads(t, v, 1, "for both")
	})
}

func TestWhoHasWaitedForVaultBeforeWaitsForTwoSecondsInAll(t *testing.T) {
	for before, want := range map[time.Duration]time.Duration{
		0:                       waitTimeout,
		time.Second:             waitTimeout - time.Second,
		1900 * time.Millisecond: leastWait,
	} {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			v.takes = 5 * time.Second
			start := time.Now()
			if _, err := g.Another(t.Context(), demo, nil, before); !errors.Is(err, ErrSlow) || time.Since(start) != want {
				t.Errorf("after %s: got %v after %s", before, err, time.Since(start))
			}
		})
	}
}

func TestASlowReadGoesOnForThoseWhoComeLater(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = 5 * time.Second
		for i := range 2 { // the second begins to wait after 2 s, and gives up after 4
			start := time.Now()
			if _, err := g.Get(t.Context(), demo); !errors.Is(err, ErrSlow) || time.Since(start) != waitTimeout {
				t.Errorf("caller %d got %v after %s", i, err, time.Since(start))
			}
		}
		want(t, g, "t1-1", "the third")
		reads(t, v, 1, "for all three")
	})
}

func TestAReadIsGivenUpAfterHalfAMinute(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = time.Hour
		if _, err := g.Get(t.Context(), demo); !errors.Is(err, ErrSlow) {
			t.Errorf("got %v", err)
		}
		time.Sleep(fetchTimeout - waitTimeout - time.Second)
		start := time.Now()
		if _, err := g.Get(t.Context(), demo); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrSlow) {
			t.Errorf("in the last second: got %v", err)
		}
		if time.Since(start) != time.Second {
			t.Errorf("given up after %s more", time.Since(start))
		}
		v.now(func(v *vault) { v.takes = 0 })
		time.Sleep(longestShare)
		want(t, g, "t1-2", "the next")
	})
}

func TestAGrantIsNeverUsedAfterItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = time.Second // which counts: the deadline is reckoned from the sending
		v.slow = time.Minute
		start := time.Now()
		want(t, g, "t1-1", "the first")
		time.Sleep(time.Until(start.Add(58*time.Second)) - 1)
		want(t, g, "t1-1", "a moment before the deadline")
		time.Sleep(time.Nanosecond) // it is being renewed, as it was used after all
		want(t, g, "t1-2", "at the deadline")
	})
}

func TestAGrantThatEndsBeforeItsLeaseIsNotUsedAfterItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		// Vault's clock is a day behind ours, and it says so.
		v.gives = func() (*api.Secret, http.Header, error) {
			theirs := time.Now().Add(-24 * time.Hour)
			return leased(3600, map[string]any{"name": "v3", "expiry_epoch": epoch(theirs.Add(100 * time.Second))}), dated(theirs), nil
		}
		get(t, g, demo)
		v.now(func(v *vault) { v.says, v.gives = errAway, nil })
		time.Sleep(98*time.Second - 1)
		get(t, g, demo)
		time.Sleep(time.Nanosecond)
		if grant, err := g.Get(t.Context(), demo); err != errAway {
			t.Errorf("at its end, less 2 s: got %v, %v", grant, err)
		}
	})
}

func TestADeadGrantIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		first, _ := g.Get(t.Context(), demo)
		other, _ := g.Get(t.Context(), role("other"))
		g.Dead(demo, first, false)
		want(t, g, "t1-3", "after it")
		if got := get(t, g, role("other")); got != other.Value {
			t.Errorf("another role's grant went too: got %s", got)
		}
		reads(t, v, 3, "in all")
	})
}

func TestTheDeathOfAGrantThatWasReplacedMeansNothing(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		first, _ := g.Get(t.Context(), demo)
		// 100 calls were signed with it, and all are refused.
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				g.Dead(demo, first, false)
				want(t, g, "t1-2", "after it")
				g.Dead(demo, first, false)
				want(t, g, "t1-2", "after late word of it")
			})
		}
		all.Wait()
		g.Dead(role("nobody"), first, false)
		g.Dead(demo, nil, false)
		want(t, g, "t1-2", "after word of nothing")
		reads(t, v, 2, "in all")
	})
}

func TestVaultsRefusalComesThroughAsItIs(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		no := refusal(400, "operation is not permitted as this role requires proxy mode")
		v.says, v.takes = no, time.Second
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				_, err := g.Get(t.Context(), demo)
				if answer := (*api.ResponseError)(nil); !errors.As(err, &answer) || err != no {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		reads(t, v, 1, "for ten callers")
	})
}

func TestAnAnswerThatIsNoGrantIsUnusable(t *testing.T) {
	for _, test := range []struct {
		name   string
		secret *api.Secret
		header http.Header
		says   string
	}{
		{"no lease", &api.Secret{RequestID: requestID, Data: map[string]any{"name": "x"}}, nil, "without a lease"},
		{"an end without a date", leased(60, map[string]any{"name": "x", "expiry_epoch": epoch(time.Now())}), nil, "no Date"},
		{"data that is not understood", leased(60, nil), nil, "has no name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.gives = func() (*api.Secret, http.Header, error) { return test.secret, test.header, nil }
				grant, err := g.Get(t.Context(), demo)
				if grant != nil || !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, %v", grant, err)
				}
				v.now(func(v *vault) { v.gives = nil })
				time.Sleep(longestShare)
				want(t, g, "t1-2", "once it is a grant")
			})
		})
	}
}

// In real time, for the race detector: everything at once, and nobody is
// forgotten.
func TestGrantsUnderCrowding(t *testing.T) {
	v := &vault{token: "t1"}
	g := New(Config[string]{Vault: v, Parse: nameOf})
	var crowd sync.WaitGroup
	for i := range 32 {
		crowd.Go(func() {
			key := role(fmt.Sprint("role-", i%5))
			for n := range 200 {
				switch (i + n) % 60 {
				case 0:
					g.TokenLost()
				case 10:
					g.DropAll()
				case 20:
					v.now(func(v *vault) { v.token = fmt.Sprint("t", i, n) })
					g.TokenChanged()
				case 30:
					_ = g.Status()
				case 40:
					g.sweep()
				}
				grant, err := g.Get(t.Context(), key)
				if err != nil {
					t.Error(err)
				}
				_ = g.Holds(key, grant)
				if n%100 == 0 {
					g.Dead(key, grant, false)
				}
			}
		})
	}
	crowd.Wait()
	g.Close()
	for key, e := range g.entries {
		if e.fetch != nil {
			t.Errorf("a read of %s is still under way", key.Role)
		}
	}
}
