// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// HeaderErrorCode names the header in which Mashery's gateway says what is
// wrong [developer.mashery.com, default error set].
const HeaderErrorCode = "X-Mashery-Error-Code"

// Codes of the gateway that decide what happens to a call.
const (
	ErrNotAuthorized      = "ERR_403_NOT_AUTHORIZED"
	ErrDeveloperInactive  = "ERR_403_DEVELOPER_INACTIVE"
	ErrDeveloperOverQPS   = "ERR_403_DEVELOPER_OVER_QPS"
	ErrDeveloperOverRate  = "ERR_403_DEVELOPER_OVER_RATE"
	defaultOverQPSRetryIn = time.Second
	longestRetryIn        = (1<<31 - 1) * time.Second // 68 years
)

type verdict int

const (
	anAnswer  verdict = iota // for the caller, whatever it says
	deadGrant                // the grant is not accepted (any more)
	overQPS                  // not run: the key has spent this second
)

// judge tells by type what an answer of Mashery's means for the call. A dead
// V3 token is seen as 401 and as 403 "inactive"; a late V2 signature is 403
// "not authorized", which on V3 is about rights instead [observed by clients:
// engine, egnyte SDK; V2 error codes page].
func judge(api API, resp *http.Response) verdict {
	code := first(resp.Header, HeaderErrorCode)
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return deadGrant
	case resp.StatusCode != http.StatusForbidden:
		return anAnswer
	case code == ErrDeveloperOverQPS:
		return overQPS
	case code == ErrDeveloperInactive, api == V2 && code == ErrNotAuthorized:
		return deadGrant
	}
	return anAnswer
}

// mayBeOfCall tells whether the refusal of a grant may be one of what the call asks
// for: on V2 the words are the same.
func mayBeOfCall(api API, resp *http.Response) bool {
	return api == V2 && resp.StatusCode == http.StatusForbidden && resp.Header.Get(HeaderErrorCode) == ErrNotAuthorized
}

// retryAfter reads how long an over-QPS answer asks to wait, in either form of
// the header; a date is read by the clock of the answer, now being ours, for
// want of one. One second when it says nothing, or no time at all: a call sent
// again at once would fall into the same second. longestRetryIn at most, which
// leaves room to reckon with it.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second // longestRetryIn when out of range
	} else if at, err := http.ParseTime(value); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		wait = at.Sub(now)
	}
	if wait <= 0 {
		return defaultOverQPSRetryIn
	}
	return min(wait, longestRetryIn)
}
