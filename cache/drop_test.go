// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

func TestGrantsAreDroppedByHand(t *testing.T) {
	team := Key{Namespace: "team", Mount: "mash-creds", Role: "demo", API: 2}
	for name, test := range map[string]struct {
		drop func(*Grants[string])
		gone []Key
	}{
		"all":                      {(*Grants[string]).DropAll, []Key{demo, role("other"), team}},
		"a lease":                  {func(g *Grants[string]) { g.DropLease("mash-creds/roles/demo/grant/t1-1") }, []Key{demo}},
		"a lease nobody has":       {func(g *Grants[string]) { g.DropLease("mash-creds/roles/demo/grant/t1-9") }, nil},
		"no lease":                 {func(g *Grants[string]) { g.DropLease("") }, nil},
		"a path":                   {func(g *Grants[string]) { g.DropPath("", "/v1/mash-creds/roles/demo/grant") }, []Key{demo}},
		"a path in root":           {func(g *Grants[string]) { g.DropPath("root/", "/v1/mash-creds/roles/demo/grant") }, []Key{demo}},
		"a path's beginning":       {func(g *Grants[string]) { g.DropPath("", "/v1/mash-creds/") }, []Key{demo, role("other")}},
		"a path in a namespace":    {func(g *Grants[string]) { g.DropPath("team/", "/v1/mash-creds/roles/demo/grant") }, []Key{team}},
		"a namespace's path":       {func(g *Grants[string]) { g.DropPath("", "/v1/team/mash-creds/roles") }, []Key{team}},
		"a path of something else": {func(g *Grants[string]) { g.DropPath("", "/v1/secret/") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				var dropped int
				g.Observe = func(e Event) {
					if e == DropByHand {
						dropped++
					}
				}
				keys := []Key{demo, role("other"), team}
				before := make(map[Key]string)
				for _, key := range keys {
					before[key] = get(t, g, key)
				}
				test.drop(g)
				for _, key := range keys {
					if gone := get(t, g, key) != before[key]; gone != slices.Contains(test.gone, key) {
						t.Errorf("%v: gone is %v", key, gone)
					}
				}
				if dropped != len(test.gone) {
					t.Errorf("%d drops were observed", dropped)
				}
			})
		})
	}
}

func TestWhoClearsByHandHasVaultAskedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.says = refusal(400, "requires proxy mode")
		g.Lasting = knowsLasting
		_, _ = g.Get(t.Context(), demo)
		v.now(func(v *vault) { v.says = nil })
		g.DropAll()
		want(t, g, "t1-2", "at once")
	})
}

func TestStatusTellsOfEachGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.shared = &sharedToken{life: time.Hour}
		get(t, g, sharedDemo)
		get(t, g, role("a"))
		time.Sleep(30 * time.Second)
		get(t, g, role("a"))
		time.Sleep(15 * time.Second) // it is renewed
		m := &mashery{refuses: always}
		_ = m.call(t, g, role("b"))
		v.now(func(v *vault) { v.says = refusal(400, "no such role\n\tthere") })
		_, _ = g.Get(t.Context(), role("c"))
		v.now(func(v *vault) { v.says, v.takes = nil, time.Minute })
		_, _ = g.Get(t.Context(), role("d"))
		text, err := json.Marshal(g.Status())
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.ReplaceAll(string(text), `},{`, "},\n{"), `"mount":"mash-creds",`, "")
		for _, part := range []string{
			`"role":"a","api":3,"state":"live","seconds_left":`, `"renewals":1}`,
			`"role":"b","api":3,"state":"refused","seconds_left":56,"renewals":0`,
			`"role":"c","api":3,"state":"failed","seconds_left":0,"renewals":0,"last_error":"status 400: no such role there"`,
			`"role":"d","api":3,"state":"waiting","seconds_left":0,"renewals":0}`,
			`"role":"demo","api":3,"shared":true,"state":"live","seconds_left":3551,"renewals":0}`,
		} {
			if !strings.Contains(got, part) {
				t.Errorf("lacks %s:\n%s", part, got)
			}
		}
		if strings.Contains(got, "t1-") {
			t.Errorf("a grant is told:\n%s", got)
		}
	})
}

