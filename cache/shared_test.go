// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

var sharedDemo = Key{Mount: "mash-creds", Role: "demo", API: 3, Shared: true}

func TestASharedTokenIsReadAgainInTime(t *testing.T) {
	for _, life := range []time.Duration{time.Hour, 10 * time.Minute, 6 * time.Minute, 5 * time.Minute, time.Minute, 10 * time.Second} {
		t.Run(life.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.shared = &sharedToken{life: life}
				lasts := 10 * life
				get(t, g, sharedDemo)
				v.now(func(v *vault) { v.takes = min(life/100, 5*time.Second) })
				for start := time.Now(); time.Since(start) < lasts; time.Sleep(life / 200) {
					before := time.Now()
					name := get(t, g, sharedDemo)
					if time.Since(before) != 0 {
						t.Errorf("a call waited %s", time.Since(before))
					}
					if !v.knows(name, life) {
						t.Errorf("a call was signed with %s, whose time is over", name)
					}
				}
				if n := v.count(); n > 45 || len(v.renewed()) > 0 {
					t.Errorf("%d tokens were read in ten lives, %d leases renewed", n, len(v.renewed()))
				}
			})
		})
	}
}

// knows tells whether a shared token still lives.
func (v *vault) knows(name string, life time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	bought, known := v.shared.bought[name]
	return known && time.Since(bought) < life
}

func TestATokenIsReadAgainShortlyBeforeItsEndAndNotAtOneTime(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 100 {
		after := upkeepAfter(terms{left: time.Hour})
		if left := time.Hour - after; left >= renewBefore || left < 4*time.Minute {
			t.Errorf("read again when %s are left", left)
		}
		seen[after] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different times of 100", len(seen))
	}
}

func TestASharedTokenThatNobodyUsesIsNotReadAgain(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{life: time.Hour}
		get(t, g, sharedDemo)
		time.Sleep(24 * time.Hour)
		reads(t, v, 1, "in a day")
	})
}

func TestADeadSharedTokenIsReadAgainAndDeletedIfItIsTheSame(t *testing.T) {
	tests := map[string]struct {
		change  func(*vault) // between the death and the reading
		deletes int
		want    string
	}{
		"it still is the same":    {func(*vault) {}, 1, "t1-shared-2"},
		"another has replaced it": {func(v *vault) { v.shared.token = "" }, 0, "t1-shared-2"},
		"another replaces it a bit later": {func(v *vault) {
			time.AfterFunc(time.Microsecond, func() { v.now(func(v *vault) { v.shared.token = "" }) })
		}, 0, "t1-shared-2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.shared = &sharedToken{life: time.Hour}
				grant, err := g.Get(t.Context(), sharedDemo)
				if err != nil {
					t.Fatal(err)
				}
				if !g.Dead(sharedDemo, grant, false) {
					t.Error("the call is not to be sent again")
				}
				test.change(v)
				start := time.Now()
				if got := get(t, g, sharedDemo); got != test.want || time.Since(start) > longestStagger {
					t.Errorf("got %s after %s, want %s", got, time.Since(start), test.want)
				}
				if len(v.deleted()) != test.deletes {
					t.Errorf("%d deletes, want %d", len(v.deleted()), test.deletes)
				}
				if test.deletes > 0 && v.deleted()[0].path != "mash-creds/roles/demo/token" {
					t.Errorf("deleted %s", v.deleted()[0].path)
				}
			})
		})
	}
}

func TestASharedTokenThatMayNotBeDeletedIsSaidSo(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{life: time.Hour}
		v.deleting = refusal(403, "permission denied")
		grant, _ := g.Get(t.Context(), sharedDemo)
		g.Dead(sharedDemo, grant, false)
		_, err := g.Another(t.Context(), sharedDemo, grant, 0)
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), `give the policy "delete" on mash-creds/roles/demo/token`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPageIsNoAnswerToTheDeletionOfASharedToken(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{life: time.Hour}
		v.deleting = fmt.Errorf("DELETE: %w", &json.SyntaxError{})
		grant, _ := g.Get(t.Context(), sharedDemo)
		g.Dead(sharedDemo, grant, false)
		if _, err := g.Another(t.Context(), sharedDemo, grant, 0); !errors.Is(err, ErrNotVault) {
			t.Errorf("got %v", err)
		}
	})
}

// TestManyProxiesShareATokenThatDies kills the token under all of them at once,
// at an engine that deletes whatever it has, and at ours.
func TestManyProxiesShareATokenThatDies(t *testing.T) {
	for round := range 40 {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			v.shared = &sharedToken{life: time.Hour, marks: round%2 == 0}
			v.takes = 3 * time.Millisecond
			all := []*Grants[string]{g}
			for range 3 {
				other := New(Config[string]{Vault: v, Parse: nameOf})
				defer other.Close()
				all = append(all, other)
			}
			get(t, g, sharedDemo)
			dead := "t1-shared-1"
			var proxies sync.WaitGroup
			for _, proxy := range all {
				proxies.Go(func() {
					m := &mashery{refuses: func(name string) bool { return name == dead }}
					for range 100 {
						if err := m.call(t, proxy, sharedDemo); err != nil {
							t.Error(err)
						}
						time.Sleep(time.Millisecond)
					}
					if m.served != 100 {
						t.Errorf("%d of 100 calls were served", m.served)
					}
				})
			}
			proxies.Wait()
			if v.shared.marks && v.shared.buys != 2 || v.shared.buys > 3 { // seldom two come together
				t.Errorf("%d tokens were bought", v.shared.buys)
			}
		})
	}
}

func TestHowLongASharedTokenMayBeUsed(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name string
		odd  func(map[string]any)
		want time.Duration // 0: not at all
	}{
		{"what is left of it, less 2 s", nil, time.Hour - margin},
		{"by its end, when it does not say", func(data map[string]any) { delete(data, "token_time_remaining") }, time.Hour - margin},
		{"nothing is left", func(data map[string]any) { data["token_time_remaining"] = json.Number("0") }, 0},
		{"less than nothing", func(data map[string]any) { data["token_time_remaining"] = json.Number("-7") }, 0},
		{"words", func(data map[string]any) { data["token_time_remaining"] = "long" }, 0},
		{"ages", func(data map[string]any) { data["token_time_remaining"] = json.Number("9223372036854775807") }, longestLease*time.Second - margin},
		{"no end at all", func(data map[string]any) { delete(data, "token_time_remaining"); delete(data, "expiry_epoch") }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			secret := (&sharedToken{life: time.Hour, token: "t", ends: now.Add(time.Hour), odd: test.odd}).read("t")
			got, err := tokenTerms(secret, dated(now))
			if (err != nil) != (test.want == 0) || err == nil && got.usable() != test.want {
				t.Errorf("got %s, %v; want %s", got.usable(), err, test.want)
			}
		})
	}
}

func TestNoSecretIsLeftInWhatPrintsAGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{life: time.Hour}
		g.Parse = func(Key, map[string]any) (string, error) { return "hidden", nil }
		grant, err := g.Get(t.Context(), sharedDemo)
		if err != nil || strings.Contains(fmt.Sprintf("%+v %#v %v", grant, grant, g.Status()), "shared-1") {
			t.Errorf("%+v, %v", grant, err)
		}
	})
}
