// SPDX-License-Identifier: MPL-2.0

package cache

import "time"

const (
	// mostAtOnce bounds the requests under way to Vault, mostBehind those of
	// them for which no call waits.
	mostAtOnce, mostBehind = 64, 8
	// spacing is the least time between two requests while Vault is away, and
	// within calming of its return: it has enough to do then.
	spacing = 100 * time.Millisecond
	calming = time.Second
)

// job is a request to Vault that waits for its turn, or is under way.
type job struct {
	// begin readies it, under the lock; false: nobody wants it any more.
	begin func() bool
	// ask sends it. It returns what is to be done with the outcome, under the
	// lock, and why Vault could not be reached.
	ask func() (settle func(), away error)

	urgent bool // a call waits for it
	queued bool
	flying bool // it is under way
	behind bool // as one for which no call waits
}

// line is where requests of our own wait for their turn: those that a call
// waits for first, few at a time of the others, and in small steps while Vault
// is away; then they take turns, for there may be no end of those that fail.
type line struct {
	urgent, later  []*job
	flying, behind int

	// away is why Vault could not be reached; nil: it answers.
	away     error
	calm     time.Time // when it has answered long enough
	answered time.Time // when it last did
	sent     time.Time // when it was last asked
	others   bool      // the turn is that of those for which no call waits
	wake     *time.Timer
}

// add lets a job wait for its turn. One that waits already can become urgent.
func (l *line) add(j *job, urgent bool) {
	switch {
	case !j.queued:
		j.queued, j.urgent = true, urgent
	case j.urgent || !urgent:
		return
	default:
		j.urgent = true
	}
	if urgent {
		l.urgent = append(l.urgent, j)
	} else {
		l.later = append(l.later, j)
	}
}

// next is the job whose turn it is; nil: none, or none for a while.
func (l *line) next(now time.Time) (j *job, wait time.Duration) {
	l.urgent, l.later = l.skip(l.urgent, true), l.skip(l.later, false)
	spaced := l.away != nil || now.Before(l.calm)
	from := &l.urgent
	if others := len(l.later) > 0 && l.behind < mostBehind; others && (len(l.urgent) == 0 || spaced && l.others) {
		from = &l.later
	}
	if len(*from) == 0 || l.flying >= mostAtOnce {
		return nil, 0
	}
	if wait := l.sent.Add(spacing).Sub(now); spaced && wait > 0 {
		return nil, wait
	}
	j = (*from)[0]
	*from = (*from)[1:]
	j.queued, l.others = false, j.urgent
	return j, 0
}

// skip leaves out jobs that were begun, or became urgent.
func (l *line) skip(jobs []*job, urgent bool) []*job {
	for len(jobs) > 0 && (!jobs[0].queued || jobs[0].urgent != urgent) {
		jobs = jobs[1:]
	}
	return jobs
}

func (l *line) fly(j *job, now time.Time) {
	l.sent, j.flying = now, true
	l.flying++
	if j.behind = !j.urgent; j.behind {
		l.behind++
	}
}

// land takes a job that was answered, or not, out of those under way.
func (l *line) land(j *job) {
	j.flying = false
	l.flying--
	if j.behind {
		l.behind--
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
