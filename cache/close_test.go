// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"
)

func TestRolesUsedOnceLeaveNothing(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		for i := range 1000 {
			get(t, g, role(fmt.Sprint("role-", i)))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute + sweepEvery)
		settled()
		g.mu.Lock()
		left := len(g.entries)
		g.mu.Unlock()
		if left != 0 {
			t.Errorf("%d entries are left", left)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if n := strings.Count(string(stacks), "cache.(*Grants"); n > 0 {
			t.Errorf("%d goroutines are left", n)
		}
		reads(t, v, 1000, "in all: nothing was read for roles nobody asks for")
		want(t, g, "t1-1001", "one who asks again")
		time.Sleep(time.Minute + sweepEvery)
		settled()
		if g.mu.Lock(); len(g.entries) != 0 || g.sweeping {
			t.Errorf("%d entries are left, sweeping on: %v", len(g.entries), g.sweeping)
		}
		g.mu.Unlock()
	})
}

func TestASweepLeavesWhatIsLiveOrUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 3600, 3600
		want(t, g, "t1-1", "at first")
		time.Sleep(sweepEvery - time.Second)
		v.now(func(v *vault) { v.takes = 10 * time.Second })
		if _, err := g.Get(t.Context(), role("slow")); !errors.Is(err, ErrSlow) {
			t.Errorf("got %v", err)
		}
		time.Sleep(8 * time.Second) // a sweep comes by
		if got := get(t, g, role("slow")); got != "t1-2" {
			t.Errorf("the slow one is %s", got)
		}
		want(t, g, "t1-1", "after the sweep")
		reads(t, v, 2, "in all")
	})
}

func TestCloseStopsWhatIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "before")
		v.now(func(v *vault) { v.takes = time.Hour })
		var waiter sync.WaitGroup
		waiter.Go(func() {
			if _, err := g.Get(t.Context(), role("slow")); !errors.Is(err, ErrClosed) {
				t.Errorf("one who waited got %v", err)
			}
		})
		settled()
		start := time.Now()
		g.Close()
		waiter.Wait()
		if time.Since(start) != 0 {
			t.Errorf("that took %s", time.Since(start))
		}
		want(t, g, "t1-1", "a live grant after it")
		for range 2 {
			if _, err := g.Get(t.Context(), role("other")); !errors.Is(err, ErrClosed) {
				t.Errorf("one who comes later got %v", err)
			}
		}
		g.TokenChanged()
		g.TokenLost()
		g.Close() // twice does no harm
		reads(t, v, 2, "in all")
	})
}

func TestAReadThatEndsAfterTheLossAndTheCloseComesToNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{token: "t1"}
		g := New(Config[string]{Vault: v, Parse: nameOf})
		release := make(chan struct{})
		v.gives = func() (*api.Secret, http.Header, error) { // deaf to its context
			<-release
			return leased(60, map[string]any{"name": "late"}), nil, nil
		}
		time.AfterFunc(time.Second, func() {
			g.TokenLost()
			time.AfterFunc(time.Second, func() { close(release) })
			g.Close()
		})
		if grant, err := g.Get(t.Context(), demo); err == nil {
			t.Errorf("got %v", grant)
		}
		time.Sleep(time.Minute)
		if grant, err := g.Get(t.Context(), demo); !errors.Is(err, ErrClosed) {
			t.Errorf("after it: got %v, %v", grant, err)
		}
	})
}
