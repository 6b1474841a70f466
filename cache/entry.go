// SPDX-License-Identifier: MPL-2.0

package cache

import "time"

// sweepEvery is how often entries that hold nothing any more are removed;
// lastWords is how long an error is kept for who asks what went wrong. That is
// not long where there are many entries, as of callers who try one name of a role
// after the other.
const (
	sweepEvery  = time.Minute
	lastWords   = 2 * time.Minute
	manyEntries = 4096
)

// entry is what is known of one key.
type entry[G any] struct {
	key   Key
	grant *Grant[G]
	fetch *fetch[G]     // wanted or under way
	took  time.Duration // the last read; 0: there was none

	renewing bool
	mute     bool        // Vault did not answer the last renewal in time
	timer    *time.Timer // for the grant's upkeep
	due      time.Time   // when that is
	used     bool        // since the grant came or was last renewed
	lastUsed time.Time

	failure  failure
	refusals refusals
}

// failure is what Vault last said instead of a grant.
type failure struct {
	err error // nil: it gave one
	at  time.Time
	// until is how long it answers for Vault, so that many calls ask once.
	until time.Time
	// lasting says that it is the role's own state; check is when Vault is to be
	// asked again, without a call waiting for that.
	lasting bool
	check   time.Time
}

// holds tells whether the failure answers for Vault.
func (f *failure) holds(now time.Time) bool { return f.err != nil && now.Before(f.until) }

// entry is that of a key, new if need be. g.mu is held.
func (g *Grants[G]) entry(key Key) *entry[G] {
	e := g.entries[key]
	if e == nil {
		if now := time.Now(); len(g.entries) >= manyEntries && now.Sub(g.swept) >= time.Second {
			g.remove(now, 0)
		}
		e = &entry[G]{key: key}
		g.entries[key] = e
		g.sweepLater()
	}
	return e
}

// plan sets the time of the entry's upkeep. g.mu is held.
func (g *Grants[G]) plan(e *entry[G], due time.Time) {
	e.due = due
	wait := time.Until(due)
	if e.timer == nil {
		e.timer = time.AfterFunc(wait, func() { g.attend(e) })
		return
	}
	e.timer.Reset(wait)
}

// drop forgets the entry's grant. g.mu is held.
func (g *Grants[G]) drop(e *entry[G], why Event) {
	if e.grant == nil {
		return
	}
	e.grant = nil
	g.observe(why)
	if e.timer != nil {
		e.timer.Stop()
	}
}

// sweepLater sees to it that entries do not stay for ever. g.mu is held.
func (g *Grants[G]) sweepLater() {
	if !g.sweeping {
		g.sweeping = true
		time.AfterFunc(sweepEvery, g.sweep)
	}
}

// sweep removes entries that hold nothing any more, again and again while there
// are any.
func (g *Grants[G]) sweep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(time.Now(), lastWords)
	g.sweeping = false
	if len(g.entries) > 0 && g.ctx.Err() == nil {
		g.sweepLater()
	}
}

// remove removes entries that hold nothing any more, and whose errors are so old.
// g.mu is held.
func (g *Grants[G]) remove(now time.Time, words time.Duration) {
	g.swept = now
	for key, e := range g.entries {
		if e.fetch != nil || e.renewing || e.grant.live(now) {
			continue
		}
		e.grant = nil // its time is over
		if !e.failure.holds(now) && now.Sub(e.failure.at) > words && e.refusals.forgotten(now) {
			delete(g.entries, key)
		}
	}
}
