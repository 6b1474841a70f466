// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// jitter is the headroom of budgets in tests that have no answers to learn from.
const jitter = 5 * time.Millisecond

// at says of a role that it may spend qps.
func at(role string, qps float64) Settings {
	return Settings{Role: role, QPS: qps, Headroom: jitter, HeadroomFixed: true}
}

func budgetOf(qps float64) *Budget { return NewBudgets().Get(BudgetID{}, at("role", qps)) }

// interval is the time between two slots at qps.
func interval(qps float64) time.Duration {
	return time.Duration(float64(time.Second+jitter) / qps)
}

// near tells whether two times differ by rounding only.
func near(got, want time.Duration) bool { return (got - want).Abs() < 10*time.Microsecond }

// crowd lets n callers wait, in order, and returns when each was served, since
// the beginning; the errors of those who were not are in failed.
func crowd(t *testing.T, b *Budget, n int, most time.Duration) (served []time.Duration, failed []error) {
	t.Helper()
	start := time.Now()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := b.Wait(t.Context(), "", most)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
				return
			}
			served = append(served, time.Since(start))
		})
	}
	all.Wait()
	return served, failed
}

func TestSlotsAreEven(t *testing.T) {
	for _, qps := range []float64{0.1, 0.5, 1, 2, 2.5, 10, 25, 100, 1000} {
		synctest.Test(t, func(t *testing.T) {
			const n = 50
			served, failed := crowd(t, budgetOf(qps), n, time.Hour)
			if len(failed) > 0 {
				t.Fatalf("at %g q/s: %v", qps, failed[0])
			}
			for i, at := range served {
				if want := time.Duration(i) * interval(qps); !near(at, want) {
					t.Errorf("at %g q/s: slot %d was at %s, want %s", qps, i, at, want)
				}
			}
		})
	}
}

func TestNoSecondIsEverAboveTheRate(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(seed, 0))
			qps := 1 + dice.IntN(20)
			b := budgetOf(float64(qps))
			var mu sync.Mutex
			var slots []time.Time
			var all sync.WaitGroup
			for range 200 { // in bursts, with lulls, leaving and pausing at times
				time.Sleep(time.Duration(dice.ExpFloat64() * float64(interval(float64(qps)))))
				if dice.IntN(30) == 0 {
					time.Sleep(3 * time.Second)
				}
				if dice.IntN(50) == 0 {
					b.Pause(time.Duration(dice.IntN(2000)) * time.Millisecond)
				}
				ctx, leave := context.WithCancel(t.Context())
				if dice.IntN(4) == 0 {
					time.AfterFunc(time.Duration(dice.IntN(500))*time.Millisecond, leave)
				}
				all.Go(func() {
					defer leave()
					if _, err := b.Wait(ctx, "", 20*time.Second); err == nil {
						mu.Lock()
						defer mu.Unlock()
						slots = append(slots, time.Now())
					}
				})
			}
			all.Wait()
			checkSeconds(t, slots, qps)
		})
	}
}

// checkSeconds looks for a calendar or sliding second with more than qps slots.
func checkSeconds(t *testing.T, slots []time.Time, qps int) {
	t.Helper()
	if len(slots) < 50 {
		t.Fatalf("only %d calls were served", len(slots))
	}
	slices.SortFunc(slots, time.Time.Compare)
	calendar := make(map[int64]int)
	for i, at := range slots {
		if calendar[at.Unix()]++; calendar[at.Unix()] > qps {
			t.Errorf("second %d has more than %d", at.Unix(), qps)
		}
		if i >= qps {
			if span := at.Sub(slots[i-qps]); span < time.Second {
				t.Errorf("%d calls within %s", qps+1, span)
			}
		}
	}
}

