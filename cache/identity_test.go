// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

func TestALostTokenTakesAllItsGrantsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		get(t, g, demo)
		get(t, g, role("other"))
		v.now(func(v *vault) { v.says = errAway })
		g.TokenLost()
		for _, key := range []Key{demo, role("other")} {
			if grant, err := g.Get(t.Context(), key); err != errAway {
				t.Errorf("%s: got %v, %v", key.Role, grant, err)
			}
		}
		v.now(func(v *vault) { v.says, v.token = nil, "t2" })
		g.TokenChanged()
		if got := get(t, g, demo); !strings.HasPrefix(got, "t2-") {
			t.Errorf("after the login: got %s", got)
		}
	})
}

func TestAReadBegunWithALostTokenComesToNothing(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = 900 * time.Millisecond
		var waiter sync.WaitGroup
		waiter.Go(func() { want(t, g, "t2-2", "one who waited all the while") })
		settled()
		v.now(func(v *vault) { v.token = "" })
		g.TokenLost()
		v.now(func(v *vault) { v.token = "t2" })
		g.TokenChanged()
		waiter.Wait()
		want(t, g, "t2-2", "the next")
		reads(t, v, 2, "in all")
	})
}

func TestALossDuringAReadIsToldByItsError(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		// As autoauth does it: the refusal loses the token before it is
		// returned, and the next read finds none.
		lost := false
		noToken := errors.New("not logged in")
		v.gives = func() (*api.Secret, http.Header, error) {
			if lost {
				return nil, nil, noToken
			}
			lost = true
			g.TokenLost()
			return nil, nil, refusal(http.StatusForbidden, "permission denied", "invalid token")
		}
		if _, err := g.Get(t.Context(), demo); err != noToken {
			t.Errorf("got %v", err)
		}
		reads(t, v, 2, "in all")
	})
}

func TestOldGrantsSignUntilTheirSuccessorsAreThere(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		get(t, g, role("long ago"))
		time.Sleep(30 * time.Second)
		want(t, g, "t1-2", "before the change")
		time.Sleep(recently/2 + time.Second) // "long ago" is live no more; demo is
		v.now(func(v *vault) { v.token, v.takes = "t2", time.Second })

		g.TokenChanged()
		want(t, g, "t1-2", "while the successor is read")
		time.Sleep(999 * time.Millisecond)
		want(t, g, "t1-2", "a moment before it is there")
		time.Sleep(time.Millisecond)
		settled()
		want(t, g, "t2-3", "when it is there")
		time.Sleep(30 * time.Second)
		want(t, g, "t2-3", "long after")
		reads(t, v, 3, "in all: nothing was read for a role nobody asks for")
	})
}

func TestGrantsNotUsedRecentlyGoWithTheirToken(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease = 3600
		get(t, g, demo)
		time.Sleep(recently)
		v.now(func(v *vault) { v.token = "t2" })
		g.TokenChanged()
		settled()
		reads(t, v, 1, "without anybody asking")
		want(t, g, "t2-2", "when somebody asks")
	})
}

func TestNothingIsReadAnewForARoleThatHadNoGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.says = refusal(http.StatusNotFound)
		_, _ = g.Get(t.Context(), demo)
		g.TokenChanged()
		settled()
		reads(t, v, 1, "after the change")
		if len(g.entries) != 0 {
			t.Errorf("%d entries are left", len(g.entries))
		}
	})
}

func TestATokenThatChangesWhileItsGrantIsReadIsReadWithTheNewOne(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.takes = 900 * time.Millisecond
		var waiter sync.WaitGroup
		waiter.Go(func() { want(t, g, "t3-2", "one who waited through two changes") })
		settled()
		for _, token := range []string{"t2", "t3"} {
			v.now(func(v *vault) { v.token = token })
			g.TokenChanged()
		}
		waiter.Wait()
		reads(t, v, 2, "in all")
	})
}

func TestWhileVaultIsAwayOldGrantsSignToTheirEnd(t *testing.T) {
	for name, away := range map[string]error{
		"unreachable": errAway, "sealed": refusal(503), "broken": refusal(500), "on standby": refusal(412), "busy": refusal(429),
		"behind a slow proxy": refusal(408),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				start := time.Now()
				want(t, g, "t1-1", "before")
				v.now(func(v *vault) { v.token, v.says = "t2", away })
				g.TokenChanged()
				for time.Since(start) < 58*time.Second-time.Millisecond { // ten calls a second
					want(t, g, "t1-1", "while Vault is away")
					time.Sleep(100 * time.Millisecond)
				}
				for i, read := range v.reads[2:] {
					if gap := read.at.Sub(v.reads[i+1].at); gap < retryStale {
						t.Errorf("tried again after %s", gap)
					}
				}
				if n := v.count(); n < 50 {
					t.Errorf("tried %d times only", n)
				}
				if _, err := g.Get(t.Context(), demo); !errors.Is(err, away) {
					t.Errorf("at its end: got %v", err)
				}
			})
		})
	}
}

func TestASuccessorIsReadAsSoonAsVaultIsBack(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "before")
		v.now(func(v *vault) { v.token, v.says = "t2", errAway })
		g.TokenChanged()
		settled()
		v.now(func(v *vault) { v.says = nil })
		time.Sleep(retryStale - 1)
		want(t, g, "t1-1", "within the second")
		time.Sleep(time.Nanosecond)
		want(t, g, "t1-1", "the call that has it read anew")
		settled()
		want(t, g, "t2-3", "after that")
	})
}

func TestARefusalDropsTheOldGrant(t *testing.T) {
	for _, status := range []int{400, 403, 404} {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			want(t, g, "t1-1", "before")
			no := refusal(status, "permission denied")
			v.now(func(v *vault) { v.token, v.says = "t2", no })
			g.TokenChanged()
			settled()
			if grant, err := g.Get(t.Context(), demo); err != no {
				t.Errorf("after %d: got %v, %v", status, grant, err)
			}
		})
	}
}

func TestAnUnusableSuccessorLeavesTheOldGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "before")
		v.now(func(v *vault) {
			v.gives = func() (*api.Secret, http.Header, error) { return &api.Secret{}, nil, nil }
		})
		g.TokenChanged()
		settled()
		want(t, g, "t1-1", "after")
	})
}
