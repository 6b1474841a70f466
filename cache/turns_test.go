// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

var (
	demoV2     = Key{Mount: "mash-creds", Role: "demo", API: 2}
	demoShared = Key{Mount: "mash-creds", Role: "demo", API: 3, Shared: true}
)

// caller makes calls of one key, at its own pace.
type caller struct {
	key   Key
	first time.Duration // when the first call is made
	every time.Duration

	next    time.Time
	calls   int
	refused int // calls for which there was no grant
}

// callInTurn lets callers call for a while, each when it is due.
func callInTurn(t *testing.T, g *Grants[string], m *mashery, lasts time.Duration, callers ...*caller) {
	t.Helper()
	start := time.Now()
	for _, c := range callers {
		c.next = start.Add(c.first)
	}
	for {
		c := slices.MinFunc(callers, func(a, b *caller) int { return a.next.Compare(b.next) })
		if c.next.Sub(start) >= lasts {
			return
		}
		time.Sleep(time.Until(c.next))
		c.next = c.next.Add(c.every)
		c.calls++
		err := m.call(t, g, c.key)
		if errors.As(err, new(*RefusedError)) {
			c.refused++
		} else if err != nil {
			t.Fatalf("after %s: %v", time.Since(start), err)
		}
	}
}

// credentials are when Vault gave those it has given.
func credentials(v *vault) (given []time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, lease := range v.leases {
		given = append(given, lease.issued)
	}
	for _, bought := range v.shared.bought {
		given = append(given, bought)
	}
	slices.SortFunc(given, time.Time.Compare)
	return given
}

// within is how many there are at most in a time so long.
func within(given []time.Time, long time.Duration) (most int) {
	for i, first := range given {
		n := 0
		for _, at := range given[i:] {
			if at.Sub(first) < long {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestAnInactiveKeyThatBothAPIsAreCalledWithCostsNoMoreThanOne(t *testing.T) {
	paces := []time.Duration{100 * time.Millisecond, 9 * time.Second, 70 * time.Second, 4 * time.Minute}
	lags := []time.Duration{-100 * time.Second, -13 * time.Second, -time.Millisecond, 5 * time.Second, 40 * time.Second, 6 * time.Minute}
	for _, v3 := range []Key{demo, demoShared} {
		for _, pace2 := range paces {
			for _, pace3 := range paces {
				for _, lag := range lags {
					t.Run(fmt.Sprintf("shared %t, V2 every %s, V3 every %s and %s later", v3.Shared, pace2, pace3, lag), func(t *testing.T) {
						costsFew(t, &caller{key: demoV2, first: max(0, -lag), every: pace2}, &caller{key: v3, first: max(0, lag), every: pace3})
					})
				}
			}
		}
	}
}

// costsFew lets callers of both APIs call with an inactive key.
func costsFew(t *testing.T, a, b *caller) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{life: time.Hour}
		callInTurn(t, g, &mashery{refuses: always}, 20*time.Minute, a, b)
		given := credentials(v)
		if n := within(given, 2*time.Minute); n > 10 {
			t.Errorf("%d grants in two minutes", n)
		}
		if n := len(given); n > 10+19 {
			t.Errorf("%d grants in twenty minutes", n)
		}
		begun := max(a.first, b.first) + 2*time.Minute
		late := slices.DeleteFunc(given, func(at time.Time) bool { return at.Sub(given[0]) < begun })
		if n, often := within(late, 10*time.Minute), a.every+b.every < time.Minute; often && n > 11 {
			t.Errorf("%d grants in ten minutes, when both have been called for two", n)
		}
		if always := a.every+b.every < time.Second; always && a.refused+b.refused > 0 {
			t.Errorf("%d of %d and %d of %d calls did not get Mashery's own answer", a.refused, a.calls, b.refused, b.calls)
		}
	})
}

func TestAnInactiveKeyCostsNoMoreWhereTokensAreShort(t *testing.T) {
	for _, v3 := range []Key{demo, demoShared} {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			v.shared = &sharedToken{life: time.Hour}
			ofV2, ofV3 := &caller{key: demoV2, every: 200 * time.Millisecond}, &caller{key: v3, every: 200 * time.Millisecond}
			for i := range 20 {
				callInTurn(t, g, &mashery{refuses: always}, 15*time.Second, ofV2, ofV3)
				v.now(func(v *vault) { v.token = fmt.Sprint("t", 2+i) })
				g.TokenChanged()
			}
			if given := credentials(v); within(given, 2*time.Minute) > 10 {
				t.Errorf("%d grants in two minutes, %d in five", within(given, 2*time.Minute), len(given))
			}
			if n := ofV2.refused + ofV3.refused; n > (ofV2.calls+ofV3.calls)*53/100 { // no lease of an old token's is renewed
				t.Errorf("%d of %d calls did not get Mashery's own answer", n, ofV2.calls+ofV3.calls)
			}
		})
	}
}

