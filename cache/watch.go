// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/hashicorp/vault/api"
)

const (
	// probeTimeout bounds one question whether Vault is there, probePause is the
	// time between two.
	probeTimeout = time.Second
	probePause   = 500 * time.Millisecond
	// patience is how long a read may take at a Vault that answers all else, if the
	// role's last did not take half as long: a node behind a balancer may have
	// swallowed it.
	patience = 3 * time.Second
)

// errLost is why a read is given up that Vault will not answer any more. It says
// nothing of Vault.
var errLost = errors.New("Vault did not answer, and it or this process was away meanwhile")

// watchLater has a fetch that has begun watched if it takes longer than a call
// waits: a slow engine answers in the end, but a request that got lost when Vault
// went away never does. g.mu is held.
func (g *Grants[G]) watchLater(f *fetch[G]) {
	time.AfterFunc(waitTimeout, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if f.job.flying && !g.watching && g.ctx.Err() == nil {
			g.watching = true
			g.tasks.Go(g.watch)
		}
	})
}

// watch asks whether Vault is there for as long as fetches are overdue. When it
// was away and is back, those that began before are made again; so are those in
// which the machine slept, and, once, those that a Vault that is there seems to have
// swallowed.
func (g *Grants[G]) watch() {
	var lost time.Time // when Vault last did not answer
	for {
		err := g.probe()
		if err == errLost {
			continue
		}
		now := time.Now()
		if err != nil {
			lost = now
		}
		if !g.giveUpLost(now, lost, err) {
			return
		}
		select {
		case <-time.After(probePause):
		case <-g.ctx.Done():
		}
	}
}

// giveUpLost gives up the overdue fetches that will not be answered any more, if Vault
// has answered now. It is false when there is nothing more to watch.
func (g *Grants[G]) giveUpLost(now, lost time.Time, err error) (more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.entries {
		f := e.fetch
		if f == nil || !f.job.flying || now.Sub(f.began) < waitTimeout {
			continue
		}
		more = true
		swallowed := !f.swallowed && e.took > 0 && now.Sub(f.began) > max(patience, 2*e.took)
		if err == nil && (swallowed || f.began.Before(lost) || stoodStill(f.began, fetchTimeout, now)) {
			f.swallowed = f.swallowed || swallowed
			f.cancel(errLost)
		}
	}
	g.watching = more && g.ctx.Err() == nil
	if g.watching && g.line.judge(err, now) {
		g.sayWhetherAway()
	}
	return g.watching
}

// probe fails when Vault does not answer. Whatever it answers will do.
func (g *Grants[G]) probe() error {
	ctx, cancel := context.WithTimeout(g.ctx, probeTimeout)
	defer cancel()
	began := time.Now()
	_, _, err := g.Vault.Read(ctx, "", "sys/health", url.Values{"standbyok": {"true"}, "perfstandbyok": {"true"}})
	var answer *api.ResponseError
	if errors.As(err, &answer) || g.Vault.Token() == "" {
		return nil
	}
	return timely(err, began, probeTimeout)
}
