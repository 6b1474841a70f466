// SPDX-License-Identifier: MPL-2.0

package config

import (
	"slices"
	"strings"
)

// nearest is the one of names that is most like name, or "" when none is like
// it. Case, underscores and hyphens do not count.
func nearest(name string, names []string) string {
	plain := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
	best, least := "", max(2, len(name)/3)+1
	for _, candidate := range slices.Sorted(slices.Values(names)) {
		if d := distance(plain(name), plain(candidate)); d < least && 3*d <= 2*len(name) {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed to make b
// of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
