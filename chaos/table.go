// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"strings"
	"time"
)

const columns = "%-62s %6s %7s %9s  %-8s %s\n"

func heading() string {
	return fmt.Sprintf(columns, "fault", "calls", "failed", "longest", "promises", "why calls failed, and which may") +
		strings.Repeat("-", 140) + "\n"
}

// row is one line of the table.
func (r result) row() string {
	promises, why := "kept", r.reasons()
	if len(r.broken) > 0 {
		promises = "BROKEN"
	}
	if r.fault.allowed != "" {
		why = strings.TrimSpace(why + "  [may fail: " + r.fault.allowed + "]")
	}
	return fmt.Sprintf(columns, r.fault.name, fmt.Sprint(r.calls), fmt.Sprint(r.failed),
		r.longest.Round(time.Millisecond), promises, why)
}

// complaint says which promises were broken.
func (r result) complaint() string {
	return fmt.Sprintf("\n%s:\n  %s\n", r.fault.name, strings.Join(r.broken, "\n  "))
}
