// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// busyRoom is by how much the heap may grow under load from one collection to the
// next, in bytes.
const busyRoom = 40 << 20

// heap is how far the heap may grow. What lives is 8 MB, nearly all of it tables of
// libraries that Vault's ways to log in bring along. At ten thousand calls a second
// and Go's default, these would be looked through ten times in each second, and the
// calls under way then take twice as long.
type heap struct {
	percent int // as it was before it was widened (GOGC); 0: it is not
}

// widen lets the heap grow further, unless whoever set GOGC has decided otherwise.
func (h *heap) widen() {
	if os.Getenv("GOGC") == "" {
		h.percent = debug.SetGCPercent(max(100, int(100*busyRoom/max(heapLive(), 1))))
	}
}

// giveBack ends that, and gives the memory back.
func (h *heap) giveBack() {
	if h.percent != 0 {
		debug.SetGCPercent(h.percent)
		debug.FreeOSMemory()
		h.percent = 0
	}
}

// heapLive is how much lived at the last collection, in bytes.
func heapLive() uint64 {
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64()
}
