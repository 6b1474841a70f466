// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// unlimited is how a limit that is not set reads.
const unlimited = "∞"

// term is the instant from which a role may no longer be used, in Unix
// seconds; 0: no end.
type term int64

// lastTerm is the end of the year 9999, the last that a date can be written of.
const lastTerm term = 253402300799

func (t term) over(now time.Time) bool { return t != 0 && int64(t) <= now.Unix() }

// left is the time left of a term that is set; never negative.
func (t term) left(now time.Time) time.Duration {
	return max(0, time.Unix(int64(t), 0).Sub(now))
}

// String is the instant by RFC 3339, in UTC.
func (t term) String() string {
	if t == 0 {
		return unlimited
	}
	return time.Unix(int64(t), 0).UTC().Format(time.RFC3339)
}

// remaining is the time left as a role reads it.
func (t term) remaining(now time.Time) string {
	switch {
	case t == 0:
		return unlimited
	case t.over(now):
		return "---EXPIRED---"
	}
	return t.left(now).Truncate(time.Second).String()
}

// within is d, or what is left of the term when that is less.
func (t term) within(d time.Duration, now time.Time) time.Duration {
	if t == 0 {
		return d
	}
	return min(d, t.left(now))
}

// daysOrWeeks is the form of a term that is not Go's.
var daysOrWeeks = regexp.MustCompile(`^(\d{1,7})([dw])$`)

// parseTerm reads an explicit_term: days (10d), weeks (2w), a date
// (2027-06-07, from whose beginning in UTC it is over) or a Go duration. None,
// or what an endless one reads as, has no end.
func parseTerm(text string, now time.Time) (term, error) {
	if text == "" || text == "0" || text == unlimited {
		return 0, nil
	}
	var end time.Time
	if found := daysOrWeeks.FindStringSubmatch(text); found != nil {
		days, _ := strconv.Atoi(found[1]) // seven digits always are a number
		if found[2] == "w" {
			days *= 7
		}
		end = now.AddDate(0, 0, days)
	} else if date, err := time.Parse(time.DateOnly, text); err == nil {
		end = date
	} else if d, err := time.ParseDuration(text); err == nil {
		end = now.Add(d)
	} else {
		return 0, fmt.Errorf("explicit_term %q is not understood; give days (10d), weeks (2w), a date (2027-06-07) or a duration (36h)", text)
	}
	switch t := term(end.Unix()); {
	case t <= term(now.Unix()):
		return 0, fmt.Errorf("explicit_term %q has already passed", text)
	case t > lastTerm:
		return 0, fmt.Errorf("explicit_term %q is beyond the year 9999; leave it away for no end", text)
	default:
		return t, nil
	}
}
