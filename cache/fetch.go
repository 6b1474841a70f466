// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

const (
	// fetchTimeout bounds one read of a grant: the engine may be logging in
	// to Mashery behind it.
	fetchTimeout = 30 * time.Second
	// A failure answers for Vault for a while between these two.
	shortestShare, longestShare = 500 * time.Millisecond, time.Second
	// lastingShare is how long a lasting refusal does, lastingCheck how often
	// Vault is asked again meanwhile.
	lastingShare, lastingCheck = time.Minute, 10 * time.Second
	// longestRetry is the longest time between two tries to replace a live
	// grant that Vault does not give.
	longestRetry = 30 * time.Second
)

// fetch is one read, wanted or under way; done is closed after grant or err is
// set. The rest is under the lock of the grants.
type fetch[G any] struct {
	done  chan struct{}
	grant *Grant[G]
	err   error

	job        *job
	waiting    int  // calls that wait for it
	background bool // it is wanted, though none may wait
	late       bool // a grant came too late
	swallowed  bool // it was given up, though Vault was there
	generation int
	dead       [sha256.Size]byte // the token that Mashery refused
	began      time.Time
	ctx        context.Context
	cancel     context.CancelCauseFunc
}

func (f *fetch[G]) wanted() bool { return f.waiting > 0 || f.background }

func (f *fetch[G]) lane() lane {
	if f.waiting > 0 {
		return awaited
	}
	return successor
}

// want returns the entry's fetch, put in line if there is none. g.mu is held.
func (g *Grants[G]) want(e *entry[G], waits bool) *fetch[G] {
	f := e.fetch
	if f == nil {
		f = &fetch[G]{done: make(chan struct{})}
		f.job = &job{
			engine: e.key.engine(),

			begin: func() bool { return g.begin(e, f) },
			ask:   func() (func(), error) { return g.ask(e, f) },
		}
		e.fetch = f
		if g.ctx.Err() != nil {
			g.end(e, nil, ErrClosed)
			return f
		}
	}
	if waits {
		f.waiting++
	} else {
		f.background = true
	}
	if !f.job.flying {
		g.line.add(f.job, f.lane())
	}
	g.dispatch()
	return f
}

// begin readies a fetch whose turn it is, if anybody still wants it. g.mu is held.
func (g *Grants[G]) begin(e *entry[G], f *fetch[G]) bool {
	if !f.wanted() {
		g.end(e, nil, ErrSlow)
		return false
	}
	f.generation, f.dead, f.began = g.generation, e.refusals.dead, time.Now()
	f.ctx, f.cancel = context.WithCancelCause(g.ctx)
	g.watchLater(f)
	return true
}

// ask reads the grant.
func (g *Grants[G]) ask(e *entry[G], f *fetch[G]) (settle func(), gone error) {
	grant, err := g.read(f.ctx, e.key, f.dead)
	err = timely(err, f.began, fetchTimeout)
	if why := context.Cause(f.ctx); err != nil && (why == errLost || why == errCleared) {
		err = why
	}
	return func() { g.settle(e, f, grant, err) }, away(err)
}

// settle takes over what a fetch brought. When the token changed meanwhile, the
// grants were cleared, or the request got lost, it is made again, if anybody wants
// it; once where the grant came too late, as Vault may always be so slow. g.mu is
// held.
func (g *Grants[G]) settle(e *entry[G], f *fetch[G], grant *Grant[G], err error) {
	cleared := context.Cause(f.ctx) == errCleared // maybe when it was answered already
	f.cancel(nil)
	switch stale := f.generation != g.generation || cleared || err == errLost || err != nil && g.Vault.Token() == ""; {
	case g.ctx.Err() != nil:
		g.end(e, nil, ErrClosed)
	case stale && f.wanted():
		g.line.add(f.job, f.lane())
	case stale:
		g.end(e, nil, ErrNoToken)
	case errors.Is(err, ErrLate) && !f.late:
		f.late = true
		g.line.add(f.job, f.lane()) // which ends it, if nobody wants it
	case err != nil:
		g.failed(e, err)
		g.end(e, nil, err)
	default:
		grant.generation = f.generation
		g.install(e, grant)
		g.end(e, grant, nil)
	}
}

// end tells all who wait. g.mu is held.
func (g *Grants[G]) end(e *entry[G], grant *Grant[G], err error) {
	f := e.fetch
	e.fetch = nil
	f.grant, f.err = grant, err
	f.job.queued = false
	close(f.done)
}

