// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// heapTick is how often it is looked at how many calls were made.
	heapTick = 250 * time.Millisecond
	// busyCalls are many for one tick: two thousand a second. That is more than Vault
	// gives grants: what lives long is not to be strewn over a heap that is large for
	// a moment.
	busyCalls = 500
	// calmTicks are how many ticks in a row, ten seconds, must bring less than half
	// of that before the memory is given back: getting it again takes time, too.
	calmTicks = 40
	// busyRoom is by how much the heap may grow then from one collection to the
	// next, in bytes.
	busyRoom = 40 << 20
)

// heap is how far the heap may grow.
type heap struct {
	calls   atomic.Int64 // since the last look
	busy    bool
	calm    int // ticks in a row
	percent int // as it was before it was busy (GOGC)
}

// tend lets the heap grow further while many calls are made, and gives the
// memory back when that is over. What lives is 8 MB, nearly all of it tables of
// libraries that Vault's ways to log in bring along. At ten thousand calls a second
// and Go's default, these would be looked through ten times in each second, and the
// calls under way then take twice as long. Who sets GOGC has decided otherwise.
func (h *heap) tend(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(heapTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look judges by the calls since the last look.
func (h *heap) look() {
	calls := h.calls.Swap(0)
	if calls >= busyCalls/2 {
		h.calm = 0
	} else {
		h.calm++
	}
	switch {
	case !h.busy && calls >= busyCalls:
		h.busy = true
		h.percent = debug.SetGCPercent(max(100, int(100*busyRoom/max(heapLive(), 1))))
	case h.busy && h.calm == calmTicks:
		h.busy = false
		debug.SetGCPercent(h.percent)
		debug.FreeOSMemory()
	}
}

// heapLive is how much lived at the last collection, in bytes.
func heapLive() uint64 {
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64()
}
