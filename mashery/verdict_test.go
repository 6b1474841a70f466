// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net/http"
	"testing"
	"time"
)

func TestAnswersAreJudgedByType(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		code   string
		v2, v3 verdict
	}{
		{"200", 200, "", anAnswer, anAnswer},
		{"200 with a code that means something on 403", 200, ErrDeveloperOverQPS, anAnswer, anAnswer},
		{"400", 400, "ERR_400_BAD_REQUEST", anAnswer, anAnswer},
		{"401 without a code", 401, "", deadGrant, deadGrant},
		{"401 of an inactive developer", 401, ErrDeveloperInactive, deadGrant, deadGrant},
		{"401 that is not authorized", 401, ErrNotAuthorized, deadGrant, deadGrant},
		{"403 without a code, of Mashery's own", 403, "", anAnswer, anAnswer},
		{"403 of an inactive developer", 403, ErrDeveloperInactive, deadGrant, deadGrant},
		{"403 that is not authorized: on V2 a late signature, on V3 a missing right", 403, ErrNotAuthorized, deadGrant, anAnswer},
		{"403 over QPS", 403, ErrDeveloperOverQPS, overQPS, overQPS},
		{"403 over the day's quota", 403, ErrDeveloperOverRate, anAnswer, anAnswer},
		{"403 of the service's QPS, which is not the key's", 403, "ERR_403_SERVICE_OVER_QPS", anAnswer, anAnswer},
		{"404", 404, "", anAnswer, anAnswer},
		{"429, which Mashery does not use", 429, ErrDeveloperOverQPS, anAnswer, anAnswer},
		{"500", 500, "", anAnswer, anAnswer},
		{"504", 504, "ERR_504_GATEWAY_TIMEOUT", anAnswer, anAnswer},
		{"596", 596, "ERR_596_SERVICE_NOT_FOUND", anAnswer, anAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp := answer(test.status, "", HeaderErrorCode+": "+test.code)
			if v2, v3 := judge(V2, resp), judge(V3, resp); v2 != test.v2 || v3 != test.v3 {
				t.Errorf("V2 %v, V3 %v; want %v, %v", v2, v3, test.v2, test.v3)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(t time.Time) string { return t.Format(http.TimeFormat) }
	for _, test := range []struct {
		name, value, date string
		want              time.Duration
	}{
		{"absent", "", "", time.Second},
		{"seconds", "7", "", 7 * time.Second},
		{"no seconds, which would fall into the same second", "0", "", time.Second},
		{"negative", "-5", "", time.Second},
		{"a fraction, which is not allowed", "1.5", "", time.Second},
		{"words", "soon", "", time.Second},
		{"more seconds than a number holds", "99999999999999999999", "", longestRetryIn},
		{"a date", at(now.Add(9 * time.Second)), "", 9 * time.Second},
		{"a date that is further away than a number can say", "Fri, 31 Dec 9999 23:59:59 GMT", "", longestRetryIn},
		{"a date that is past", at(now.Add(-time.Hour)), "", time.Second},
		{"a date of now", at(now), "", time.Second},
		{"a date by Mashery's clock, which is ahead of ours", at(now.Add(10*time.Minute + 3*time.Second)), at(now.Add(10 * time.Minute)), 3 * time.Second},
		{"a date by Mashery's clock, which is behind ours", at(now.Add(-10*time.Minute + 3*time.Second)), at(now.Add(-10 * time.Minute)), 3 * time.Second},
		{"a date, with a clock that says nothing", at(now.Add(4 * time.Second)), "noon", 4 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{"Retry-After": {test.value}, "Date": {test.date}}
			if got := retryAfter(h, now); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"", "1", "0", "-1", "99999999999999999999", "Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", "Mon Jan  2 15:04:05 2006"} {
		f.Add(value, "Mon, 02 Jan 2006 15:04:00 GMT")
		f.Add(value, "Sat, 01 Jan 0001 00:00:00 GMT")
		f.Add(value, "")
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, date string) {
		if got := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now); got <= 0 || got > longestRetryIn {
			t.Errorf("%q on %q gives %s", value, date, got)
		}
	})
}
