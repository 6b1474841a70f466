// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// throughputTable shows the medians of the rounds, and in brackets their ratios
// to the baseline.
func throughputTable(targets []target, connections int, rounds map[string][]figures, allocations map[string]float64) string {
	var text strings.Builder
	fmt.Fprintf(&text, "\nThe same V3 GET on %d connection(s); in brackets: of what %s does\n\n", connections, baseline)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tcalls/s\t\tp50 µs\t\tp99 µs\t\tCPU µs/call\t\tallocations/call\t\t")
	for _, t := range targets {
		fmt.Fprintf(table, "%s\t", t.name)
		for _, c := range columns() {
			ratio := medianRatio(rounds[t.name], rounds[baseline], c.of)
			cell(table, median(rounds[t.name], c.of), ratio, c.mark(t.name, connections, ratio))
		}
		cell(table, allocations[t.name], allocations[t.name]/allocations[baseline], "")
		fmt.Fprintln(table)
	}
	table.Flush()
	if connections == goalConnections {
		fmt.Fprintf(&text, "\n%s: %s; %s\n", local, goalOfRatios, legend)
	}
	return text.String()
}

// cell shows a value, its ratio and a mark; nothing where there was nothing to
// measure.
func cell(table *tabwriter.Writer, value, ratio float64, mark string) {
	if value == 0 {
		fmt.Fprint(table, "\t\t")
		return
	}
	fmt.Fprintf(table, "%.0f\t%s(%.2f)\t", value, mark, ratio)
}

// footprintTable shows what there is to reach, too.
func footprintTable(f footprint) string {
	const mib = 1 << 20
	more := f.manyRoles - f.idle
	return fmt.Sprintf(`
From start to the first signed call   %4d ms   (to reach: under 1000)%s
Memory when idle                      %4.0f MiB  (to reach: under 90 MB)%s
More with %d live grants             %4.1f MiB  (to reach: under 20 MB)%s
`, f.started/time.Millisecond, marked(f.started, goalStart), float64(f.idle)/mib, marked(f.idle, goalIdle),
		manyRoles, float64(more)/mib, marked(more, goalManyRoles))
}
