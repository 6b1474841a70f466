// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
)

const (
	// fetchTimeout bounds one read of a grant: the engine may be logging in
	// to Mashery behind it.
	fetchTimeout = 30 * time.Second
	// waitTimeout is how long a caller waits for a grant it does not have.
	waitTimeout = 2 * time.Second
	// recently is how long ago a grant may have been used to be fetched anew
	// when the token changes.
	recently = time.Minute
	// retryStale is the least time between two tries to replace a grant of an
	// older token that Vault does not give while it is away.
	retryStale = time.Second
	// sweepEvery is how often entries that hold nothing any more are removed.
	sweepEvery = time.Minute
)

// ErrSlow says that Vault has not given the grant yet. The fetch goes on.
var ErrSlow = errors.New("Vault has not given the grant in time; it is still being asked, try again")

// ErrUnusable says that Vault answered, but not with a grant that can be used.
var ErrUnusable = errors.New("Vault gave no usable grant")

// ErrClosed says that the grants are no longer kept.
var ErrClosed = errors.New("the grants are closed")

// Vault reads with the application's current token. It fails with
// *api.ResponseError when Vault refuses.
type Vault interface {
	Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error)
}

// Parse makes a grant of the data of Vault's answer.
type Parse[G any] func(key Key, data map[string]any) (G, error)

// Grants are the grants of one application.
type Grants[G any] struct {
	vault Vault
	parse Parse[G]

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu         sync.Mutex
	entries    map[Key]*entry[G]
	generation int
	sweeping   bool // a sweep is due
}

// entry is what is known of one key: a grant, a fetch under way, or both.
type entry[G any] struct {
	grant    *Grant[G]
	fetch    *fetch[G]
	lastUsed time.Time
	lastTry  time.Time
}

// fetch is one read under way; done is closed after grant or err is set.
type fetch[G any] struct {
	done  chan struct{}
	grant *Grant[G]
	err   error
}

// New makes an empty set. Close ends it.
func New[G any](vault Vault, parse Parse[G]) *Grants[G] {
	ctx, cancel := context.WithCancel(context.Background())
	return &Grants[G]{vault: vault, parse: parse, ctx: ctx, cancel: cancel, entries: make(map[Key]*entry[G])}
}

// Close stops what is under way, whose waiters get [ErrClosed], and waits for
// it. Live grants can still be got; nothing is read any more.
func (g *Grants[G]) Close() {
	g.mu.Lock() // no fetch may begin between the two
	g.cancel()
	g.mu.Unlock()
	g.tasks.Wait()
}

// Get returns the live grant of key, reading it when there is none. All who
// wait for one read get its outcome; one who leaves does not stop it. It fails
// with [ErrSlow] after two seconds, the read's error, [ErrClosed], or the
// context's.
func (g *Grants[G]) Get(ctx context.Context, key Key) (*Grant[G], error) {
	grant, fetch := g.find(key)
	if grant != nil {
		return grant, nil
	}
	timer := time.NewTimer(waitTimeout)
	defer timer.Stop()
	select {
	case <-fetch.done:
		return fetch.grant, fetch.err
	case <-timer.C:
		return nil, ErrSlow
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// find returns the live grant or else the fetch that will bring it.
func (g *Grants[G]) find(key Key) (*Grant[G], *fetch[G]) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[key]
	if e == nil {
		e = &entry[G]{}
		g.entries[key] = e
		g.sweepLater()
	}
	e.lastUsed = now
	if !e.grant.live(now) {
		return nil, g.start(key, e, now)
	}
	if e.grant.generation != g.generation && now.Sub(e.lastTry) >= retryStale {
		g.start(key, e, now)
	}
	return e.grant, nil
}

// Drop forgets grant, which Mashery refused, unless it was replaced already.
func (g *Grants[G]) Drop(key Key, grant *Grant[G]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.entries[key]; e != nil && e.grant == grant {
		e.grant = nil
	}
}

// TokenLost drops every grant: what the lost token leased is revoked with it.
func (g *Grants[G]) TokenLost() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generation++
	for _, e := range g.entries {
		e.grant = nil
	}
}

// TokenChanged tells of a new token. Live grants that were used in the last
// minute sign on until their successors, read with the new token, are there;
// the others go.
func (g *Grants[G]) TokenChanged() {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generation++
	for key, e := range g.entries {
		switch {
		case e.fetch != nil: // reads again by itself
		case e.grant.live(now) && now.Sub(e.lastUsed) < recently:
			g.start(key, e, now)
		default:
			delete(g.entries, key)
		}
	}
}

// sweepLater sees to it that entries do not stay for ever. g.mu is held.
func (g *Grants[G]) sweepLater() {
	if !g.sweeping {
		g.sweeping = true
		time.AfterFunc(sweepEvery, g.sweep)
	}
}

// sweep removes entries that hold nothing any more.
func (g *Grants[G]) sweep() {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, e := range g.entries {
		if e.fetch == nil && !e.grant.live(now) {
			delete(g.entries, key)
		}
	}
	g.sweeping = false
	if len(g.entries) > 0 && g.ctx.Err() == nil {
		g.sweepLater()
	}
}

// start returns the entry's fetch, begun if none is under way. g.mu is held.
func (g *Grants[G]) start(key Key, e *entry[G], now time.Time) *fetch[G] {
	if e.fetch != nil {
		return e.fetch
	}
	f := &fetch[G]{done: make(chan struct{})}
	e.lastTry = now
	if g.ctx.Err() != nil {
		f.err = ErrClosed
		close(f.done)
		return f
	}
	e.fetch = f
	g.tasks.Go(func() { g.run(key, e, f) })
	return f
}

// run reads until the grant belongs to the token that is then the current one.
func (g *Grants[G]) run(key Key, e *entry[G], f *fetch[G]) {
	for {
		g.mu.Lock()
		generation := g.generation
		g.mu.Unlock()
		f.grant, f.err = g.read(key, generation)
		if g.settle(e, f, generation) {
			close(f.done)
			return
		}
	}
}

// settle stores the outcome of a fetch, unless the token changed meanwhile.
func (g *Grants[G]) settle(e *entry[G], f *fetch[G], generation int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ctx.Err() != nil:
		f.grant, f.err = nil, ErrClosed
	case generation != g.generation:
		return false
	case f.err == nil:
		e.grant = f.grant
	case refused(f.err):
		e.grant = nil
	}
	e.fetch = nil
	return true
}

func (g *Grants[G]) read(key Key, generation int) (*Grant[G], error) {
	ctx, cancel := context.WithTimeout(g.ctx, fetchTimeout)
	defer cancel()
	sent := time.Now()
	secret, header, err := g.vault.Read(ctx, key.Namespace, key.path(), key.query())
	if err != nil {
		return nil, err
	}
	life, err := lifetime(secret, header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	value, err := g.parse(key, secret.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	grant := &Grant[G]{Value: value, generation: generation, deadline: sent.Add(life)}
	if !grant.live(time.Now()) {
		return nil, fmt.Errorf("%w: it ended on its way here, %s after it was asked for", ErrUnusable, life)
	}
	return grant, nil
}

// refused tells Vault's "no" from its being away, sealed, on standby or too busy.
func refused(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusTooManyRequests:
		return false
	}
	return answer.StatusCode >= 400 && answer.StatusCode < 500
}
