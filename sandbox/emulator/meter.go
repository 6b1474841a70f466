// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// meterMemory is how many seconds with calls in them a meter remembers.
const meterMemory = 3600

// meter counts the calls of one key in calendar seconds, in sliding ones, and
// in days.
type meter struct {
	mu       sync.Mutex
	qps      int      // negative: no limit
	quota    int      // 0: no limit
	seconds  []Second // those with calls in them, oldest first
	admitted window
	arrived  window
	counted  int
	refused  int
	day      time.Time
	today    int
}

// reading is what a meter shows after a call.
type reading struct {
	qps, second  int
	quota, today int
	reset        time.Time
}

// admit counts a call at now, or gives the cause why it is refused ("": admitted):
// the one that is forced, or a limit. The limit per second is that of the calendar
// second, or of the last second when it is rolling; it is qps, or if that is
// negative the meter's own. A refused call does not use up anything.
func (m *meter) admit(now time.Time, rolling bool, qps int, forced Cause) (reading, Cause) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if qps < 0 {
		qps = m.qps
	}
	if day := now.UTC().Truncate(24 * time.Hour); !day.Equal(m.day) {
		m.day, m.today = day, 0
	}
	m.arrived.add(now)
	second := m.at(now.Unix())
	used := second.Counted
	if rolling {
		used = m.admitted.count(now)
	}
	cause := forced
	switch {
	case forced != "":
	case qps >= 0 && used >= qps:
		cause = CauseOverQPS
	case m.quota > 0 && m.today >= m.quota:
		cause = CauseOverQuota
	}
	if cause == "" {
		m.admitted.add(now)
		second.Counted++
		m.counted++
		m.today++
		used++
	} else {
		second.Refused++
		m.refused++
	}
	return reading{
		qps: qps, second: used,
		quota: m.quota, today: m.today, reset: m.day.Add(24 * time.Hour),
	}, cause
}

// at gives the entry of a second; clocks that step back find theirs again.
func (m *meter) at(unix int64) *Second {
	i, found := slices.BinarySearchFunc(m.seconds, unix, func(s Second, unix int64) int {
		return cmp.Compare(s.Unix, unix)
	})
	if !found {
		m.seconds = slices.Insert(m.seconds, i, Second{Unix: unix})
		if extra := len(m.seconds) - meterMemory; extra > 0 && i >= extra {
			m.seconds = slices.Delete(m.seconds, 0, extra)
			i -= extra
		}
	}
	return &m.seconds[i]
}

func (m *meter) setQPS(qps int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.qps = qps
}

func (m *meter) counts() KeyCounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return KeyCounts{
		Counted: m.counted, Refused: m.refused, Seconds: append([]Second{}, m.seconds...),
		Sliding: m.admitted.busiest, Arrived: m.arrived.busiest,
	}
}

// show sets the headers by which Mashery tells a key's limits. Where there is
// no limit there is no header (chosen).
func (r reading) show(h http.Header) {
	if r.qps >= 0 {
		h.Set("X-Packagekey-Qps-Allotted", strconv.Itoa(r.qps))
		h.Set("X-Packagekey-Qps-Current", strconv.Itoa(r.second))
	}
	if r.quota > 0 {
		h.Set("X-Packagekey-Quota-Allotted", strconv.Itoa(r.quota))
		h.Set("X-Packagekey-Quota-Current", strconv.Itoa(r.today))
		h.Set("X-Plan-Quota-Reset", r.reset.Format("Monday, January 2, 2006 3:04:05 PM")+" GMT")
	}
}
