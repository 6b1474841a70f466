// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers by which Mashery tells a key's limits
// [blog, API responses contain quota limit information].
const (
	headerQPSAllotted   = "X-Packagekey-Qps-Allotted"
	headerQPSCurrent    = "X-Packagekey-Qps-Current"
	headerQuotaAllotted = "X-Packagekey-Quota-Allotted"
	headerQuotaCurrent  = "X-Packagekey-Quota-Current"
	headerQuotaReset    = "X-Plan-Quota-Reset"
)

// quotaReset is how the reset is written: a long English date.
const quotaReset = "Monday, January 2, 2006 3:04:05 PM MST"

// mostAllotted is the largest rate, in calls a second, that a header can mean.
const mostAllotted = 1_000_000

// heard is one answer, as a budget learns from it.
type heard struct {
	verdict verdict
	kind    uint8     // of the call
	handed  time.Time // when the call was given to the transport
	left    time.Time // when it left
	header  http.Header
}

// hear learns from an answer what Mashery allots, who else uses the key and how
// much answer times differ. A refusal that is about rights says nothing of that.
func (b *Budget) hear(a heard) {
	code := first(a.header, HeaderErrorCode)
	if code == ErrNotAuthorized {
		return
	}
	allotted, quota := whole(a.header, headerQPSAllotted), quotaOf(a.header)
	counted := whole(a.header, headerQPSCurrent)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if a.verdict == overQPS {
		b.counts.overQPS++
		b.pace.others.overQPS(now)
		b.observer.overQPS()
	} else if b.pace.source != LimitNone {
		b.pace.headroom.answered(a.kind, now.Sub(a.left), now)
	}
	if code == ErrDeveloperOverRate {
		b.counts.overQuota++
		b.observer.overQuota()
	}
	if quota != nil {
		b.counts.quota = *quota
	}
	b.pace.allot(float64(allotted), now)
	b.lookForOthers(counted, a.handed, now)
	b.retune(now)
}

// lookForOthers compares what Mashery counted in the second of a call, given to
// the transport then, with what was sent from here in any second that this can
// be. b.mu is held.
func (b *Budget) lookForOthers(counted int, handed, now time.Time) {
	if counted == 0 || b.pace.source == LimitNone {
		return
	}
	ours, known := b.counts.tally.from(handed.Add(-time.Second-tallyMargin), now)
	if known && counted > ours {
		b.pace.others.seen(now, counted-ours, b.pace.nominal)
	}
}

// whole is a header's whole number above 0, if it is one that can be meant;
// else 0.
func whole(h http.Header, name string) int {
	text := first(h, name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > mostAllotted {
		return 0
	}
	return int(n)
}

// Quota is what Mashery last told of the key's calls in a longer period,
// normally a day. The zero value is not told.
type Quota struct {
	Allotted int64     `json:"allotted"`
	Used     int64     `json:"used"`
	Reset    time.Time `json:"reset,omitzero"` // zero: not told
}

// quotaOf is what an answer tells; nil: nothing.
func quotaOf(h http.Header) *Quota {
	if first(h, headerQuotaAllotted) == "" {
		return nil
	}
	allotted, err := strconv.ParseInt(h.Get(headerQuotaAllotted), 10, 64)
	used, wrong := strconv.ParseInt(h.Get(headerQuotaCurrent), 10, 64)
	if err != nil || wrong != nil || allotted < 0 || used < 0 {
		return nil
	}
	reset, _ := time.Parse(quotaReset, strings.TrimSpace(h.Get(headerQuotaReset))) // zero when absent or odd
	return &Quota{Allotted: allotted, Used: used, Reset: reset}
}
