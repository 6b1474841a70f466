// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"testing"
	"time"
)

func TestAMeterRemembersTheLastHour(t *testing.T) {
	m := &meter{qps: -1}
	begin := time.Unix(1_800_000_000, 0)
	for i := range meterMemory + 10 {
		m.admit(begin.Add(time.Duration(i)*time.Second), false, -1, "")
	}
	m.admit(begin.Add(20*time.Second), false, -1, "") // a clock that steps back
	counts := m.counts()
	if len(counts.Seconds) != meterMemory || counts.Counted != meterMemory+11 {
		t.Errorf("%d seconds, %d calls", len(counts.Seconds), counts.Counted)
	}
	if oldest := counts.Seconds[0].Unix; oldest != begin.Unix()+10 {
		t.Errorf("the oldest is second %d", oldest-begin.Unix())
	}
	if again := counts.Seconds[10]; again.Counted != 2 {
		t.Errorf("the second that came again: %+v", again)
	}
	m.admit(begin, false, -1, "") // long forgotten: it only displaces nothing
	if n := len(m.counts().Seconds); n > meterMemory+1 {
		t.Errorf("%d seconds", n)
	}
}

func TestASlidingSecondIsAnySecond(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	for name, test := range map[string]struct {
		instants []int // in milliseconds
		now      int
		count    int
		busiest  int
	}{
		"nothing happened":                            {now: 0},
		"all of it within the second":                 {instants: []int{0, 1, 999}, now: 999, count: 3, busiest: 3},
		"a second ago is over":                        {instants: []int{0, 1}, now: 1000, count: 1, busiest: 2},
		"a burst over the turn of a calendar second":  {instants: []int{900, 950, 1000, 1050}, now: 1899, count: 4, busiest: 4},
		"two of them far from each other":             {instants: []int{0, 5000}, now: 5000, count: 1, busiest: 1},
		"a clock that is set back forgets the future": {instants: []int{0, 900, 500}, now: 500, count: 2, busiest: 2},
	} {
		t.Run(name, func(t *testing.T) {
			var w window
			for _, ms := range test.instants {
				w.add(at(ms))
			}
			if n := w.count(at(test.now)); n != test.count || w.busiest != test.busiest {
				t.Errorf("%d in the last second, %d at most; want %d and %d", n, w.busiest, test.count, test.busiest)
			}
		})
	}
}
