// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"slices"
	"time"
)

// What is learnt of the way's jitter.
const (
	// mostHeadroom is left as long as nothing is known, and at most: more would
	// cost too much of the rate, for what may be Mashery's own taking its time.
	mostHeadroom = 85 * time.Millisecond
	// spareHeadroom is for what answers do not show, such as a machine on the
	// way that hesitates for some milliseconds now and then.
	spareHeadroom = 10 * time.Millisecond
	// cheapHeadroom is a fiftieth of the rate, within which the spare is kept;
	// where answers differ by more, half of it must do.
	cheapHeadroom = 17 * time.Millisecond

	manySamples  = 64 // are kept of each kind of call
	fewSamples   = 5  // tell something
	sureSamples  = 16 // are believed however old they are
	sampleTime   = 10 * time.Second
	reckonTime   = 100 * time.Millisecond
	kindsOfCalls = 16
)

// headroom is the jitter on the way to Mashery for which pacing leaves room:
// fixed by the file, or learnt from how much answer times differ. Kinds of calls
// take different times by nature, and some vary by nature; but jitter of the way
// shows in all of them, so that the steadiest kind tells most of it. The zero
// value learns, and knows nothing yet.
type headroom struct {
	fixed    bool
	told     time.Duration // if fixed
	kinds    [kindsOfCalls]*samples
	learnt   time.Duration // 0: nothing yet
	reckoned time.Time
}

// is tells whether the headroom is the one of the settings.
func (h *headroom) is(s Settings) bool {
	return h.fixed == s.HeadroomFixed && (!h.fixed || h.told == max(0, s.Headroom))
}

func (h *headroom) set(s Settings) { h.fixed, h.told = s.HeadroomFixed, max(0, s.Headroom) }

// now is the room to leave.
func (h *headroom) now() time.Duration {
	switch {
	case h.fixed:
		return h.told
	case h.learnt == 0:
		return mostHeadroom
	}
	return h.learnt
}

// unlearnt is how much more room to leave where nothing is known.
func (h *headroom) unlearnt() time.Duration {
	if h.fixed {
		return 0
	}
	return mostHeadroom - h.now()
}

// answered takes in how long a call of that kind took to be answered.
func (h *headroom) answered(kind uint8, took time.Duration, now time.Time) {
	if h.fixed {
		return
	}
	kind %= kindsOfCalls
	if h.kinds[kind] == nil {
		h.kinds[kind] = &samples{since: now}
	}
	h.kinds[kind].add(took, now)
	if h.kinds[kind].n < manySamples || now.Sub(h.reckoned) >= reckonTime {
		h.reckoned = now
		h.reckon(now)
	}
}

// reckon learns from the kinds of which enough is known, compared with the one
// of which most is.
func (h *headroom) reckon(now time.Time) {
	var recent [kindsOfCalls]int
	most := 0
	for i, s := range h.kinds {
		recent[i] = s.recent(now)
		most = max(most, recent[i])
	}
	if most < fewSamples {
		return
	}
	spread := mostHeadroom
	for i, s := range h.kinds {
		if recent[i] >= max(fewSamples, most/2) {
			spread = min(spread, s.spread(recent[i]))
		}
	}
	spare := min(max(cheapHeadroom-spread, spareHeadroom/2), spareHeadroom)
	h.learnt = min(spread+spare, mostHeadroom)
}

// samples are the latest answer times of one kind of calls.
type samples struct {
	since time.Time
	n     int                // taken so far; the last one is at (n-1) % manySamples
	at    [manySamples]int32 // in ms from since
	took  [manySamples]int32 // in µs
}

func (s *samples) add(took time.Duration, now time.Time) {
	if now.Sub(s.since) > 24*time.Hour { // long before the numbers overflow
		*s = samples{since: now}
	}
	i := s.n % manySamples
	s.at[i] = int32(now.Sub(s.since).Milliseconds())
	s.took[i] = int32(min(took, time.Minute).Microseconds())
	s.n++
}

// recent is how many of the latest samples count.
func (s *samples) recent(now time.Time) (n int) {
	if s == nil {
		return 0
	}
	kept := min(s.n, manySamples)
	for n < kept {
		at := s.at[(s.n-1-n)%manySamples]
		if n >= sureSamples && now.Sub(s.since)-time.Duration(at)*time.Millisecond > sampleTime {
			break
		}
		n++
	}
	return n
}

// spread is how much the n latest samples differ, n being at least 2: from the
// least to the nine tenth, beyond which are those who met with an accident, and
// from that to the whole, as if they were spread evenly.
func (s *samples) spread(n int) time.Duration {
	var sorted [manySamples]int32
	for i := range n {
		sorted[i] = s.took[(s.n-1-i)%manySamples]
	}
	slices.Sort(sorted[:n])
	top := (9*n + 9) / 10 // the rank of the nine tenth, from 1
	part := time.Duration(sorted[top-1]-sorted[0]) * time.Microsecond
	return part * time.Duration(n+1) / time.Duration(top-1)
}

// kind tells calls apart that take different times by nature: by verb, and by
// the beginning and the depth of the path.
func (c *Call) kind() uint8 {
	hash := uint32(2166136261) // FNV-1a
	add := func(b byte) { hash = (hash ^ uint32(b)) * 16777619 }
	for i := range len(c.Method) {
		add(c.Method[i])
	}
	depth := byte(0)
	for i := range len(c.Path) {
		switch {
		case c.Path[i] == '/':
			depth++
		case depth == 0:
			add(c.Path[i])
		}
	}
	add(depth)
	return uint8(hash ^ hash>>8 ^ hash>>16)
}