func (g *Grants[G]) install(e *entry[G], grant *Grant[G]) {
	grant.replaces = e.refusals.replace()
	e.grant, e.used, e.took = grant, false, grant.took
	g.observe(FetchOK)
	e.failure = failure{}
	g.Logger.Debug("a grant was read", append(e.key.fields(), "good_for", time.Until(grant.deadline).Round(time.Second))...)
	g.plan(e, grant.due)
}

// failed takes note of what Vault gave instead of a grant. A live one signs on,
// unless it was read with a token that is no more, or the refusal is the role's
// own state.
func (g *Grants[G]) failed(e *entry[G], err error) {
	now := time.Now()
	gone := away(err) != nil
	if gone {
		g.observe(FetchFailed)
	} else {
		g.observe(FetchRefused)
	}
	g.tell(e, err, gone)
	if gone && e.failure.lasting && e.failure.holds(now) {
		e.failure.check = now.Add(lastingCheck)
		return
	}
	g.remember(e, err, now)
	if e.grant != nil && Refused(err) && e.grant.generation != g.generation {
		g.drop(e, DropToken)
	}
	if e.grant.live(now) {
		g.plan(e, now.Add(retryIn(e.grant.deadline.Sub(now))))
	}
}

// tell logs a failure, unless it says what the last did; that Vault is away is
// told once for all. Of roles that are not there whoever calls could fill a log.
func (g *Grants[G]) tell(e *entry[G], err error, gone bool) {
	if last := e.failure.err; last != nil && brief(last) == brief(err) || gone && g.saidAway {
		return
	}
	level, what := hclog.Warn, "Vault refuses a grant"
	switch {
	case gone && broken(err), errors.Is(err, ErrLate):
		what = "a grant could not be had"
	case gone: // for a moment, or it is soon told for all
		level, what = hclog.Debug, "a grant could not be had"
	case absent(err):
		level = hclog.Debug
	}
	g.Logger.Log(level, what, append(e.key.fields(), "error", brief(err))...)
}

// remember lets a failure answer for Vault for a while. g.mu is held.
func (g *Grants[G]) remember(e *entry[G], err error, now time.Time) {
	e.failure = failure{err: err, at: now, until: now.Add(jitter(shortestShare, longestShare))}
	if g.Lasting != nil && g.Lasting(err) {
		e.failure.lasting = true
		e.failure.until, e.failure.check = now.Add(lastingShare), now.Add(lastingCheck)
		g.lasting.Store(e.failure.until.UnixNano())
		g.drop(e, DropRole)
	}
}

// askAgain asks Vault now and then whether a lasting refusal still lasts. g.mu
// is held.
func (g *Grants[G]) askAgain(e *entry[G], now time.Time) {
	if e.failure.lasting && !now.Before(e.failure.check) && e.fetch == nil {
		g.want(e, false)
	}
}

// Refusal is the lasting refusal that is remembered of key; nil: there is none.
// While it is asked for Vault is asked again now and then, so it ends soon after
// the role's state changed. A nil set knows of none.
func (g *Grants[G]) Refusal(key Key) error {
	if g == nil {
		return nil
	}
	now := time.Now()
	if now.UnixNano() >= g.lasting.Load() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[key]
	if e == nil || !e.failure.lasting || !e.failure.holds(now) {
		return nil
	}
	g.askAgain(e, now)
	return e.failure.err
}

// retryIn is when to try again to replace a grant that has this time left: in
// ever smaller steps, so that Vault is asked in time before the end.
func retryIn(left time.Duration) time.Duration {
	most := min(max(left/4, time.Second), longestRetry)
	return jitter(most/2, most)
}

// read reads a grant from Vault.
func (g *Grants[G]) read(ctx context.Context, key Key, dead [sha256.Size]byte) (*Grant[G], error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if key.Shared {
		return g.readShared(ctx, key, dead)
	}
	sent := time.Now()
	secret, header, err := g.answer(ctx, key)
	if err != nil {
		return nil, err
	}
	t, err := leaseTerms(secret, header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return g.make(key, secret, t, sent)
}

// answer is what Vault says when it is asked for a grant.
func (g *Grants[G]) answer(ctx context.Context, key Key) (*api.Secret, http.Header, error) {
	secret, header, err := g.Vault.Read(ctx, key.Namespace, key.path(), key.query())
	if err == nil && secret == nil {
		err = ErrNotVault
	}
	return secret, header, ofVault(secret, err)
}
