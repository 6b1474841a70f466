// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"strings"
	"time"
)

// parseDates reads the ranges among filters on dates: `created:>=2021-01-04`,
// with >, >=, < or <= (chosen; that there are ranges, and the three layouts of
// their dates, is documented) [V3 docs, Date format details].
func parseDates(filters []filter) []problem {
	var problems []problem
	for i := range filters {
		f := &filters[i]
		if last := f.path[len(f.path)-1]; last != "created" && last != "updated" {
			continue
		}
		date := strings.TrimLeft(f.text, "<>=")
		switch f.operator = f.text[:len(f.text)-len(date)]; f.operator {
		case ">", ">=", "<", "<=":
		default: // a text like any other
			f.operator = ""
			continue
		}
		var ok bool
		if f.at, ok = parseDate(date); !ok {
			problems = append(problems, problem{"filter", "'" + date + "' is not a date.", wrong})
		}
	}
	return problems
}

// parseDate reads a date in one of the documented layouts, or in that of the
// answers; one without an offset is GMT, one without a time is its midnight.
func parseDate(date string) (time.Time, bool) {
	date = strings.ReplaceAll(date, " ", "+") // a plus that was not escaped
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", dateFormat, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, date); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// holds tells whether a filter holds for one value.
func (f filter) holds(value any) bool {
	if f.operator == "" {
		return strings.Contains(strings.ToLower(text(value)), strings.ToLower(f.text))
	}
	at, err := time.Parse(dateFormat, text(value))
	if err != nil {
		return false
	}
	switch n := at.Compare(f.at); f.operator {
	case ">":
		return n > 0
	case ">=":
		return n >= 0
	case "<":
		return n < 0
	default:
		return n <= 0
	}
}
