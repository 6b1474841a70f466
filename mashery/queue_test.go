// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// jain is Jain's index of fairness: 1 when all got the same.
func jain(got ...int) float64 {
	sum, squares := 0, 0
	for _, n := range got {
		sum += n
		squares += n * n
	}
	return float64(sum*sum) / float64(len(got)*squares)
}

func TestSaturatingListenersGetTheSameHoweverManyCallersTheyHave(t *testing.T) {
	for name, callers := range map[string][]int{
		"two listeners":               {20, 20},
		"many callers and a few":      {200, 3},
		"three, and a full queue":     {900, 900, 50},
		"one after another, and many": {2, 60},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(10, 1)
				m.there = 5 * time.Millisecond
				budget := auto(10)
				served := make([]int, len(callers))
				var all sync.WaitGroup
				for i, n := range callers {
					all.Go(func() {
						end := time.Now().Add(time.Minute)
						var each sync.WaitGroup
						var mu sync.Mutex
						for range n {
							each.Go(func() {
								for time.Now().Before(end) {
									if _, err := budget.Wait(t.Context(), string(rune('a'+i)), time.Hour); err != nil {
										time.Sleep(10 * time.Millisecond) // turned away: the queue is full
									} else if time.Now().Before(end) {
										mu.Lock()
										served[i]++
										mu.Unlock()
									}
								}
							})
						}
						each.Wait()
					})
				}
				all.Wait()
				if got := jain(served...); got < 0.95 {
					t.Errorf("served %v: Jain's index is %.3f", served, got)
				}
			})
		})
	}
}

// arrive lets callers, named by their listener and a number, join the queue in
// order, and returns the order in which they are served.
func arrive(t *testing.T, b *Budget, callers string) string {
	var order []string
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, name := range strings.Fields(callers) {
		all.Go(func() {
			if _, _, err := b.wait(t.Context(), name[:1], time.Minute, name[0] == '!'); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
		})
		synctest.Wait()
	}
	all.Wait()
	return strings.Join(order, " ")
}

func TestTheOrderOfTheQueue(t *testing.T) {
	for _, test := range []struct{ name, arrived, served string }{
		{"one listener: first come, first served", "a1 a2 a3 a4", "a1 a2 a3 a4"},
		{"two take turns", "a1 a2 a3 a4 b1 b2", "a1 a2 b1 a3 b2 a4"},
		{"three take turns", "a1 a2 a3 b1 b2 c1", "a1 a2 b1 c1 a3 b2"},
		{"one whose line was empty has the next turn but one", "a1 b1 a2 a3 b2", "a1 b1 a2 b2 a3"},
		{"a call that is sent again goes before all", "a1 a2 b1 !1 a3 !2", "a1 !1 !2 a2 b1 a3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := budgetOf(10)
				b.take()
				if got := arrive(t, b, test.arrived); got != test.served {
					t.Errorf("%s was served as %s, want %s", test.arrived, got, test.served)
				}
			})
		})
	}
}

func TestTheWaitOfOneWithAShortLineIsForeseenAsItWillBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(10)
		b.take()
		var all sync.WaitGroup
		defer all.Wait()
		for range 50 {
			all.Go(func() { _, _ = b.Wait(t.Context(), "busy", time.Minute) })
		}
		synctest.Wait()
		for i := range 3 { // behind the head, and then in turn
			all.Go(func() {
				want := time.Duration(3+2*i) * interval(10)
				if waited, err := b.Wait(t.Context(), "quiet", want); err != nil || !near(waited, want) {
					t.Errorf("call %d of the quiet listener waited %s, %v; want %s", i, waited, err, want)
				}
			})
			synctest.Wait()
		}
		if _, err := b.Wait(t.Context(), "busy", 5*time.Second); !errors.As(err, new(*OverQPSError)) {
			t.Errorf("one more of the busy listener got %v", err)
		}
	})
}

func bounded(qps float64, most int) *Budget {
	settings := at("role", qps)
	settings.MaxQueue = most
	return NewBudgets().Get(BudgetID{}, settings)
}

// roomy is a budget with a fixed headroom.
func roomy(qps float64, headroom time.Duration) *Budget {
	return NewBudgets().Get(BudgetID{}, Settings{Role: "role", QPS: qps, Headroom: headroom, HeadroomFixed: true})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bounded(10, 5)
		b.take()
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { _, _ = b.Wait(ctx, "a", time.Minute) })
		}
		synctest.Wait()
		waited, err := b.Wait(t.Context(), "a", time.Minute)
		if full := (*OverQPSError)(nil); !errors.As(err, &full) || waited != 0 || !full.Full || full.RetryAfter != time.Second || !strings.Contains(err.Error(), "max_queue") {
			t.Errorf("the sixth waited %s and got %v", waited, err)
		}
		leave()
		all.Wait()
		if _, err := b.Wait(t.Context(), "a", time.Minute); err != nil {
			t.Errorf("after they left, one got %v", err)
		}
	})
}

func TestAFullQueueMakesRoomForAShorterLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bounded(10, 5)
		b.take()
		type outcome struct {
			name string
			err  error
		}
		done := make(chan outcome, 10)
		for _, name := range []string{"a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3"} {
			go func() {
				_, err := b.Wait(t.Context(), name[:1], time.Minute)
				done <- outcome{name, err}
			}()
			synctest.Wait()
		}
		var served, refused []string
		for range 8 {
			got := <-done
			if got.err == nil {
				served = append(served, got.name)
				continue
			}
			refused = append(refused, got.name)
			if full := (*OverQPSError)(nil); !errors.As(got.err, &full) || !full.Full {
				t.Errorf("%s got %v", got.name, got.err)
			}
		}
		// a1 is the head; b1 takes the place of a5, and b2 would only have made its line the longer one.
		if want := []string{"a1", "a2", "b1", "a3", "b2"}; !slices.Equal(served, want) {
			t.Errorf("served %v, want %v", served, want)
		}
		if want := []string{"a5", "a4", "b3"}; !slices.Equal(refused, want) {
			t.Errorf("refused %v, want %v", refused, want)
		}
	})
}

func TestNoListenerIsShutOutOfAShortQueue(t *testing.T) {
	for most := 1; most <= 4; most++ {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const each = 30 * time.Millisecond // they come again after a refusal
				b := bounded(20, most)
				ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
				defer stop()
				var many, one atomic.Int64
				var all sync.WaitGroup
				come := func(name string, served *atomic.Int64) {
					for ctx.Err() == nil {
						if _, err := b.Wait(ctx, name, time.Minute); err == nil {
							served.Add(1)
						} else {
							_ = sleep(ctx, each)
						}
					}
				}
				for range 30 {
					all.Go(func() { come("a", &many) })
				}
				all.Go(func() { come("b", &one) })
				all.Wait()
				if share := float64(one.Load()) / float64(one.Load()+many.Load()); share < 0.3 {
					t.Errorf("the one caller of a listener got %d, thirty of another %d", one.Load(), many.Load())
				}
			})
		})
	}
}

func TestACallThatIsSentAgainFindsRoomInAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bounded(10, 1)
		b.take()
		if got := arrive(t, b, "a1 !1"); got != "a1 !1" {
			t.Errorf("served %s", got)
		}
	})
}

func TestAWaitIsExceededByTheHeadroomOfOneSlotAtMost(t *testing.T) {
	for _, test := range []struct {
		name   string
		budget func() *Budget
		most   time.Duration
		slots  int // that are within the wait
	}{
		{"1s at 1 call a second", func() *Budget { return budgetOf(1) }, time.Second, 1},
		{"30s at 1 call a second", func() *Budget { return budgetOf(1) }, 30 * time.Second, 29},
		{"3s at 1 call a second, of a way nothing is known of", func() *Budget { return auto(1) }, 3 * time.Second, 2},
		{"2s at 1 call a second, 1s of headroom", func() *Budget { return roomy(1, time.Second) }, 2 * time.Second, 1},
		{"2s at 1 call a second, 2s of headroom", func() *Budget { return roomy(1, 2*time.Second) }, 2 * time.Second, 0},
		{"1s at 1 call in 1000 s", func() *Budget { return roomy(0.001, time.Second) }, time.Second, 0},
		{"10s at 0.1 calls a second", func() *Budget { return budgetOf(0.1) }, 10 * time.Second, 1},
		{"2s at 10 calls a second", func() *Budget { return budgetOf(10) }, 2 * time.Second, 19},
		{"1s at 1 call a second, of a way nothing is known of", func() *Budget { return auto(1) }, time.Second, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				served, failed := crowd(t, test.budget(), test.slots+2, test.most)
				if len(served) != test.slots+1 || len(failed) != 1 {
					t.Errorf("%d were served and %d refused, want %d and one", len(served), len(failed), test.slots+1)
				}
				if longest := slices.Max(served); longest > test.most+mostHeadroom {
					t.Errorf("one waited %s", longest)
				}
			})
		})
	}
}
