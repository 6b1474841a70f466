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
		budget = &Budget{limiter: rate.NewLimiter(rate.Inf, 1), turn: semaphore.NewWeighted(1), caps: make(map[string]float64)}
		b.all[id] = budget
	}
	b.mu.Unlock()
	budget.limit(role, qps)
	return budget
}

// Budget is what one API key may spend: a rate, spent evenly, and the queue
// of those who wait for their slot.
type Budget struct {
	limiter *rate.Limiter
	// turn is held by the head of the queue, the only one that asks the
	// limiter: so a caller that leaves gives its place back.
	turn *semaphore.Weighted

	mu     sync.Mutex
	caps   map[string]float64 // by role; the smallest counts
	queued int                // callers that have no slot yet
	resume time.Time          // no slot before; set by an over-QPS answer
}

func (b *Budget) limit(role string, qps float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
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

// Wait holds the caller until its slot, first come, first served, and returns
// how long that took. It fails with *[OverQPSError], at once where that can be
// foreseen, when the slot is further away than most; with the context's error
// when the caller leaves, whose place is then free.
func (b *Budget) Wait(ctx context.Context, most time.Duration) (time.Duration, error) {
	start := time.Now()
	ahead := b.enter()
	defer b.leave()
	if ahead > most {
		return 0, &OverQPSError{RetryAfter: wholeSeconds(ahead - most)}
	}
	within, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := b.slot(within)
	switch {
	case err == nil:
		return time.Since(start), nil
	case ctx.Err() != nil:
		return time.Since(start), context.Cause(ctx)
	}
	return time.Since(start), &OverQPSError{RetryAfter: wholeSeconds(b.foresee())}
}

func (b *Budget) slot(ctx context.Context) error {
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer b.turn.Release(1)
	for {
		b.mu.Lock()
		rest := time.Until(b.resume)
		b.mu.Unlock()
		if rest <= 0 {
			return b.limiter.Wait(ctx)
		}
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// Pause lets no call go for d: Mashery said that the key has spent its second.
func (b *Budget) Pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(d); until.After(b.resume) {
		b.resume = until
	}
}

// enter joins the queue and foresees the wait.
func (b *Budget) enter() time.Duration {
	ahead := b.foresee()
	b.mu.Lock()
	b.queued++
	b.mu.Unlock()
	return ahead
}

func (b *Budget) leave() {
	b.mu.Lock()
	b.queued--
	b.mu.Unlock()
}

// foresee tells how long one who came now would wait: for the pause to end,
// for those in the queue, and for the next slot.
func (b *Budget) foresee() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	ahead := max(0, time.Until(b.resume))
	limit := b.limiter.Limit()
	if limit == rate.Inf {
		return ahead
	}
	// The head of the queue has its token reserved, which the limiter counts
	// (tokens are then negative); the others behind it are counted here.
	missing := max(0, 1-b.limiter.Tokens()) + float64(max(0, b.queued-1))
	return ahead + time.Duration(missing/float64(limit)*float64(time.Second))
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