func TestAnInactiveKeyCostsFewGrantsThoughManyCallsAreUnderWay(t *testing.T) {
	for _, answers := range []time.Duration{50 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second, 10 * time.Second} {
		t.Run("Mashery answers in "+answers.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.shared, v.takes = &sharedToken{}, 300*time.Millisecond
				var calling sync.WaitGroup
				for i := range 40 {
					key := []Key{demo, demoV2}[i%2]
					calling.Go(func() {
						time.Sleep(time.Duration(i) * 370 * time.Millisecond)
						for range int(20 * time.Minute / answers) {
							grant, err := g.Get(t.Context(), key)
							if time.Sleep(answers); err == nil {
								g.Dead(key, grant, false)
							} else if !errors.As(err, new(*RefusedError)) {
								t.Error(err)
							}
						}
					})
				}
				calling.Wait()
				given := credentials(v)
				if n, all := within(given, 2*time.Minute), len(given); n > 10 || all > 10+19 {
					t.Errorf("%d grants in two minutes, %d in twenty", n, all)
				}
			})
		})
	}
}

func TestWhereV2sLeasesAreNotExtendedHalfOfItsCallsGetMasherysAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.most, v.shared = 60, &sharedToken{life: time.Hour}
		ofV2, ofV3 := &caller{key: demoV2, every: time.Second}, &caller{key: demoShared, every: time.Second}
		callInTurn(t, g, &mashery{refuses: always}, 20*time.Minute, ofV2, ofV3)
		if n := within(credentials(v), 2*time.Minute); n > 10 || ofV2.refused > ofV2.calls*53/100 || ofV3.refused > 0 {
			t.Errorf("%d grants in two minutes; %d of %d, %d of %d calls did not get Mashery's own answer", n, ofV2.refused, ofV2.calls, ofV3.refused, ofV3.calls)
		}
	})
}

func TestAKeyThatIsActiveAgainIsServedWithinAMinuteByBothAPIs(t *testing.T) {
	for after := 2 * time.Second; after < 10*time.Minute; after += 37 * time.Second {
		t.Run(after.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.shared = &sharedToken{life: time.Hour}
				callers := []*caller{{key: demoV2, every: time.Second}, {key: demo, every: time.Second}}
				callInTurn(t, g, &mashery{refuses: always}, after, callers...)
				dead := make(map[string]bool) // the grants of before
				for _, lease := range v.leases {
					dead[lease.name] = true
				}
				m := &mashery{refuses: func(name string) bool { return dead[name] }}
				callInTurn(t, g, m, longestRest+2*time.Second, callers...)
				before := m.served
				callInTurn(t, g, m, 10*time.Minute, callers...)
				if n := m.served - before; n != 1200 {
					t.Errorf("a minute later %d of 1200 calls were served", n)
				}
			})
		})
	}
}

// oneToken is a Vault before a Mashery that lets only the newest access token of
// V3 live.
type oneToken struct {
	*vault
	newest string
}

func (o *oneToken) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	secret, header, err := o.vault.Read(ctx, namespace, path, query)
	if err == nil && query.Get("api") == "3" {
		o.newest, _ = secret.Data["name"].(string)
	}
	return secret, header, err
}

func TestV2IsNotSlowedWhereTheTokensOfTwoProxiesKillEachOtherNorAreThey(t *testing.T) {
	fetched := func(t *testing.T, withV2 bool) (v3 int) {
		bubble(t, func(t *testing.T, v *vault, _ *Grants[string]) {
			v.shared = &sharedToken{}
			one := &oneToken{vault: v}
			v2, newest := &mashery{refuses: func(string) bool { return false }}, &mashery{refuses: func(name string) bool { return name != one.newest }}
			a, b := New(Config[string]{Vault: one, Parse: nameOf}), New(Config[string]{Vault: one, Parse: nameOf})
			defer a.Close()
			defer b.Close()
			for range 6000 {
				for _, g := range []*Grants[string]{a, b} {
					if err := newest.call(t, g, demo); err != nil {
						t.Fatal(err)
					}
					if !withV2 {
						continue
					}
					if err := v2.call(t, g, demoV2); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(100 * time.Millisecond)
			}
			if withV2 && v2.served != 12000 {
				t.Errorf("%d of 12000 V2 calls were served", v2.served)
			}
			for _, asked := range v.asked() {
				if asked.path == "mash-creds/roles/demo/grant?api=3&lease=true" {
					v3++
				}
			}
		})
		return v3
	}
	if with, without := fetched(t, true), fetched(t, false); with != without {
		t.Errorf("%d tokens beside V2, %d without", with, without)
	}
}

func TestAnAPIWhoseCallsAreAnsweredSlowsTheOtherNot(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{}
		good := &mashery{refuses: func(string) bool { return false }}
		for range 600 { // half of V2's calls are refused for what they are, all of V3's for their key
			_ = forbidden(t, g, demo)
			_ = forbidden(t, g, demoV2)
			time.Sleep(time.Millisecond)
			if err := good.call(t, g, demoV2); err != nil {
				t.Fatal(err)
			}
			time.Sleep(999 * time.Millisecond)
		}
		if good.served != 600 {
			t.Errorf("%d of 600 were served", good.served)
		}
		var v3 []time.Time
		for _, asked := range v.asked() {
			if asked.path == "mash-creds/roles/demo/grant?api=3&lease=true" {
				v3 = append(v3, asked.at)
			}
		}
		for i := 1; i < len(v3); i++ {
			if rest := v3[i].Sub(v3[i-1]); rest > longestRest+time.Second {
				t.Errorf("between two grants of V3 were %s", rest)
			}
		}
	})
}
