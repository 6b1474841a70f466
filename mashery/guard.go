// SPDX-License-Identifier: MPL-2.0

package mashery

import "time"

const (
	// busySlack is how late the head of the queue may take its slot, on a busy
	// machine, without lowering the rate.
	busySlack = 50 * time.Millisecond
	// idleSlack is how late one may come for whom nobody waits; half the time
	// between two slots if that is less.
	idleSlack = 10 * time.Millisecond
	// guardSlack is how much of either may be taken from the headroom.
	guardSlack = 1 * time.Millisecond
	// mostGuarded is how many slots are remembered.
	mostGuarded = 128
)

// ticket is the number of a slot that was taken, from 1; 0: none.
type ticket uint64

// guard remembers when the calls of the latest slots left: a rate alone, whose
// slots may be taken a little late, and their calls sent later still, can bring
// one call too many into a second.
type guard struct {
	at     []time.Time // a ring; see place
	latest ticket
}

// add takes one more slot.
func (g *guard) add(at time.Time) ticket {
	g.latest++
	if len(g.at) < mostGuarded {
		g.at = append(g.at, at)
	} else {
		g.at[place(g.latest)] = at
	}
	return g.latest
}

// left takes in that the call of a slot left only then.
func (g *guard) left(t ticket, at time.Time) {
	if t != 0 && g.latest-t < mostGuarded {
		g.at[place(t)] = at
	}
}

// place is where a ticket's time is remembered.
func place(t ticket) ticket { return (t - 1) % mostGuarded }

// after is when one more slot may be taken, if there may be n within that time;
// zero: at any time, as far as is remembered.
func (g *guard) after(n int, within time.Duration) time.Time {
	nth := ticket(max(1, n))
	if nth > g.latest || nth > mostGuarded {
		return time.Time{}
	}
	return g.at[place(g.latest-nth+1)].Add(within)
}
