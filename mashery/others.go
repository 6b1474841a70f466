// SPDX-License-Identifier: MPL-2.0

package mashery

import "time"

const (
	// othersTime is how long what was left to other users of the key stays
	// left after the last sign of them.
	othersTime = 2 * time.Second
	// comeback is what is taken back of the rate in each second after that.
	comeback = 0.15
	// setback is what remains of the rate when Mashery says "over QPS" again,
	// and leastShare what remains at least.
	setback    = 0.8
	leastShare = 0.25
	// accidentTime is how long Mashery must not have said so for it to be an
	// accident, of jitter perhaps, for which its pause is answer enough.
	accidentTime = 10 * time.Second
	// leastLeft is what remains at least however many calls others are seen to
	// make.
	leastLeft = 0.1
	// tallyMargin is how much later than others a call may arrive that was sent
	// before them, when our own calls are told from those of others.
	tallyMargin = 200 * time.Millisecond
)

// others is what is left to other users of the key. The zero value leaves
// nothing.
type others struct {
	share float64   // what was left to them at their last sign
	sign  time.Time // of them
	over  time.Time // when Mashery last said "over QPS"
}

// leave is what remains of the rate for us, as a share of it.
func (o *others) leave(now time.Time) float64 {
	if o.share == 0 {
		return 1
	}
	return 1 - max(0, o.share-comeback*max(0, now.Sub(o.sign)-othersTime).Seconds())
}

// overQPS takes in that Mashery said so. What it says within a second of the
// first time is of the same second.
func (o *others) overQPS(now time.Time) {
	before := now.Sub(o.over)
	if before < time.Second {
		return
	}
	o.over = now
	if before < accidentTime {
		o.yield(now, max(leastShare, o.leave(now)*setback))
	}
}

// seen takes in that others were seen to make that many calls a second, of qps.
func (o *others) seen(now time.Time, calls int, qps float64) {
	o.yield(now, max(leastLeft, 1-float64(calls)/qps))
}

func (o *others) yield(now time.Time, remains float64) {
	if remains <= o.leave(now) {
		o.share, o.sign = 1-remains, now
	}
}

// tallyParts are the tenths of a second that a tally remembers.
const tallyParts = 32

// tally counts the calls sent in the last seconds, by tenths of a second.
type tally struct {
	since time.Time
	last  int64 // the tenth that counts now
	sent  [tallyParts]int32
}

// add counts one call.
func (t *tally) add(now time.Time) {
	if t.since.IsZero() {
		t.since = now
	}
	t.forward(now)
	t.sent[t.last%tallyParts]++
}

// forward empties the tenths of the time that went by.
func (t *tally) forward(now time.Time) {
	tenth := t.tenth(now)
	if tenth-t.last >= tallyParts {
		t.sent = [tallyParts]int32{}
		t.last = tenth
	}
	for t.last < tenth {
		t.last++
		t.sent[t.last%tallyParts] = 0
	}
}

func (t *tally) tenth(at time.Time) int64 {
	return max(0, int64(at.Sub(t.since)/(100*time.Millisecond)))
}

// from counts the calls sent from then until now; false: that is longer ago
// than it remembers.
func (t *tally) from(then, now time.Time) (n int, known bool) {
	t.forward(now)
	first := t.tenth(then)
	if t.last-first >= tallyParts {
		return 0, false
	}
	for i := first; i <= t.last; i++ {
		n += int(t.sent[i%tallyParts])
	}
	return n, true
}