func TestAStallOfTheMachineDoesNotPushSlotsTogether(t *testing.T) {
	for _, test := range []struct {
		name string
		late time.Duration
		next time.Duration // after the slot that was taken late
	}{
		{"a timer in time", 0, interval(10)},
		{"a timer a little late does not lower the rate", 3 * time.Millisecond, interval(10) - 3*time.Millisecond},
		{"nor one as late as may be", busySlack, interval(10) - busySlack},
		{"a stall of most of an interval", 80 * time.Millisecond, interval(10) - busySlack},
		{"a stall of many intervals", 10 * time.Second, interval(10)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := budgetOf(10)
				b.take()
				due, slot := b.take()
				if slot != 0 {
					t.Fatal("a slot that is not due was taken")
				}
				time.Sleep(time.Until(due) + test.late)
				if _, slot = b.take(); slot == 0 {
					t.Fatal("a slot that is due was not taken")
				}
				next, _ := b.take()
				if got := time.Until(next); !near(got, test.next) {
					t.Errorf("the next slot is %s away, want %s", got, test.next)
				}
			})
		})
	}
}

func TestTimersThatAreLateHardlyLowerTheRateAndFillNoSecond(t *testing.T) {
	for late, share := range map[time.Duration]float64{guardSlack: 0.999, 10 * time.Millisecond: 0.99, 30 * time.Millisecond: 0.96} {
		for _, qps := range []int{1, 2, 10, 50, 300} {
			synctest.Test(t, func(t *testing.T) {
				dice, b := rand.New(rand.NewPCG(uint64(qps), 0)), budgetOf(float64(qps))
				var slots []time.Time
				start := time.Now()
				for len(slots) < 30*qps {
					due, slot := b.take()
					if slot != 0 {
						slots = append(slots, due)
						continue
					}
					time.Sleep(time.Until(due) + time.Duration(dice.Int64N(int64(late))))
				}
				if took, want := time.Since(start), time.Duration(len(slots))*interval(float64(qps)); took.Seconds() > want.Seconds()/share {
					t.Errorf("at %d q/s, up to %s late: %d slots took %s, want %s", qps, late, len(slots), took, want)
				}
				for i := qps; i < len(slots); i++ {
					if span := slots[i].Sub(slots[i-qps]); span < time.Second+jitter-guardSlack {
						t.Errorf("at %d q/s, up to %s late: %d slots within %s", qps, late, qps+1, span)
					}
				}
			})
		}
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(10)
		var order []int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				if _, err := b.Wait(t.Context(), "", time.Minute); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait() // it stands in the queue
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestPlacesOfThoseWhoLeaveAreFreeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(10)
		b.take() // the first slot is gone
		left := errors.New("left")
		leaving, leave := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := b.Wait(leaving, "", time.Minute); err != left {
					t.Errorf("one who left got %v", err)
				}
			})
			synctest.Wait()
		}
		start := time.Now()
		all.Go(func() {
			served, failed := crowd(t, b, 10, time.Minute)
			if len(failed) > 0 || !near(served[9], 10*interval(10)) {
				t.Errorf("the last was served after %v, want %s; %v", served, 10*interval(10), failed)
			}
		})
		synctest.Wait()
		leave(left)
		all.Wait()
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("all in all that took %s, as if those who left had been served", took)
		}
	})
}

func TestTheHeadOfTheQueueLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(1)
		b.take()
		for range 20 { // each becomes the head, and leaves shortly before its slot
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, leave)
			if waited, err := b.Wait(ctx, "", time.Minute); !errors.Is(err, context.Canceled) || waited != 10*time.Millisecond {
				t.Fatalf("got %s, %v", waited, err)
			}
		}
		waited, err := b.Wait(t.Context(), "", time.Minute)
		if want := interval(1) - 200*time.Millisecond; err != nil || !near(waited, want) {
			t.Errorf("waited %s, %v; want %s", waited, err, want)
		}
	})
}

func TestAWaitThatIsTooLongIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(10)
		b.take()
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() { crowd(t, b, 30, time.Minute) })
		synctest.Wait() // the next place is 31 slots away: 3.1 s
		for _, test := range []struct {
			most, retry time.Duration
		}{
			{3 * time.Second, time.Second},
			{time.Second, 3 * time.Second},
			{100 * time.Millisecond, 4 * time.Second},
			{0, 4 * time.Second},
			{-time.Second, 5 * time.Second},
		} {
			waited, err := b.Wait(t.Context(), "", test.most)
			if full := (*OverQPSError)(nil); !errors.As(err, &full) || full.RetryAfter != test.retry || waited != 0 {
				t.Errorf("one who may wait %s got %v after %s, want to hear %s", test.most, err, waited, test.retry)
			}
		}
		// Those who were refused stand in nobody's way.
		if waited, err := b.Wait(t.Context(), "", 3200*time.Millisecond); err != nil || !near(waited, 31*interval(10)) {
			t.Errorf("one who may wait 3.2s waited %s, %v", waited, err)
		}
	})
}

func TestTheCallersOwnDeadlineBoundsTheWaitToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(0.1)
		b.take()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		waited, err := b.Wait(ctx, "", time.Minute)
		if full := (*OverQPSError)(nil); !errors.As(err, &full) || full.RetryAfter != 6*time.Second || waited != 0 {
			t.Errorf("got %v after %s", err, waited)
		}
	})
}

func TestAFreeSlotNeedsNoPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(10)
		if waited, err := b.Wait(t.Context(), "", 0); err != nil || waited != 0 {
			t.Errorf("got %s, %v", waited, err)
		}
		time.Sleep(interval(10))
		if waited, err := b.Wait(t.Context(), "", 0); err != nil || waited != 0 {
			t.Errorf("the next got %s, %v", waited, err)
		}
	})
}

func TestOneWhoHasLeftTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(1)
		left := errors.New("left")
		ctx, leave := context.WithCancelCause(t.Context())
		leave(left)
		if _, err := b.Wait(ctx, "", time.Minute); err != left {
			t.Errorf("got %v", err)
		}
		if waited, err := b.Wait(t.Context(), "", 0); err != nil || waited != 0 {
			t.Errorf("the next got %s, %v", waited, err)
		}
	})
}

// In real time, for the race detector: everything at once.
func TestABudgetUnderCrowding(t *testing.T) {
	all := NewBudgets()
	var everybody sync.WaitGroup
	for i := range 64 {
		everybody.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(i), 0))
			for range 50 {
				b := all.Get(BudgetID{}, at(string(rune('a'+i%4)), float64(20_000+dice.IntN(1000))))
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(dice.IntN(3000))*time.Microsecond)
				if dice.IntN(100) == 0 {
					b.Pause(100 * time.Microsecond)
				}
				_, err := b.Wait(ctx, "", time.Duration(dice.IntN(3000))*time.Microsecond)
				if err != nil && !errors.As(err, new(*OverQPSError)) && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				leave()
			}
		})
	}
	everybody.Wait()
	b := all.Get(BudgetID{}, at("a", 1e6))
	if b.queue.waiting != 0 {
		t.Errorf("%d callers are said to wait", b.queue.waiting)
	}
	if _, err := b.Wait(t.Context(), "", patience); err != nil {
		t.Errorf("it is stuck: %v", err)
	}
}

func TestAnUncontendedWaitAllocatesNothing(t *testing.T) {
	b := budgetOf(0)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = b.Wait(ctx, "", time.Minute) }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestBudgetsOfManyRolesAreForgottenWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budgets := NewBudgets()
		named := func(i int) BudgetID { return BudgetID{Key: strconv.Itoa(i)} }
		for i := range manyBudgets {
			budgets.Get(named(i), at("demo", 10))
		}
		time.Sleep(idleTime + time.Second) // of the bubble's clock
		kept := budgets.Get(named(0), at("demo", 10))
		budgets.Get(named(manyBudgets), at("demo", 10))
		if got := len(budgets.all); got != 2 {
			t.Errorf("%d budgets are kept, want the two just asked for", got)
		}
		if budgets.Get(named(0), at("demo", 10)) != kept {
			t.Error("a budget in use was forgotten")
		}
	})
}
