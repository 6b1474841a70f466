// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheSmallestCapOfTheRolesCounts(t *testing.T) {
	type told struct {
		role string
		qps  float64
	}
	for _, test := range []struct {
		name string
		told []told
		want float64 // 0: unlimited
	}{
		{"none is known", []told{{"a", 0}}, 0},
		{"one", []told{{"a", 10}}, 10},
		{"two, the smaller last", []told{{"a", 10}, {"b", 2}}, 2},
		{"two, the smaller first", []told{{"a", 2}, {"b", 10}}, 2},
		{"one is not known", []told{{"a", 10}, {"b", 0}}, 10},
		{"one was raised", []told{{"a", 2}, {"b", 10}, {"a", 20}}, 10},
		{"one was lowered", []told{{"a", 20}, {"b", 10}, {"a", 2}}, 2},
		{"the smallest is known no more", []told{{"a", 2}, {"b", 10}, {"a", 0}}, 10},
		{"all are known no more", []told{{"a", 2}, {"a", 0}}, 0},
		{"a negative one is none", []told{{"a", -1}}, 0},
		{"one that is no number is none", []told{{"a", math.NaN()}}, 0},
		{"an infinite one is none", []told{{"a", math.Inf(1)}}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := NewBudgets()
				var b *Budget
				for _, one := range test.told {
					b = all.Get(BudgetID{Key: "k"}, at(one.role, one.qps))
				}
				served, _ := crowd(t, b, 11, time.Hour)
				var want time.Duration
				if test.want > 0 {
					want = 10 * interval(test.want)
				}
				if got := served[10]; !near(got, want) {
					t.Errorf("ten slots took %s, want %s", got, want)
				}
			})
		})
	}
}

func TestANewCapHoldsFromThenOn(t *testing.T) {
	for _, test := range []struct {
		name     string
		old, new float64
		change   time.Duration
		second   time.Duration // when the second slot is
	}{
		// As if it had always been: no second may have more.
		{"a lower one", 10, 1, interval(10) / 4, interval(1) - guardSlack},
		// The head sleeps until it was told to, and looks again then.
		{"a higher one", 1, 10, interval(1) / 4, interval(1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := NewBudgets()
				b := all.Get(BudgetID{}, at("role", test.old))
				time.AfterFunc(test.change, func() { all.Get(BudgetID{}, at("role", test.new)) })
				served, _ := crowd(t, b, 4, time.Hour)
				want := []time.Duration{0, test.second, test.second + interval(test.new), test.second + 2*interval(test.new)}
				if !slices.EqualFunc(served, want, near) {
					t.Errorf("served after %v, want %v", served, want)
				}
			})
		})
	}
}

func TestARoleThatIsNotHeardOfAnyMoreDoesNotHoldTheOthersDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := NewBudgets()
		limit := func() float64 { return all.Status()[0].Limit }
		all.Get(BudgetID{}, at("gone", 1))
		for range 10 {
			all.Get(BudgetID{}, at("here", 10))
			if limit() != 1 {
				t.Fatalf("the limit is %g", limit())
			}
			time.Sleep(roleTime / 10)
		}
		all.Get(BudgetID{}, at("here", 10))
		if got := all.Status()[0]; got.Limit != 10 || !slices.Equal(got.Roles, []string{"here"}) {
			t.Errorf("the limit is %g, of %q", got.Limit, got.Roles)
		}
		time.Sleep(2 * roleTime)
		all.Get(BudgetID{}, at("gone", 1))
		if limit() != 1 {
			t.Errorf("the limit is %g when it is back", limit())
		}
	})
}

func TestAnAbsurdRateIsNoReasonToHang(t *testing.T) {
	for _, qps := range []float64{math.SmallestNonzeroFloat64, 1e-300, 1e-9} {
		synctest.Test(t, func(t *testing.T) {
			b := budgetOf(qps)
			b.take()
			if _, err := b.Wait(t.Context(), "", time.Hour); !errors.As(err, new(*OverQPSError)) {
				t.Errorf("at %g q/s: %v", qps, err)
			}
		})
	}
}

func TestBudgetsAreOnePerID(t *testing.T) {
	all := NewBudgets()
	id := BudgetID{Vault: "v", Namespace: "n", Mount: "m", Key: "k"}
	first := all.Get(id, at("a", 1))
	if all.Get(id, at("b", 2)) != first {
		t.Error("one id has two budgets")
	}
	for _, other := range []BudgetID{
		{"w", "n", "m", "k"}, {"v", "o", "m", "k"}, {"v", "n", "l", "k"}, {"v", "n", "m", "j"},
	} {
		if all.Get(other, at("a", 1)) == first {
			t.Errorf("%v shares the budget of %v", other, id)
		}
	}
}

func TestTheSmallerOfARolesTwoGrantsCountsWhicheverIsToldLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budgets, id := NewBudgets(), BudgetID{Key: "k"}
		for range 5 {
			budgets.Get(id, Settings{Role: "demo", API: V2, QPS: 5})
			budgets.Get(id, Settings{Role: "demo", API: V3, QPS: 50})
			if got := budgets.Status()[0]; got.Limit != 5 || !slices.Equal(got.Roles, []string{"demo"}) {
				t.Errorf("the limit is %v, of %v", got.Limit, got.Roles)
			}
			time.Sleep(time.Minute)
		}
		budgets.Get(id, Settings{Role: "demo", API: V2, QPS: 50})
		if got := budgets.Status()[0].Limit; got != 50 {
			t.Errorf("when both say so it is %v", got)
		}
	})
}
