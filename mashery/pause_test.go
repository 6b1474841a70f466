// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPauseHoldsEverybody(t *testing.T) {
	for _, test := range []struct {
		name   string
		qps    float64
		pauses func(b *Budget)
		want   []time.Duration
	}{
		{"without a rate", 0, func(b *Budget) {
			b.Pause(2 * time.Second)
		}, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}},
		{"and the rate holds after it", 2, func(b *Budget) {
			b.Pause(2 * time.Second)
		}, []time.Duration{2 * time.Second, 2*time.Second + interval(2), 2*time.Second + 2*interval(2)}},
		{"a shorter one later does not end it", 2, func(b *Budget) {
			b.Pause(2 * time.Second)
			b.Pause(time.Second)
		}, []time.Duration{2 * time.Second, 2*time.Second + interval(2), 2*time.Second + 2*interval(2)}},
		{"that comes while the head waits for its slot", 2, func(b *Budget) {
			time.AfterFunc(400*time.Millisecond, func() { b.Pause(3 * time.Second) })
		}, []time.Duration{0, 3400 * time.Millisecond, 3400*time.Millisecond + interval(2)}},
		{"that grows while they wait", 2, func(b *Budget) {
			b.Pause(time.Second)
			time.AfterFunc(900*time.Millisecond, func() { b.Pause(time.Second) })
		}, []time.Duration{1900 * time.Millisecond, 1900*time.Millisecond + interval(2), 1900*time.Millisecond + 2*interval(2)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := budgetOf(test.qps)
				test.pauses(b)
				served, failed := crowd(t, b, 3, time.Minute)
				if len(failed) > 0 || !slices.EqualFunc(served, test.want, near) {
					t.Errorf("served after %v, want %v; %v", served, test.want, failed)
				}
			})
		})
	}
}

func TestAPauseLongerThanTheyMayWaitSendsTheQueueAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(1)
		b.take()
		time.AfterFunc(500*time.Millisecond, func() { b.Pause(time.Minute) })
		start := time.Now()
		_, failed := crowd(t, b, 5, 10*time.Second)
		if len(failed) != 5 {
			t.Fatalf("%d of 5 were sent away", len(failed))
		}
		for _, err := range failed {
			if full := (*OverQPSError)(nil); !errors.As(err, &full) || full.RetryAfter < 50*time.Second {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("that took %s, and could be foreseen when the head's slot came", took)
		}
	})
}

func TestThePauseIsForeseenTogetherWithTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(2)
		b.take()
		b.Pause(time.Second) // the rate's slot is free before it ends
		if waited, err := b.Wait(t.Context(), "", time.Second); err != nil || waited != time.Second {
			t.Errorf("got %s, %v", waited, err)
		}
	})
}
