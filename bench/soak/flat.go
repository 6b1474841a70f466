// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"slices"
)

const (
	// enough are the lines by which it is judged, or more.
	enough = 8
	// moreGoroutines and moreMemory are what the middle of the last quarter of the
	// lines may show more than that of the second: goroutines come and go with
	// calls, and the heap is still growing a little after some minutes. Of a leak
	// there is more in five minutes, and the longer it runs, the smaller a one shows.
	moreGoroutines = 10
	moreMemory     = 5 << 20
)

// flat tells whether goroutines and memory stay what they are. The first quarter
// is for warming up.
func flat(lines []sample) error {
	n := len(lines)
	if n < enough {
		return nil
	}
	early, late := lines[n/4:n/2], lines[n-n/4:]
	if was, is := middle(early, sample.routines), middle(late, sample.routines); is > was+moreGoroutines {
		return fmt.Errorf("goroutines grow: from %d in the second quarter to %d in the last, which is more than %d more", was, is, moreGoroutines)
	}
	if was, is := middle(early, sample.memory), middle(late, sample.memory); is > was+moreMemory {
		return fmt.Errorf("memory grows: from %.1f MiB in the second quarter to %.1f in the last, which is more than %d MiB more", mib(was), mib(is), moreMemory>>20)
	}
	return nil
}

// middle is the middle one of what the lines show.
func middle(lines []sample, of func(sample) int64) int64 {
	values := make([]int64, len(lines))
	for i, line := range lines {
		values[i] = of(line)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (s sample) routines() int64 { return int64(s.goroutines) }
func (s sample) memory() int64   { return s.RSS }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
