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

// guard remembers when the latest slots were taken: a rate alone, whose slots
// may be taken a little late, can bring one call too many into a second.
type guard struct {
	taken []time.Time // a ring
	next  int
}

func (g *guard) add(at time.Time) {
	if len(g.taken) < mostGuarded {
		g.taken = append(g.taken, at)
	} else {
		g.taken[g.next] = at
	}
	g.next = (g.next + 1) % mostGuarded
}

// after is when one more slot may be taken, if there may be n within that time;
// zero: at any time, as far as is remembered.
func (g *guard) after(n int, within time.Duration) time.Time {
	n = max(1, n)
	if n > len(g.taken) {
		return time.Time{}
	}
	return g.taken[(g.next-n+mostGuarded)%mostGuarded].Add(within)
}
