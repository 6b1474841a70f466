// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// paceShare is the part of the allowed rate that is spent, so that 5 ms of
// jitter on the way cannot put one call too many into one of Mashery's seconds.
const paceShare = 0.995

// timerSlack is how late a timer may fire without lowering the rate. It is
// taken from those 5 ms.
const timerSlack = 2 * time.Millisecond

const (
	// manyBudgets is how many budgets may be kept before idle ones are forgotten.
	manyBudgets = 1024
	// idleTime is how long nobody must have asked for one of those.
	idleTime = time.Minute
)

// BudgetID names what Mashery counts together: one API key, here by what
// names it (its key id, or the role where that is not known), within one
// mount of one Vault.
type BudgetID struct{ Vault, Namespace, Mount, Key string }

// Budgets are the budgets of a process. The zero value is not usable; see
// [NewBudgets].
type Budgets struct {
	mu  sync.Mutex
	all map[BudgetID]*Budget
}

// NewBudgets makes an empty set.
func NewBudgets() *Budgets { return &Budgets{all: make(map[BudgetID]*Budget)} }

// Get returns the budget of id, made on first use, after telling it that
// role may spend qps calls a second of it (0: no limit is known).
func (b *Budgets) Get(id BudgetID, role string, qps float64) *Budget {
	b.mu.Lock()
	budget := b.all[id]
	if budget == nil {
		if len(b.all) >= manyBudgets {
			b.forgetIdle(time.Now())
		}
		budget = &Budget{limiter: rate.NewLimiter(rate.Inf, 1), turn: semaphore.NewWeighted(1), caps: make(map[string]float64)}
		b.all[id] = budget
	}
	b.mu.Unlock()
	budget.limit(role, qps)
	return budget
}

// forgetIdle removes budgets that nobody asked for in a while: who comes again
// tells their limits anew. b.mu is held.
func (b *Budgets) forgetIdle(now time.Time) {
	for id, budget := range b.all {
		if budget.idle(now) {
			delete(b.all, id)
		}
	}
}

// Budget is what one API key may spend: a rate, spent evenly, and the queue
// of those who wait for their slot.
type Budget struct {
	// turn is held by the head of the queue, the only one that takes slots,
	// and takes none before it is due: so a caller that leaves has none to
	// give back.
	turn *semaphore.Weighted

	mu      sync.Mutex
	limiter *rate.Limiter      // burst 1
	caps    map[string]float64 // by role; the smallest counts
	queued  int                // callers that have no slot yet
	asked   time.Time          // when it was last asked for
	resume  time.Time          // no slot before; set by an over-QPS answer
}

func (b *Budget) limit(role string, qps float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = time.Now()
	if b.caps[role] == qps && qps > 0 {
		return
	}
	if qps > 0 {
		b.caps[role] = qps
	} else {
		delete(b.caps, role)
	}
	limit := rate.Inf
	for _, qps := range b.caps {
		limit = min(limit, rate.Limit(qps*paceShare))
	}
	if limit != b.limiter.Limit() {
		b.limiter.SetLimit(limit)
	}
}

// idle tells a budget that nobody waits for, and whose last slot is long gone.
func (b *Budget) idle(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queued == 0 && now.Sub(b.asked) > idleTime && !b.due(now).After(now)
}

// Wait holds the caller until its slot, first come, first served, and returns
// how long that took. It fails with *[OverQPSError], at once where that can be
// foreseen, when the slot is further away than most or than the context's
// deadline; with the context's error when the caller leaves, whose place is
// then free.
func (b *Budget) Wait(ctx context.Context, most time.Duration) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	start := time.Now()
	if end, bound := ctx.Deadline(); bound {
		most = min(most, end.Sub(start))
	}
	ahead, served := b.enter(start, most)
	switch {
	case served:
		return 0, nil
	case ahead > most:
		return 0, &OverQPSError{RetryAfter: wholeSeconds(ahead - most)}
	}
	defer b.leave()
	within, cancel := context.WithDeadline(ctx, start.Add(most))
	defer cancel()
	err := b.slot(within)
	switch {
	case err == nil:
		return time.Since(start), nil
	case ctx.Err() != nil:
		return time.Since(start), context.Cause(ctx)
	}
	return time.Since(start), &OverQPSError{RetryAfter: wholeSeconds(b.ahead() - most)}
}

// enter serves the caller at once when a slot is free and nobody waits for it.
// Else it foresees the wait, and the caller joins the queue unless that is
// more than most.
func (b *Budget) enter(now time.Time, most time.Duration) (ahead time.Duration, served bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ahead = b.foresee(now)
	switch {
	case ahead <= 0 && b.queued == 0:
		b.limiter.AllowN(now, 1)
		return 0, true
	case ahead <= most:
		b.queued++
	}
	return ahead, false
}

func (b *Budget) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queued--
}

// slot waits for the caller's turn and then for its slot, unless that is due
// after the context's deadline, which there must be.
func (b *Budget) slot(ctx context.Context) error {
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer b.turn.Release(1)
	var due time.Time
	for {
		var taken bool
		if due, taken = b.take(due); taken {
			return nil
		}
		if end, _ := ctx.Deadline(); due.After(end) {
			return context.DeadlineExceeded
		}
		if err := sleep(ctx, time.Until(due)); err != nil {
			return err
		}
	}
}

// take takes the slot if it is due; else it tells when it will be. awaited is
// when the caller, who slept, was told it would be. Slots are counted from
// when they are taken, so that no stall of this machine pushes calls together;
// but a timer that fires a little late does not lower the rate.
func (b *Budget) take(awaited time.Time) (due time.Time, taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if due = b.due(now); due.After(now) {
		return due, false
	}
	if now.Sub(awaited) > timerSlack || !b.limiter.AllowN(awaited, 1) {
		b.limiter.AllowN(now, 1)
	}
	return now, true
}

// due is when the next slot is free: now, or when the rate and the pause
// allow. b.mu is held.
func (b *Budget) due(now time.Time) time.Time {
	due := now.Add(seconds((1 - b.limiter.TokensAt(now)) / float64(b.limiter.Limit())))
	if b.resume.After(due) {
		return b.resume
	}
	return due
}

// foresee tells how long one who came now would wait: for the next slot, and
// for those of the queue. b.mu is held.
func (b *Budget) foresee(now time.Time) time.Duration {
	return b.due(now).Sub(now) + seconds(float64(b.queued)/float64(b.limiter.Limit()))
}

// ahead is what one of the queue who has given up would wait, came it again.
func (b *Budget) ahead() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.foresee(time.Now())
}

// Pause lets no call go for d: Mashery said that the key has spent its second.
func (b *Budget) Pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(d); until.After(b.resume) {
		b.resume = until
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
