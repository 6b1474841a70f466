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
		v.takes = 800 * time.Millisecond
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

func TestALossDuringAReadIsWaitedOut(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		// As autoauth does it: the refusal loses the token before it is returned.
		v.gives = func() (*api.Secret, http.Header, error) {
			v.now(func(v *vault) { v.token, v.gives = "", nil })
			g.TokenLost()
			return nil, nil, refusal(http.StatusForbidden, "permission denied", "invalid token")
		}
		time.AfterFunc(time.Second, func() {
			v.now(func(v *vault) { v.token = "t2" })
			g.TokenChanged()
		})
		start := time.Now()
		want(t, g, "t2-2", "after the new login")
		if time.Since(start) != time.Second {
			t.Errorf("it took %s", time.Since(start))
		}
	})
}

func TestWithoutATokenNothingIsAskedAndCallsSayWhy(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.token = ""
		start := time.Now()
		if _, err := g.Get(t.Context(), demo); err != ErrNoToken || time.Since(start) != waitTimeout {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		reads(t, v, 0, "without a token")
	})
}

// The token goes a moment before the grants are told.
func TestATokenThatGoesUnderAReadIsNotTakenForVaultsBeingAway(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.gives = func() (*api.Secret, http.Header, error) {
			v.now(func(v *vault) { v.token, v.gives = "", nil })
			return nil, nil, errNoToken
		}
		time.AfterFunc(time.Second, func() {
			g.TokenLost()
			v.now(func(v *vault) { v.token = "t2" })
			g.TokenChanged()
		})
		want(t, g, "t2-2", "after the new login")
	})
}

func TestOldGrantsSignUntilTheirSuccessorsAreThere(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 600, 600
		get(t, g, role("long ago"))
		time.Sleep(30 * time.Second)
		want(t, g, "t1-2", "before the change")
		time.Sleep(recently/2 + time.Second)
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
		v.lease, v.most = 3600, 3600
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
		v.now(func(v *vault) { v.token = "t2" })
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
		v.takes = 800 * time.Millisecond
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
				if n := v.count(); n < 10 || n > 40 {
					t.Errorf("tried %d times", n)
				}
				if last := v.asked()[len(v.asked())-1].at; time.Since(last) > time.Second {
					t.Errorf("not tried in the last %s before the end", time.Since(last))
				}
				time.Sleep(100 * time.Millisecond)
				if _, err := g.Get(t.Context(), demo); !errors.Is(err, away) {
					t.Errorf("at its end: got %v", err)
				}
			})
		})
	}
}

func TestASuccessorIsReadSoonAfterVaultIsBack(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "before")
		v.now(func(v *vault) { v.token, v.says = "t2", errAway })
		g.TokenChanged()
		time.Sleep(50 * time.Second)
		want(t, g, "t1-1", "while Vault is away")
		v.now(func(v *vault) { v.says = nil })
		time.Sleep(retryIn(8 * time.Second))
		time.Sleep(2 * time.Second)
		if got := get(t, g, demo); !strings.HasPrefix(got, "t2-") {
			t.Errorf("got %s", got)
		}
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
			time.Sleep(longestShare)
			v.now(func(v *vault) { v.says = nil })
			if got := get(t, g, demo); !strings.HasPrefix(got, "t2-") {
				t.Errorf("when it is given: got %s", got)
			}
		})
	}
}

func TestAnUnusableSuccessorLeavesTheOldGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "before")
		v.now(func(v *vault) {
			v.gives = func() (*api.Secret, http.Header, error) { return &api.Secret{RequestID: requestID}, nil, nil }
		})
		g.TokenChanged()
		settled()
		want(t, g, "t1-1", "after")
	})
}
