// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"crypto/sha256"
	"time"
)

const (
	// fresh is the age below which the refusal of a grant that replaced a refused
	// one shows that the next would be refused, too.
	fresh = time.Minute
	// longestRest is the longest time between two grants of a role whose grants
	// Mashery refuses; where it refuses those of both APIs, two of either.
	longestRest = time.Minute
	// nearly is by how much that may be cut short so as not to outlast a grant
	// whose lease is not extended: V2's are good for 58 s.
	nearly = 5 * time.Second
	// goodFor is how long grants must go unrefused for that to be forgotten.
	goodFor = 5 * time.Minute
	// fineFor is how long a grant that was never refused counts as accepted.
	fineFor = time.Second
	// hintAfter is after how many fresh grants that were refused the log says what
	// may be done.
	hintAfter = 3
)

// refusals are Mashery's of the grants of one role.
type refusals struct {
	dead    [sha256.Size]byte // the mark of the one it refused last
	pending bool              // the next grant replaces a refused one
	strikes int               // fresh ones in a row
	at      time.Time         // the last
	next    time.Time         // before which no other grant is fetched
}

// rest is how long no other grant is fetched.
func (r *refusals) rest(now time.Time) time.Duration { return max(0, r.next.Sub(now)) }

func (r *refusals) forgotten(now time.Time) bool { return r.strikes == 0 || now.Sub(r.at) > goodFor }

// replace tells whether the grant that has now come replaces a refused one.
func (r *refusals) replace() bool {
	replaces := r.pending
	r.pending = false
	return replaces
}

// note takes note of the refusal of a grant, and tells whether it is too much:
// another would fare no better.
func (r *refusals) note(grant *held, now time.Time) (tooMuch bool) {
	if now.Sub(r.at) > goodFor {
		r.strikes = 0
	}
	r.at, r.pending, r.dead = now, true, grant.mark
	if r.strikes == 0 && !(grant.replaces && now.Sub(grant.issued) < fresh) {
		return false
	}
	r.strikes++
	return true
}

// struck tells that the role's grants are refused, as far as is known: calls are
// not answered by the one there is.
func (e *entry[G]) struck(now time.Time) bool {
	if e.refusals.next.IsZero() || e.refusals.forgotten(now) {
		return false
	}
	return !e.grant.live(now) || !e.grant.accepted.After(e.grant.refused)
}

// other is what is known of the grant of the same role for the other API; nil:
// nothing. g.mu is held.
func (g *Grants[G]) other(e *entry[G]) *entry[G] {
	key := e.key
	key.API, key.Shared = 2+3-key.API, false
	if other := g.entries[key]; other != nil {
		return other
	}
	key.Shared = key.API == 3
	return g.entries[key]
}

// putOff sets when the next grant is fetched: in a rest that doubles with each
// strike. Where the grants of both APIs are refused the key is to blame, and what
// is promised of one holds for both together: the strikes of both count, and the
// next is the other's, the one after that this one's. g.mu is held.
func (g *Grants[G]) putOff(e *entry[G], now time.Time) {
	strikes, other := e.refusals.strikes, g.other(e)
	both := other != nil && other.struck(now)
	if both {
		strikes += other.refusals.strikes
	}
	rest := min(time.Second<<min(strikes-1, 10), longestRest)
	e.refusals.next = now.Add(rest)
	if both {
		e.refusals.next, other.refusals.next = now.Add(2*rest), now.Add(rest)
	}
}

// end says that the grant that calls are signed with meanwhile ends then. If
// that is but a moment before the next, the next comes so much earlier.
func (r *refusals) end(deadline time.Time) {
	if r.next.Add(-nearly).Before(deadline) && deadline.Before(r.next) {
		r.next = deadline
	}
}

// relent forgets all but that there have been refusals: it was their calls that
// Mashery refused, not the grant.
func (r *refusals) relent() { *r = refusals{strikes: 1, at: r.at} }

// Dead tells that Mashery refused grant, and asks whether to send the call
// again: not when no other grant is to be had. Mashery may err, or, which ofCall
// says, mean what the call asks for: for as long as Vault gives no other, other
// calls are signed with it. When the replacement is refused within a minute of its
// issue, calls are signed with that one for a while, so that they get Mashery's own
// answer; the next is fetched in 1, 2, 4 … 60 s, until grants have gone unrefused
// for five minutes; where those of the role's other API are refused, too, the two
// take turns. But a grant by which other calls are answered (see [Grants.Accepted])
// is kept, and renewed and replaced like any other.
func (g *Grants[G]) Dead(key Key, grant *Grant[G], ofCall bool) (again bool) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[key]
	if e == nil {
		return true
	}
	if grant != nil && e.grant == grant {
		g.refuse(e, now)
	}
	if e.grant.live(now) && (!e.grant.useless() || ofCall && e.failure.holds(now)) {
		return e.grant != grant
	}
	return e.refusals.rest(now) == 0
}

// Accepted tells that Mashery answered a call, sent then, whose grant it could
// have refused. So one that it refused to other calls is refused for what they
// are: on V2 a method that the key may not use is refused in the same words. And
// the grants of the role's other API may be good again, if they were refused.
func (g *Grants[G]) Accepted(key Key, grant *Grant[G], sent time.Time) {
	if grant != nil && sent.UnixNano() < grant.fine.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[key]
	if e == nil || grant == nil || e.grant != grant || !sent.After(grant.accepted) {
		return
	}
	if grant.refused.IsZero() {
		grant.fine.Store(sent.Add(fineFor).UnixNano())
	}
	struck, useless := e.struck(sent), grant.useless()
	if grant.accepted = sent; useless && !grant.useless() {
		e.refusals.relent()
	}
	if !struck {
		return
	}
	if other := g.other(e); other != nil && other.struck(sent) {
		other.refusals.next = sent
	}
}

func (g *Grants[G]) refuse(e *entry[G], now time.Time) {
	known := !e.grant.refused.IsZero()
	if e.grant.useless() || known && now.Sub(e.grant.accepted) < longestRest {
		e.refusals.at = now
		return
	}
	e.grant.refused = now
	e.grant.fine.Store(0)
	g.observe(DropDead)
	if !e.refusals.note(&e.grant.held, now) {
		return
	}
	g.putOff(e, now)
	fields := append(e.key.fields(), "next_grant_in", e.refusals.rest(now))
	switch strikes := e.refusals.strikes; {
	case strikes == 1:
		g.Logger.Warn("Mashery refuses a grant that Vault has just given; calls get its answer", fields...)
	case strikes == hintAfter && e.key.API == 3:
		if twin := g.twin(e); twin != "" {
			fields = append(fields, "role_with_same_key", twin)
		}
		g.Logger.Warn(`Mashery refuses one fresh access token after the other: the API key is inactive, or another role or program gets tokens with the same credentials and Mashery lets only the newest live; then use one role for that key, and set grant_from = "token" in the mashery block of each proxy, and all share one token`, fields...)
	}
}

// twin is another role of the mount whose grants are of the same API key; "": none
// is known. g.mu is held.
func (g *Grants[G]) twin(e *entry[G]) (role string) {
	if e.grant.keyID == "" {
		return ""
	}
	for key, other := range g.entries {
		if other == e || key.engine() != e.key.engine() || other.grant == nil || other.grant.keyID != e.grant.keyID {
			continue
		}
		if role == "" || key.Role < role {
			role = key.Role
		}
	}
	return role
}
