// SPDX-License-Identifier: MPL-2.0

package agentext

import (
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

func TestTheHeapMayGrowFurtherOnlyWhileManyCallsAreMade(t *testing.T) {
	usual := growth()
	var h heap
	defer debug.SetGCPercent(int(usual)) // whatever happens
	for _, step := range []struct {
		name    string
		calls   int64
		ticks   int
		further bool
	}{
		{"few calls", busyCalls / 4, 1, false},
		{"many calls", 2 * busyCalls, 1, true},
		{"still many", 2 * busyCalls, 10, true},
		{"less", busyCalls * 3 / 4, 10, true},
		{"few for a moment", 0, calmTicks - 1, true},
		{"many after that", busyCalls, 1, true},
		{"few", 0, calmTicks, false},
		{"none", 0, 10, false},
		{"many again", 2 * busyCalls, 1, true},
		{"none again", 0, calmTicks, false},
	} {
		for range step.ticks {
			h.calls.Add(step.calls)
			h.look()
		}
		if got := growth(); got > usual != step.further || !step.further && got != usual {
			t.Errorf("%s: %d %%, usually %d", step.name, got, usual)
		}
	}
}
