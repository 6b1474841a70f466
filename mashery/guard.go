// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"math"
	"time"
)

const (
	// busySlack is how late the head of the queue may take its slot, on a busy
	// machine, without lowering the rate.
	busySlack = 50 * time.Millisecond
	// idleSlack is how late one may come for whom nobody waits; half the time
	// between two slots if that is less.
	idleSlack = 10 * time.Millisecond
	// guardSlack is how much of either may be taken from the headroom.
	guardSlack = 1 * time.Millisecond
	// mostGuarded is how many slots are remembered at most: those of a second. A
	// key that may make more calls in one is paced by its rate alone.
	mostGuarded = 4096
	// fewGuarded is for how many there is room at first.
	fewGuarded = 8
)

// ticket is the number of a slot that was taken, from 1; 0: none.
type ticket uint64

// unguarded is the ticket of a slot that is not remembered.
const unguarded = ticket(math.MaxUint64)

// guard remembers when the calls of the latest slots left: a rate alone, whose
// slots may be taken a little late, and their calls sent later still, can bring
// one call too many into a second.
type guard struct {
	at     []time.Time // a ring; see place
	latest ticket
}

// add takes one more slot, where n are to be remembered, unless that is too much.
func (g *guard) add(at time.Time, n int) ticket {
	if n > mostGuarded {
		return unguarded
	}
	if room := len(g.at); room < max(1, n) && g.latest >= ticket(room) {
		g.hold(min(max(1, n), max(fewGuarded, 2*room)))
	}
	g.latest++
	g.at[g.place(g.latest)] = at
	return g.latest
}

// hold makes room for n slots, which is more than there is.
func (g *guard) hold(n int) {
	old := *g
	g.at = make([]time.Time, n)
	for t := g.latest; t > 0 && g.latest-t < ticket(len(old.at)); t-- {
		g.at[g.place(t)] = old.at[old.place(t)]
	}
}

// left takes in that the call of a slot left only then.
func (g *guard) left(t ticket, at time.Time) {
	if t != 0 && g.latest-t < ticket(len(g.at)) {
		g.at[g.place(t)] = at
	}
}

// keep tells whether a call that has not left may do so now, where there may be n
// within a second: the slots after those wait for when it left.
func (g *guard) keep(t ticket, n int, now time.Time) bool {
	if g.latest-t >= ticket(max(1, n)) {
		return false
	}
	g.left(t, now)
	return true
}

// place is where a ticket's time is remembered.
func (g *guard) place(t ticket) ticket { return (t - 1) % ticket(len(g.at)) }

// after is when one more slot may be taken, if there may be n within that time;
// zero, or long ago: at any time, as far as is remembered.
func (g *guard) after(n int, within time.Duration) time.Time {
	nth := ticket(max(1, n))
	if nth > g.latest || nth > ticket(len(g.at)) {
		return time.Time{}
	}
	return g.at[g.place(g.latest-nth+1)].Add(within)
}
