// SPDX-License-Identifier: MPL-2.0

package main

import (
	"math"
	"time"
)

// missed marks what is not what it is to be.
const missed = "!"

// What is to be reached: of what is served locally at so many connections, as
// many calls a second as of the baseline, and a p99 that is no longer; and of what
// the program takes without load.
const (
	goalConnections = 32
	goalStart       = time.Second
	goalIdle        = 90_000_000 // bytes
	goalManyRoles   = 20_000_000 // bytes
)

const (
	goalOfRatios = "to reach: calls/s (1.00) or more, p99 (1.00) or less"
	legend       = missed + " not reached"
)

// column is one of what is measured; misses tells whether a ratio of what is
// served locally is worse than it is to be. nil: any will do.
type column struct {
	of     func(figures) float64
	misses func(ratio float64) bool
}

func columns() []column {
	return []column{
		{func(f figures) float64 { return f.perSecond }, func(ratio float64) bool { return shown(ratio) < 1 }},
		{func(f figures) float64 { return f.p50 }, nil},
		{func(f figures) float64 { return f.p99 }, func(ratio float64) bool { return shown(ratio) > 1 }},
		{func(f figures) float64 { return f.cpu }, nil},
	}
}

// mark marks a ratio that is not what it is to be; "": it is, or need not be.
func (c column) mark(name string, connections int, ratio float64) string {
	if name == local && connections == goalConnections && c.misses != nil && c.misses(ratio) {
		return missed
	}
	return ""
}

// shown is a ratio as the table has it.
func shown(ratio float64) float64 { return math.Round(ratio*100) / 100 }

// marked marks what is not below its goal.
func marked[T int64 | time.Duration](value, goal T) string {
	if value >= goal {
		return "  " + legend
	}
	return ""
}
