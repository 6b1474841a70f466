// SPDX-License-Identifier: MPL-2.0

package main

import (
	"strings"
	"testing"

	"mashproxy/bench/rig"
)

// lines are samples, of which goroutines and memory grow so much from one to the
// next.
func lines(n, goroutines int, memory int64) (all []sample) {
	for i := range n {
		all = append(all, sample{40 + i*goroutines, rig.Usage{RSS: 60<<20 + int64(i)*memory}})
	}
	return all
}

func TestWhatGrowsIsSeen(t *testing.T) {
	warming, noisy := lines(20, 0, 0), lines(20, 0, 0)
	for i := range warming[:5] {
		warming[i] = sample{4, rig.Usage{RSS: 20 << 20}}
	}
	noisy[7].goroutines, noisy[16].goroutines, noisy[17].goroutines = 5, 900, 800
	noisy[19].RSS *= 2
	for _, test := range []struct {
		name  string
		lines []sample
		want  string // in the error; "": none
	}{
		{"flat", lines(20, 0, 0), ""},
		{"too few to judge", lines(enough-1, 100, 10<<20), ""},
		{"just enough", lines(enough, 100, 0), "goroutines grow"},
		{"a goroutine is left by each line", lines(40, 1, 0), "goroutines grow: from 55 in the second quarter to 75"},
		{"1 MiB is left by each line", lines(20, 0, 1<<20), "memory grows: from 67.0 MiB in the second quarter to 77.0"},
		{"a little more memory", lines(20, 0, 400<<10), ""},
		{"warming up", warming, ""},
		{"some lines differ", noisy, ""},
		{"less in the end", lines(20, -1, -1<<20), ""},
	} {
		err := flat(test.lines)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
