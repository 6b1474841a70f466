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

// meter counts the calls of one key in calendar seconds and days. Mashery's
// true window is undocumented.
type meter struct {
	mu      sync.Mutex
	qps     int      // negative: no limit
	quota   int      // 0: no limit
	seconds []Second // those with calls in them, oldest first
	counted int
	refused int
	day     time.Time
	today   int
}

// reading is what a meter shows after a call.
type reading struct {
	qps, second  int
	quota, today int
	reset        time.Time
}

// admit counts a call at now, or gives the cause why it is refused ("": admitted).
// A refused call does not use up anything.
func (m *meter) admit(now time.Time) (reading, Cause) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if day := now.UTC().Truncate(24 * time.Hour); !day.Equal(m.day) {
		m.day, m.today = day, 0
	}
	second := m.at(now.Unix())
	cause := Cause("")
	switch {
	case m.qps >= 0 && second.Counted >= m.qps:
		cause = CauseOverQPS
	case m.quota > 0 && m.today >= m.quota:
		cause = CauseOverQuota
	}
	if cause == "" {
		second.Counted++
		m.counted++
		m.today++
	} else {
		second.Refused++
		m.refused++
	}
	return reading{
		qps: m.qps, second: second.Counted,
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
	return KeyCounts{Counted: m.counted, Refused: m.refused, Seconds: slices.Clone(m.seconds)}
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
