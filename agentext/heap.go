// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapTick is how often it is looked at how much is allocated.
	heapTick = 250 * time.Millisecond
	// busyBytes in one tick are what a thousand calls a second allocate.
	busyBytes = 2 << 20
	// calmTicks are how many ticks in a row must bring less than half of that
	// before the memory is given back.
	calmTicks = 4
	// busyRoom is by how much the heap may grow then from one collection to the
	// next, in bytes.
	busyRoom = 40 << 20
)

// heap is how far the heap may grow.
type heap struct {
	allocated uint64 // by the last look, since the start
	busy      bool
	calm      int // ticks in a row while busy
	percent   int // as it was before that (GOGC)
}

// tendHeap lets the heap grow further while many calls are made, and gives the
// memory back when that is over. What lives is 8 MB, nearly all of it tables of
// libraries that Vault's ways to log in bring along. At ten thousand calls a second
// and Go's default, these would be looked through ten times in each second, and the
// calls under way then take twice as long. Who sets GOGC has decided otherwise.
func tendHeap(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(heapTick)
	defer tick.Stop()
	var h heap
	h.allocated, _ = heapBytes()
	for {
		select {
		case <-tick.C:
			h.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look judges by what was allocated since the last look.
func (h *heap) look() {
	allocated, live := heapBytes()
	lately := allocated - h.allocated
	h.allocated = allocated
	if lately >= busyBytes/2 {
		h.calm = 0
	} else {
		h.calm++
	}
	switch {
	case !h.busy && lately >= busyBytes:
		h.busy = true
		h.percent = debug.SetGCPercent(max(100, int(100*busyRoom/max(live, 1))))
	case h.busy && h.calm == calmTicks:
		h.busy = false
		debug.SetGCPercent(h.percent)
		debug.FreeOSMemory()
	}
}

// heapBytes is what was allocated since the start, and what lived when that was
// last collected.
func heapBytes() (allocated, live uint64) {
	found := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64(), found[1].Value.Uint64()
}
