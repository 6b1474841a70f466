// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Budget is what one API key may spend: a rate, spent evenly, and the queue
// of those who wait for their slot.
type Budget struct {
	observer *Observer
	said     atomic.Pointer[said]

	mu       sync.Mutex
	pace     pace
	limiter  *rate.Limiter // burst 1
	last     time.Time     // when, by the rate, the last slot was due
	guard    guard
	queue    queue
	maxQueue int
	asked    time.Time // when it was last asked for
	resume   time.Time // no slot before; set by an over-QPS answer
	counts   counts
}

// Wait holds the caller until its slot and returns how long that took: first
// come, first served in each queue, and queues, which are listeners, in turn.
// It fails with *[OverQPSError], at once where that can be foreseen, when the
// slot is further away than most or than the context's deadline, or when too
// many wait; with the context's error when the caller leaves, whose place is
// then free. The headroom of one slot is not held against the caller: at 1 call a
// second the next slot is within 1 s.
func (b *Budget) Wait(ctx context.Context, queue string, most time.Duration) (time.Duration, error) {
	_, waited, err := b.wait(ctx, queue, most, false)
	return waited, err
}

// wait is Wait, or that of a call that had its slot before.
func (b *Budget) wait(ctx context.Context, queue string, most time.Duration, again bool) (ticket, time.Duration, error) {
	if ctx.Err() != nil {
		return 0, 0, context.Cause(ctx)
	}
	start := time.Now()
	c, slot, err := b.enter(ctx, start, queue, most, again)
	if c == nil {
		b.observer.waited(0, err)
		return slot, 0, err
	}
	slot, err = b.stand(ctx, c)
	waited := time.Since(start)
	b.leave(c, waited)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = &OverQPSError{RetryAfter: wholeSeconds(b.ahead(queue) - most), Full: err == errTurnedAway}
	}
	b.observer.waited(waited, err)
	return slot, waited, err
}

// enter serves the caller at once when a slot is free and nobody waits for it.
// Else it foresees the wait, and the caller joins the queue or is refused.
func (b *Budget) enter(ctx context.Context, now time.Time, queue string, most time.Duration, again bool) (*caller, ticket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retune(now)
	if b.queue.head == nil && !b.due(now).After(now) {
		return nil, b.serve(now, min(idleSlack, b.interval()/2)), nil
	}
	patience := b.pace.patience(most)
	if end, bound := ctx.Deadline(); bound {
		patience = min(patience, end.Sub(now))
	}
	ahead := b.foresee(now, b.queue.ahead(queue, again))
	full := !again && b.queue.waiting >= b.maxQueue
	switch {
	case ahead > patience:
		return nil, 0, &OverQPSError{RetryAfter: wholeSeconds(ahead - patience)}
	case full && !b.queue.makeRoom(queue):
		return nil, 0, &OverQPSError{RetryAfter: wholeSeconds(ahead - patience), Full: true}
	}
	c := b.queue.join(queue, again)
	c.until = now.Add(patience + busySlack) // what was foreseen may come that late
	return c, 0, nil
}

// leave takes the caller out of the queue; another may be its head then.
func (b *Budget) leave(c *caller, waited time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue.leave(c)
	b.counts.lastWait = waited
}

// stand waits for the caller's turn and then for its slot, unless that is due
// too late.
func (b *Budget) stand(ctx context.Context, c *caller) (ticket, error) {
	ctx, cancel := context.WithDeadline(ctx, c.until)
	defer cancel()
	select {
	case err := <-c.turn:
		if err != nil {
			return 0, err
		}
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for {
		due, slot := b.take()
		if slot != 0 {
			return slot, nil
		}
		if due.After(c.until) {
			return 0, context.DeadlineExceeded
		}
		if err := sleep(ctx, time.Until(due)); err != nil {
			return 0, err
		}
	}
}

// take takes the slot if it is due; else it tells when it will be. Only the
// head of the queue takes slots, and none before it is due: so a caller that
// leaves has none to give back.
func (b *Budget) take() (due time.Time, slot ticket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.retune(now)
	if due = b.due(now); due.After(now) {
		return due, 0
	}
	return now, b.serve(now, busySlack)
}

// left takes in when the call of a slot left: on a busy machine that can be some
// milliseconds after the slot was taken. One that had to wait for its connection
// goes by a new one, of whose way nothing is learnt yet.
func (b *Budget) left(slot ticket, at time.Time, late bool) {
	if slot == unguarded {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if late {
		at = at.Add(b.pace.headroom.unlearnt())
	}
	b.guard.left(slot, at)
}

// keep tells whether a call may leave later than its slot: as long as it does not
// come on top of a second's calls that were given theirs since, and no pause
// has begun.
func (b *Budget) keep(slot ticket, now time.Time) bool {
	if slot == unguarded {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n, _, limited := b.pace.most()
	return !limited || !b.resume.After(now) && b.guard.keep(slot, n, now)
}

// serve takes the slot that is due. Slots are counted from when they are taken,
// so that no long stall of this machine pushes calls together; but one that is
// late by no more than slack does not put off those after it. b.mu is held.
func (b *Budget) serve(now time.Time, slack time.Duration) ticket {
	at, interval := now, b.interval()
	// A nanosecond later than that, or rounding might make it too early.
	if late := now.Sub(b.last.Add(interval + 1)); late > 0 && late < interval+slack {
		at = now.Add(-min(late, slack))
	}
	if !b.limiter.AllowN(at, 1) {
		at = now
		b.limiter.AllowN(now, 1)
	}
	b.last = at
	b.counts.sent(now)
	n, _, _ := b.pace.most()
	return b.guard.add(now, n)
}

// interval is the time between two slots. b.mu is held.
func (b *Budget) interval() time.Duration { return seconds(1 / float64(b.limiter.Limit())) }

// retune sets the limiter to what the rate is by now. b.mu is held.
func (b *Budget) retune(now time.Time) {
	if limit := b.pace.limit(now); limit != b.limiter.Limit() {
		b.limiter.SetLimitAt(now, limit)
	}
}

// due is when the next slot is free: now, or when the rate, the slots of the
// last second and the pause allow. b.mu is held.
func (b *Budget) due(now time.Time) time.Time {
	due := now.Add(seconds((1 - b.limiter.TokensAt(now)) / float64(b.limiter.Limit())))
	if n, within, limited := b.pace.most(); limited {
		due = latest(due, b.guard.after(n, within-guardSlack))
	}
	return latest(due, b.resume)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// foresee tells how long one with so many ahead would wait. b.mu is held.
func (b *Budget) foresee(now time.Time, ahead int) time.Duration {
	return b.due(now).Sub(now) + seconds(float64(ahead)/float64(b.limiter.Limit()))
}

// ahead is what one of the queue who has given up would wait, came it again.
func (b *Budget) ahead(queue string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.foresee(time.Now(), b.queue.ahead(queue, false))
}

// Pause lets no call go for d: Mashery said that the key has spent its second.
func (b *Budget) Pause(d time.Duration) { b.pause(time.Now().Add(d)) }

// pause is Pause, to a moment: for a caller who counts its own wait from the
// same one.
func (b *Budget) pause(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.resume) {
		b.resume, b.last = until, time.Time{} // nobody was late
	}
}

// seconds is a time of s seconds, within what can be reckoned with.
func seconds(s float64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	return time.Duration(min(s, century) * float64(time.Second))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wholeSeconds rounds up to what Retry-After can say, at least one second.
func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
