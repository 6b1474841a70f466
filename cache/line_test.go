// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// crowded counts how many requests are under way at once.
type crowded struct {
	*vault
	mu        sync.Mutex
	now, most int
}

func (c *crowded) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.now--
		c.mu.Unlock()
	}()
	return c.vault.Read(ctx, namespace, path, query)
}

func TestANewTokenIsNoStampede(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		c := &crowded{vault: v}
		g.Vault = c
		v.lease, v.most = 900, 900
		keys := roles(1000)
		spread(t, g, keys, time.Second, time.Second)
		c.most = 0
		v.now(func(v *vault) { v.token, v.takes = "t2", 500*time.Millisecond })
		g.TokenChanged()
		start := time.Now()
		if _, err := g.Get(t.Context(), role("new")); err != nil || time.Since(start) != v.takes {
			t.Errorf("a call without a grant waited %s behind the others: %v", time.Since(start), err)
		}
		if failed, slowest := spread(t, g, keys, time.Second, 70*time.Second); failed > 0 || slowest > 0 {
			t.Errorf("%d calls failed, the slowest took %s", failed, slowest)
		}
		if c.most > mostBehind+1 {
			t.Errorf("%d requests at once", c.most)
		}
		for _, key := range keys {
			if got := get(t, g, key); got[:2] != "t2" {
				t.Fatalf("%s still has %s", key.Role, got)
			}
		}
		if n := v.count(); n != 2001 {
			t.Errorf("%d grants were read", n)
		}
	})
}

func TestALostTokenIsNoStampede(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		c := &crowded{vault: v}
		g.Vault = c
		keys := roles(1000)
		spread(t, g, keys, time.Second, time.Second)
		c.most = 0
		v.now(func(v *vault) { v.token, v.takes = "", 10*time.Millisecond })
		g.TokenLost()
		time.AfterFunc(900*time.Millisecond, func() {
			v.now(func(v *vault) { v.token = "t2" })
			g.TokenChanged()
		})
		if failed, slowest := spread(t, g, keys, 500*time.Millisecond, 3*time.Second); failed > 0 || slowest > waitTimeout {
			t.Errorf("%d calls failed, the slowest took %s", failed, slowest)
		}
		if c.most > mostAtOnce || v.count() != 2000 {
			t.Errorf("%d requests at once, %d in all", c.most, v.count())
		}
	})
}

func TestAVaultThatComesUpAfterTheProxyIsNotOverrun(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.token = ""
		var back time.Time
		time.AfterFunc(time.Second, func() {
			back = time.Now()
			v.now(func(v *vault) { v.token = "t1" })
			g.TokenChanged()
		})
		keys := roles(200)
		_, _ = spread(t, g, keys, 100*time.Millisecond, 3*time.Second)
		first := 0
		for _, asked := range v.asked() {
			if asked.at.Sub(back) <= time.Second {
				first++
			}
		}
		if first == 0 || first > 12 {
			t.Errorf("%d requests in the first second", first)
		}
		if failed, _ := spread(t, g, keys, 100*time.Millisecond, time.Second); failed > 0 {
			t.Errorf("%d calls failed two seconds later", failed)
		}
	})
}

func TestWhatNobodyWaitsForAnyMoreIsNotRead(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.token = ""
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := g.Get(ctx, demo); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		v.now(func(v *vault) { v.token = "t1" })
		g.TokenChanged()
		settled()
		reads(t, v, 0, "after the caller has left")
		want(t, g, "t1-1", "who comes later")
	})
}

// Many roles fail one after the other, as when Mashery gives no tokens. What is
// renewed meanwhile must have its turn.
func TestRenewalsHaveTheirTurnAmongRequestsThatFail(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		g.Vault = failing{v, "broken", refusal(500, "internal error")}
		get(t, g, demo)
		broken := make([]Key, 100)
		for i := range broken {
			broken[i] = Key{Mount: fmt.Sprint("m", i), Role: "broken", API: 3}
		}
		failures := make(chan struct{})
		go func() {
			defer close(failures)
			spread(t, g, broken, 100*time.Millisecond, time.Minute+50*time.Second)
		}()
		load(t, v, g, 5, time.Minute+50*time.Second)
		<-failures
	})
}

// Mashery gives no tokens, and keeps the engine waiting: many reads hang. What
// needs no token goes on.
func TestReadsThatHangDoNotHoldUpRenewals(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		get(t, g, demo)
		others := make([]Key, 100)
		for i := range others {
			others[i] = Key{Mount: fmt.Sprint("m", i), Role: "demo", API: 3}
			get(t, g, others[i])
		}
		v.now(func(v *vault) { v.takes = 40 * time.Second })
		v.now(func(v *vault) { // all but the one's lease are at their maximum
			for id, lease := range v.leases {
				if lease.name != "t1-1" {
					v.leases[id].last = lease.end
				}
			}
		})
		go spread(t, g, others, time.Second, 110*time.Second)
		load(t, v, g, 5, 110*time.Second)
		time.Sleep(5 * time.Second)
	})
}

// hanging is a Vault with a mount for which Mashery gives no V3 tokens, and says
// nothing either.
type hanging struct{ *vault }

func (h hanging) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	if strings.HasPrefix(path, "hanging/") && query.Get("api") == "3" {
		return nil, nil, wait(ctx, time.Hour, path)
	}
	return h.vault.Read(ctx, namespace, path, query)
}

func TestAnEngineThatHangsHoldsUpNoOther(t *testing.T) {
	for name, of := range map[string]func(role string) Key{
		"another mount's":         role,
		"the same mount's for V2": func(role string) Key { return Key{Mount: "hanging", Role: role, API: 2} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				g.Vault = hanging{v}
				v.lease, v.most = 9, 9
				steady := of("steady")
				get(t, g, steady)
				stuck := make([]Key, 2*mostAtOnce)
				for i := range stuck {
					stuck[i] = Key{Mount: "hanging", Role: fmt.Sprint(i), API: 3}
				}
				var ended sync.WaitGroup
				defer ended.Wait()
				ended.Go(func() { spread(t, g, stuck, time.Second, time.Minute) })
				for i := range 600 {
					for _, key := range []Key{steady, of(fmt.Sprint("new-", i))} {
						start := time.Now()
						if get(t, g, key); time.Since(start) > 0 {
							t.Fatalf("a call of %s waited %s", key.Role, time.Since(start))
						}
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		})
	}
}