func TestWhatHappensIsObserved(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		seen := make(map[Event]int)
		g.Observe = func(e Event) { seen[e]++ }
		get(t, g, demo)
		for range 110 {
			get(t, g, demo)
			time.Sleep(time.Second)
		}
		v.now(func(v *vault) { v.says = errAway })
		_, _ = g.Get(t.Context(), role("other"))
		v.now(func(v *vault) { v.says = refusal(400) })
		_, _ = g.Get(t.Context(), role("third"))
		v.now(func(v *vault) { v.says, v.token = nil, "" })
		g.TokenLost()
		for event, n := range map[Event]int{FetchOK: 2, FetchFailed: 1, FetchRefused: 1, RenewalOK: 2, DropToken: 1} {
			if seen[event] != n {
				t.Errorf("%s was observed %d times, want %d: %v", event, seen[event], n, seen)
			}
		}
	})
}

func TestWhatIsBeingReadWhenGrantsAreClearedIsOfBefore(t *testing.T) {
	for name, test := range map[string]struct {
		begin func(t *testing.T, v *vault, g *Grants[string]) // leaves a read under way
		reads int
	}{
		"for a call": {func(t *testing.T, v *vault, g *Grants[string]) {
			go func() { _, _ = g.Get(t.Context(), demo) }()
		}, 2},
		"as a successor": {func(t *testing.T, v *vault, g *Grants[string]) {
			v.most = 60
			get(t, g, demo)
			for v.count() < 2 { // its lease is not extended
				time.Sleep(100 * time.Millisecond)
				get(t, g, demo)
			}
		}, 3},
		"for a call that waits on": {func(t *testing.T, v *vault, g *Grants[string]) {
			go want(t, g, "t1-2", "who called before the clearing")
		}, 2},
		"in vain": {func(t *testing.T, v *vault, g *Grants[string]) {
			v.now(func(v *vault) {
				v.gives = func() (*api.Secret, http.Header, error) { return nil, nil, refusal(400, "no such key") }
			})
			go func() { _, _ = g.Get(t.Context(), demo) }()
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.takes = 500 * time.Millisecond
				test.begin(t, v, g)
				time.Sleep(100 * time.Millisecond)
				g.DropAll()
				cleared := time.Now()
				if settled(); g.line.away != nil {
					t.Errorf("Vault is thought to be away: %v", g.line.away)
				}
				go func() {
					time.Sleep(450 * time.Millisecond) // the read of before was answered
					v.now(func(v *vault) { v.gives = nil })
				}()
				want(t, g, fmt.Sprint("t1-", test.reads), "after the clearing")
				if took := time.Since(cleared); took != v.takes {
					t.Errorf("it took %s", took)
				}
				time.Sleep(time.Second)
				want(t, g, fmt.Sprint("t1-", test.reads), "later")
				if asked := v.asked(); len(asked) != test.reads || asked[len(asked)-1].at.Before(cleared) {
					t.Errorf("cleared at %s, asked %v", cleared, asked)
				}
			})
		})
	}
}

func TestAReadThatNobodyWantsAnyMoreIsNotMadeAgainWhenGrantsAreCleared(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = 5 * time.Second
		if _, err := g.Get(t.Context(), demo); err != ErrSlow {
			t.Errorf("got %v", err)
		}
		g.DropAll()
		time.Sleep(time.Minute)
		reads(t, v, 1, "in all")
		for _, s := range g.Status() {
			t.Errorf("it is still known: %+v", s)
		}
		v.now(func(v *vault) { v.takes = 0 })
		want(t, g, "t1-2", "a later call")
	})
}
