// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"sort"
	"time"
)

// window counts what happened in the last second, whatever the calendar says.
// Its zero value has seen nothing.
type window struct {
	instants []int64 // in nanoseconds, oldest first
	busiest  int
}

// count is how many instants lie less than a second before now. A clock that
// was set back forgets what lies ahead of it.
func (w *window) count(now time.Time) int {
	end := now.UnixNano()
	from := sort.Search(len(w.instants), func(i int) bool { return w.instants[i] > end-int64(time.Second) })
	to := sort.Search(len(w.instants), func(i int) bool { return w.instants[i] > end })
	w.instants = w.instants[from:max(from, to)]
	return len(w.instants)
}

// add counts one more at now.
func (w *window) add(now time.Time) {
	n := w.count(now)
	w.instants = append(w.instants, now.UnixNano())
	w.busiest = max(w.busiest, n+1)
}
