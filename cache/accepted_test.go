// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"errors"
	"testing"
	"time"
)

// forbidden makes a call that Mashery refuses whatever signs it, as it does a V2
// method that the key may not use. It tells how often it was sent.
func forbidden(t *testing.T, g *Grants[string], key Key) int {
	t.Helper()
	m := &mashery{refuses: always}
	if err := m.call(t, g, key); err != nil {
		t.Error(err)
	}
	return m.calls
}

func TestCallsThatAreRefusedForWhatTheyAreStopNoOthers(t *testing.T) {
	shared := Key{Mount: "mash-creds", Role: "demo", API: 3, Shared: true}
	for _, test := range []struct {
		name        string
		key         Key
		lease, most int
		every       time.Duration // a call that is accepted
		fetches     int           // in ten minutes, at most
	}{
		{"leases of ten seconds", demo, 10, 10, 100 * time.Millisecond, 120},
		{"leases of a minute", demo, 60, 60, 100 * time.Millisecond, 20},
		{"leases of a minute that can be extended", demo, 60, 120, 100 * time.Millisecond, 12},
		{"leases of half an hour", demo, 1800, 1800, 100 * time.Millisecond, 2},
		{"a shared token", shared, 0, 0, 100 * time.Millisecond, 4},
		{"one of two calls", demo, 60, 60, time.Second, 20},
		{"most calls", demo, 60, 60, 10 * time.Second, 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.lease, v.most, v.shared = test.lease, test.most, &sharedToken{life: time.Hour}
				good, start := &mashery{refuses: func(string) bool { return false }}, time.Now()
				sent, calls := 0, 0
				for next := start; time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
					if now := time.Now(); !now.Before(next) {
						next = now.Add(test.every)
						if err := good.call(t, g, test.key); err != nil || time.Since(now) > 0 {
							t.Fatalf("after %s: %v, %s waited", now.Sub(start), err, time.Since(now))
						}
					}
					if calls*10 < int(time.Since(start)/(100*time.Millisecond)) {
						time.Sleep(time.Millisecond)
						sent += forbidden(t, g, test.key)
						calls++
					}
				}
				reads(t, v, min(v.count(), test.fetches), "in ten minutes")
				if sent > calls+1 || len(v.deleted()) > 1 {
					t.Errorf("%d calls that are refused were sent %d times, %d tokens deleted", calls, sent, len(v.deleted()))
				}
				time.Sleep(time.Millisecond)
				_ = good.call(t, g, test.key)
				if got := g.Status()[0]; got.State != StateLive || got.RetrySeconds != 0 {
					t.Errorf("status says %+v", got)
				}
			})
		})
	}
}

func TestAGrantThatDiesAfterItWasAcceptedIsReplacedWithinAMinute(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 3600, 3600
		var dead string
		m := &mashery{refuses: func(name string) bool { return name == dead }}
		for range 100 { // calls of both kinds
			_ = m.call(t, g, demo)
			time.Sleep(time.Millisecond)
			forbidden(t, g, demo)
			time.Sleep(time.Second)
		}
		dead = get(t, g, demo)
		died, served := time.Now(), m.served
		for ; m.served == served; time.Sleep(time.Second) {
			if took := time.Since(died); took > longestRest+3*time.Second {
				t.Fatalf("it is still used after %s", took)
			}
			if err := m.call(t, g, demo); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAKeyThatBecomesInactiveCostsFewGrantsThoughCallsWereRefusedBefore(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 10, 10
		m := &mashery{refuses: func(string) bool { return false }}
		for range 60 {
			_ = m.call(t, g, demo)
			time.Sleep(time.Millisecond)
			forbidden(t, g, demo)
			time.Sleep(time.Second)
		}
		m.refuses = always
		before := v.count()
		for range 1200 {
			if err := m.call(t, g, demo); err != nil && !errors.As(err, new(*RefusedError)) {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := v.count() - before; n > 10 {
			t.Errorf("%d grants in two minutes", n)
		}
	})
}

func TestAnAnswerToACallOfBeforeTheRefusalDoesNotClearTheGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		_ = get(t, g, demo)
		forbidden(t, g, demo) // the second grant is refused, too
		grant, err := g.Get(t.Context(), demo)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			key   Key
			grant *Grant[string]
			sent  time.Time
			state State
		}{
			{demo, grant, time.Now().Add(-time.Second), StateRefused},
			{demo, nil, time.Now().Add(time.Second), StateRefused},
			{demo, &Grant[string]{}, time.Now().Add(time.Second), StateRefused},
			{role("other"), grant, time.Now().Add(time.Second), StateRefused},
			{demo, grant, time.Now().Add(time.Second), StateLive},
			{demo, grant, time.Now().Add(-time.Second), StateLive},
		} {
			g.Accepted(test.key, test.grant, test.sent)
			if got := g.Status()[0]; got.State != test.state {
				t.Errorf("after %+v: %+v", test, got)
			}
		}
	})
}
