// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"context"
	"sync/atomic"
	"time"

	"mashproxy/agentext/apierror"
)

const (
	// loadTick is how often it is looked at how many calls were made.
	loadTick = 250 * time.Millisecond
	// busyCalls are many for one tick: two thousand a second. That is more than Vault
	// gives grants: what lives long is not to be strewn over a heap that is large for
	// a moment.
	busyCalls = 500
	// calmTicks are how many ticks in a row, ten seconds, must bring less than half
	// of that before the load counts as low: getting memory again takes time, too.
	calmTicks = 40
)

// load is how many calls are answered here, and what is done in another way while
// they are many: the heap may grow, threads are added, and calls reach the metrics in
// lumps, because there each costs as much as pacing and policy together. The zero
// value is low.
type load struct {
	calls     atomic.Int64 // since the last look
	busy      atomic.Bool
	calm      int          // ticks in a row
	uncounted atomic.Int64 // answers of Mashery that the metrics do not know of yet
	heap      heap
	threads   threads
}

// answered takes in a call: whose answer it got, and the code of an error made here.
func (l *load) answered(source, code string) {
	l.calls.Add(1)
	if source == apierror.FromMashery && l.busy.Load() {
		l.uncounted.Add(1)
		return
	}
	countCalls(source, code, 1)
}

// count makes the metrics complete.
func (l *load) count() {
	if n := l.uncounted.Swap(0); n > 0 {
		countCalls(apierror.FromMashery, "", n)
	}
}

// watch follows the load until ctx ends.
func (l *load) watch(ctx context.Context) error {
	tick := time.NewTicker(loadTick)
	defer tick.Stop()
	defer l.count()
	for {
		select {
		case <-tick.C:
			l.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look judges by the calls since the last look.
func (l *load) look() {
	l.count()
	calls := l.calls.Swap(0)
	if calls >= busyCalls/2 {
		l.calm = 0
	} else {
		l.calm++
	}
	switch busy := l.busy.Load(); {
	case !busy && calls >= busyCalls:
		l.busy.Store(true)
		l.heap.widen()
		l.threads.add()
	case busy && l.calm == calmTicks:
		l.busy.Store(false)
		l.threads.drop()
		l.heap.giveBack()
	}
}
