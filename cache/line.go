// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"slices"
	"time"
)

const (
	// mostAtOnce bounds the reads under way to Vault of one engine, mostBehind those
	// among them for which no call waits. So many renewals may be under way, too.
	mostAtOnce, mostBehind = 64, 8
	// spacing is the least time between two requests while Vault is away, and
	// within calming of its return: it has enough to do then. Calming is more than
	// a second, since the first of our requests may be answered before anyone else
	// has noticed.
	spacing = 100 * time.Millisecond
	calming = 1200 * time.Millisecond
)

// lane is what a request to Vault is for; lower ones come first.
type lane int

const (
	awaited   lane = iota // a read that a call waits for
	renewal               // short, as no engine asks Mashery for it
	successor             // a read for which no call waits
	lanes
)

// job is a request to Vault that waits for its turn, or is under way.
type job struct {
	// begin readies it, under the lock; false: nobody wants it any more.
	begin func() bool
	// ask sends it. It returns what is to be done with the outcome, under the
	// lock, and why Vault could not be reached.
	ask func() (settle func(), away error)

	// engine is what it waits for, behind Vault: all but the role of the key. Where
	// one engine's Mashery hangs, so do many reads.
	engine Key

	lane   lane
	queued bool
	flying bool // it is under way
}

// seat is of what only so many may be under way.
type seat struct {
	engine Key
	lane   lane
}

// line is where requests of our own wait for their turn: by their lanes, few at a
// time of the last, and in small steps while Vault is away. Then those that calls
// wait for take turns with the others, for there may be no end of them. None waits
// for those of another engine.
type line struct {
	jobs   [lanes][]*job
	flying map[seat]int // requests under way

	// away is why Vault could not be reached; nil: it answers.
	away     error
	calm     time.Time // when it has answered long enough
	answered time.Time // when it last did
	sent     time.Time // when it was last asked
	others   bool      // the turn is that of those for which no call waits
	wake     *time.Timer
}

// add lets a job wait for its turn. One that waits already can change to a better
// lane.
func (l *line) add(j *job, in lane) {
	if j.queued && j.lane <= in {
		return
	}
	j.queued, j.lane = true, in
	l.jobs[in] = append(l.jobs[in], j)
}

// next is the job whose turn it is; nil: none, or none for a while.
func (l *line) next(now time.Time) (j *job, wait time.Duration) {
	spaced := l.away != nil || now.Before(l.calm)
	order := [lanes]lane{awaited, renewal, successor}
	if spaced && l.others {
		order = [lanes]lane{renewal, successor, awaited}
	}
	for _, lane := range order {
		l.skip(lane)
		first := slices.IndexFunc(l.jobs[lane], func(j *job) bool { return j.waits(lane) && !l.full(j) })
		if first < 0 {
			continue
		}
		if wait := l.sent.Add(spacing).Sub(now); spaced && wait > 0 {
			return nil, wait
		}
		j = l.jobs[lane][first]
		l.jobs[lane] = slices.Delete(l.jobs[lane], first, first+1)
		j.queued, l.others = false, lane == awaited
		return j, 0
	}
	return nil, 0
}

// skip leaves out jobs that were begun, or have changed to another lane.
func (l *line) skip(in lane) {
	jobs := l.jobs[in]
	for len(jobs) > 0 && !jobs[0].waits(in) {
		jobs = jobs[1:]
	}
	l.jobs[in] = jobs
}

// waits tells whether the job is in that lane.
func (j *job) waits(in lane) bool { return j.queued && j.lane == in }

// full tells whether as many as may be are under way.
func (l *line) full(j *job) bool {
	flying := func(in lane) int { return l.flying[seat{j.engine, in}] }
	if j.lane == renewal { // no engine asks Mashery for it
		return flying(renewal) >= mostAtOnce
	}
	return flying(awaited)+flying(successor) >= mostAtOnce || j.lane == successor && flying(successor) >= mostBehind
}

func (l *line) fly(j *job, now time.Time) {
	l.sent, j.flying = now, true
	if l.flying == nil {
		l.flying = make(map[seat]int)
	}
	l.flying[seat{j.engine, j.lane}]++
}

// land takes a job that was answered, or not, out of those under way.
func (l *line) land(j *job) {
	j.flying = false
	at := seat{j.engine, j.lane}
	if l.flying[at]--; l.flying[at] == 0 {
		delete(l.flying, at)
	}
}

// judge takes note of whether Vault could be reached, and tells whether it is
// now known to be away, or to be back, which it was not before. A failure among
// successes is not Vault's being away.
func (l *line) judge(away error, now time.Time) (changed bool) {
	was := l.away != nil
	switch {
	case away == nil:
		if was {
			l.calm = now.Add(calming)
		}
		l.away, l.answered = nil, now
	case was || now.Sub(l.answered) > calming:
		l.away = away
	}
	return was != (l.away != nil)
}

// startCalmly spaces the first requests of all: Vault may have come up just now, and
// calls of many roles have waited for that.
func (l *line) startCalmly(now time.Time) {
	if l.answered.IsZero() {
		l.calm = now.Add(calming)
	}
}

// wakeIn calls wake when a job's turn may have come; 0: there is no need.
func (l *line) wakeIn(wait time.Duration, wake func()) {
	switch {
	case wait <= 0:
	case l.wake == nil:
		l.wake = time.AfterFunc(wait, wake)
	default:
		l.wake.Reset(wait)
	}
}

func (l *line) stop() {
	if l.wake != nil {
		l.wake.Stop()
	}
}
