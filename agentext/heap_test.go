// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// growth is by how much the heap may grow, in percent of what lives.
func growth() uint64 {
	found := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(found)
	return found[0].Value.Uint64()
}

// allocate leaves so many bytes, or up to 512 KiB more, to the collector.
func allocate(bytes int) {
	for block := 512 << 10; bytes > 0; bytes -= block {
		runtime.KeepAlive(make([]byte, block))
	}
}

func TestTheHeapMayGrowFurtherOnlyWhileMuchIsAllocated(t *testing.T) {
	usual := growth()
	var h heap
	h.allocated, _ = heapBytes()
	defer debug.SetGCPercent(int(usual)) // whatever happens
	for _, step := range []struct {
		name    string
		bytes   int
		ticks   int
		further bool
	}{
		{"few calls", busyBytes / 4, 1, false},
		{"many calls", 2 * busyBytes, 1, true},
		{"still many", 2 * busyBytes, 10, true},
		{"less", busyBytes * 3 / 4, 10, true},
		{"few for a moment", 0, calmTicks - 1, true},
		{"many after that", busyBytes, 1, true},
		{"few", 0, calmTicks, false},
		{"none", 0, 10, false},
		{"many again", 2 * busyBytes, 1, true},
		{"none again", 0, calmTicks, false},
	} {
		for range step.ticks {
			allocate(step.bytes)
			h.look()
		}
		if got := growth(); got > usual != step.further || !step.further && got != usual {
			t.Errorf("%s: %d %%, usually %d", step.name, got, usual)
		}
	}
}
