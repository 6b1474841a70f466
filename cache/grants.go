// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// waitTimeout is how long a call waits for a grant that is not there: whoever
	// made it has an answer within two seconds.
	waitTimeout = 1800 * time.Millisecond
	// leastWait is how long it waits even if it has waited for Vault before: a Vault
	// that is well needs less.
	leastWait = 100 * time.Millisecond
)

// Grants are the grants of one application.
type Grants[G any] struct {
	Config[G]

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu         sync.Mutex
	entries    map[Key]*entry[G]
	line       line
	generation int
	sweeping   bool // a sweep is due
	swept      time.Time
	saidAway   bool // the log says that Vault is away
	watching   bool // a watch is on

	// lasting is until when, in ns, there may be a lasting refusal. It is not under
	// the lock, as every call asks.
	lasting atomic.Int64
}

// New makes an empty set. Close ends it.
func New[G any](c Config[G]) *Grants[G] {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Grants[G]{Config: c, ctx: ctx, cancel: cancel, entries: make(map[Key]*entry[G])}
}

// Close stops what is under way, whose waiters get [ErrClosed], and waits for
// it. Live grants can still be got; nothing is asked of Vault any more.
func (g *Grants[G]) Close() {
	g.mu.Lock() // nothing may begin between what follows
	g.cancel()
	g.line.stop()
	for _, e := range g.entries {
		if e.timer != nil {
			e.timer.Stop()
		}
		if f := e.fetch; f != nil && f.job.queued {
			g.end(e, nil, ErrClosed)
		}
	}
	g.mu.Unlock()
	g.tasks.Wait()
}

// Get returns the live grant of key, reading it when there is none. All who
// wait for one read get its outcome; one who leaves does not stop it. While
// there is no token it waits for one. It fails with [ErrSlow] or [ErrNoToken]
// after two seconds, with the read's error, which is shared for a moment, with
// *[RefusedError], [ErrClosed] or the context's.
func (g *Grants[G]) Get(ctx context.Context, key Key) (*Grant[G], error) {
	return g.Another(ctx, key, nil, 0)
}

// Another is Get for a call that was refused with a grant: it returns that one only
// if other calls were answered by it since. It is also Get for a call that has
// waited for Vault already: its two seconds began then.
func (g *Grants[G]) Another(ctx context.Context, key Key, refused *Grant[G], waited time.Duration) (*Grant[G], error) {
	grant, fetch, err := g.find(key, refused)
	if fetch == nil {
		return grant, err
	}
	began, wait := time.Now(), max(waitTimeout-waited, leastWait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-fetch.done:
		if fetch.err != nil {
			return g.instead(key, refused, fetch.err)
		}
		return fetch.grant, nil
	case <-timer.C:
		err := g.leave(fetch)
		if stoodStill(began, wait, time.Now()) { // then it did not wait for Vault
			return g.Another(ctx, key, refused, waited)
		}
		return g.instead(key, refused, err)
	case <-ctx.Done():
		_ = g.leave(fetch)
		return nil, context.Cause(ctx)
	}
}

// find returns the live grant, the fetch that will bring one, or why there is
// none.
func (g *Grants[G]) find(key Key, refused *Grant[G]) (*Grant[G], *fetch[G], error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entry(key)
	e.lastUsed = now
	failed := e.failure.holds(now)
	if e.grant.live(now) && (!e.grant.useless() || e.grant != refused && (failed || e.refusals.rest(now) > 0)) {
		e.used = true
		g.keepUp(e, now)
		return e.grant, nil, nil
	}
	if rest := e.refusals.rest(now); rest > 0 {
		return nil, nil, &RefusedError{After: rest}
	}
	if failed {
		g.askAgain(e, now)
		return nil, nil, e.failure.err
	}
	f := g.want(e, true)
	return nil, f, nil
}

// instead returns the live grant for which another was to be had, but did not
// come; err if there is none.
func (g *Grants[G]) instead(key Key, refused *Grant[G], err error) (*Grant[G], error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.entries[key]; e != nil && e.grant.live(time.Now()) && (e.grant != refused || !e.grant.useless()) {
		e.used = true
		return e.grant, nil
	}
	return nil, err
}

// Holds tells whether grant, which Get gave, still is the one to sign with. Who
// asks so does not count as using it once more.
func (g *Grants[G]) Holds(key Key, grant *Grant[G]) bool {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[key]
	return e != nil && grant != nil && e.grant == grant && grant.live(now) && (!grant.useless() || e.refusals.rest(now) > 0)
}

// leave takes a waiter away from a fetch, and says why it has not come.
func (g *Grants[G]) leave(f *fetch[G]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.waiting--
	switch {
	case g.Vault.Token() == "":
		return ErrNoToken
	case f.job.queued && g.line.away != nil && !broken(g.line.away): // broken was another role
		return g.line.away
	}
	return ErrSlow
}

// dispatch begins the requests whose turn it is. g.mu is held.
func (g *Grants[G]) dispatch() {
	for g.ctx.Err() == nil && g.Vault.Token() != "" {
		now := time.Now()
		j, wait := g.line.next(now)
		if j == nil {
			g.line.wakeIn(wait, func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.dispatch()
			})
			return
		}
		if j.begin() {
			g.line.fly(j, now)
			g.tasks.Go(func() { g.fly(j) })
		}
	}
}

// fly sends a job's request and settles what came of it.
func (g *Grants[G]) fly(j *job) {
	settle, away := j.ask()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.line.land(j)
	// Without a token nothing was asked, and what was given up says nothing.
	known := g.ctx.Err() == nil && g.Vault.Token() != "" && away != errCleared && away != errLost
	if known && g.line.judge(away, time.Now()) {
		g.sayWhetherAway()
	}
	settle()
	g.dispatch()
}

// sayWhetherAway logs that Vault is away, or back, once for all roles. That it
// broke over one role is said for that one.
func (g *Grants[G]) sayWhetherAway() {
	switch away := g.line.away; {
	case away != nil && !broken(away):
		g.saidAway = true
		g.Logger.Warn("no grants can be had from Vault; live ones are signed with to their end", "error", brief(away))
	case away == nil && g.saidAway:
		g.saidAway = false
		g.Logger.Info("Vault gives grants again")
	}
}

func (g *Grants[G]) observe(e Event) {
	if g.Observe != nil {
		g.Observe(e)
	}
}
