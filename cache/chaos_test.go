// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"
)

// TestWhateverHappens breaks Vault, the token, the leases and Mashery at random,
// for an hour of calls of several roles, again and again. All the while
//   - no call waits longer than it may,
//   - none is signed with a grant after its deadline,
//   - no role is asked about twice at once, nor too often,
//
// and when it is over all is well within two seconds.
func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{token: "t0", shared: &sharedToken{life: 10 * time.Minute}}
				once := &onceAtATime{vault: v, t: t, under: make(map[string]int)}
				g := New(Config[string]{Vault: once, Parse: nameOf, Lasting: knowsLasting})
				defer g.Close()
				c := &chaos{T: t, random: rand.New(rand.NewPCG(seed, 1)), vault: v, grants: g, keys: append(roles(5), sharedDemo)}
				for end := time.Now().Add(time.Hour); time.Now().Before(end); {
					c.breakSomething()
					c.call(time.Duration(c.random.IntN(60_000)) * time.Millisecond)
				}
				c.mend()
				c.call(2 * time.Second)
				for _, key := range c.keys {
					if _, err := g.Get(t.Context(), key); err != nil && !knowsLasting(err) {
						t.Errorf("%s after all: %v", key.Role, err)
					}
				}
				c.call(2 * lastingCheck)
				for _, key := range c.keys {
					if err := g.Refusal(key); err != nil {
						t.Errorf("%s is still remembered: %v", key.Role, err)
					}
				}
				if n, most := v.all(), c.calls/2; n > most {
					t.Errorf("%d calls made %d requests", c.calls, n)
				}
			})
		})
	}
}

// chaos is what happens, and what became of the calls.
type chaos struct {
	*testing.T
	random *rand.Rand
	vault  *vault
	grants *Grants[string]
	keys   []Key
	tokens int
	calls  int
	dead   map[string]bool // grants that Mashery refuses
}

func (c *chaos) breakSomething() {
	v := c.vault
	if c.dead == nil {
		c.dead = make(map[string]bool)
	}
	switch c.random.IntN(10) {
	case 0:
		v.now(func(v *vault) { v.says = errAway })
	case 1:
		v.now(func(v *vault) { v.says = refusal([]int{400, 403, 404, 429, 500, 503}[c.random.IntN(6)], "no") })
	case 2:
		v.now(func(v *vault) { v.says = lastingly })
	case 3:
		v.now(func(v *vault) { v.hangs = true })
	case 4:
		v.now(func(v *vault) { clear(v.leases) }) // revoked
	case 5:
		v.now(func(v *vault) { v.token = "" })
		c.grants.TokenLost()
	case 6:
		c.login()
	case 7:
		v.now(func(v *vault) { c.dead[v.last], c.dead[v.shared.token] = true, true })
	case 8:
		c.grants.DropAll()
	default:
		c.mend()
	}
}

func (c *chaos) login() {
	c.tokens++
	c.vault.now(func(v *vault) { v.token = fmt.Sprint("t", c.tokens) })
	c.grants.TokenChanged()
}

func (c *chaos) mend() {
	c.vault.now(func(v *vault) { v.says, v.hangs = nil, false })
	if c.vault.Token() == "" {
		c.login()
	}
	clear(c.dead)
}

// call makes calls of random roles, ten a second.
func (c *chaos) call(lasts time.Duration) {
	for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		c.calls++
		key := c.keys[c.random.IntN(len(c.keys))]
		start := time.Now()
		grant, err := c.grants.Get(c.Context(), key)
		if waited := time.Since(start); waited > waitTimeout {
			c.Errorf("a call waited %s", waited)
		}
		if err != nil {
			if errors.Is(err, ErrClosed) {
				c.Error(err)
			}
			continue
		}
		c.grants.mu.Lock()
		live := grant.live(time.Now())
		c.grants.mu.Unlock()
		if !live {
			c.Errorf("a call was signed with a grant that is over")
		}
		if c.dead[grant.Value] {
			c.grants.Dead(key, grant, false)
		}
	}
}

// onceAtATime is a Vault at which one role must not be asked about twice at once.
type onceAtATime struct {
	*vault
	t     *testing.T
	under map[string]int
}

func (o *onceAtATime) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	o.change(path, +1)
	defer o.change(path, -1)
	return o.vault.Read(ctx, namespace, path, query)
}

func (o *onceAtATime) change(path string, by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.under[path] += by
	if o.under[path] > 1 {
		o.t.Errorf("%s is read twice at once", path)
	}
}
