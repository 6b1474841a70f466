// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// model is a Mashery in virtual time, at the end of a way with jitter: it counts
// calls as they arrive, and refuses those above the QPS of a calendar second.
type model struct {
	qps     int
	there   time.Duration // calls take up to this long to arrive
	back    time.Duration // and answers up to this long to come back
	takes   func(*http.Request) time.Duration
	headers bool // show the limits in answers

	mu      sync.Mutex
	dice    *rand.Rand
	arrived []time.Time
	seconds map[int64]int
	refused []time.Time
}

func newModel(qps int, seed uint64) *model {
	return &model{qps: qps, dice: rand.New(rand.NewPCG(seed, 1)), seconds: make(map[int64]int), headers: true}
}

func (m *model) upTo(d time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Duration(m.dice.Int64N(int64(d) + 1))
}

// way is how long the way there can take by now.
func (m *model) way() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.there
}

// RoundTrip implements http.RoundTripper.
func (m *model) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(m.upTo(m.way()))
	answer := m.count()
	if m.takes != nil {
		time.Sleep(m.takes(r))
	}
	time.Sleep(m.upTo(m.back))
	return answer, nil
}

func (m *model) count() *http.Response {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.arrived = append(m.arrived, now)
	answer := ok()
	if second := now.Unix(); m.seconds[second] >= m.qps {
		m.refused = append(m.refused, now)
		answer = tooMany("Retry-After: 1")
	} else {
		m.seconds[second]++
	}
	if m.headers {
		answer.Header.Set(headerQPSAllotted, strconv.Itoa(m.qps))
		answer.Header.Set(headerQPSCurrent, strconv.Itoa(m.seconds[now.Unix()]))
	}
	return answer
}

// stranger is another user of the key, who makes calls at an even rate.
func (m *model) stranger(ctx context.Context, qps float64) {
	for ctx.Err() == nil {
		m.mu.Lock()
		if second := time.Now().Unix(); m.seconds[second] < m.qps {
			m.seconds[second]++
		}
		m.mu.Unlock()
		_ = sleep(ctx, seconds(1/qps))
	}
}

// saturate lets callers make calls one after another for so long.
func (m *model) saturate(t *testing.T, callers int, during time.Duration, budget *Budget, queue string, calls ...Call) (served int) {
	t.Helper()
	s, end := sender(m), time.Now().Add(during)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				call := Call{API: V3, Method: http.MethodGet, Path: "services"}
				if len(calls) > 0 {
					call = calls[i%len(calls)]
				}
				call.MaxWait, call.Queue = time.Hour, queue
				call.Budget = func(*Grant) *Budget { return budget }
				got, err := s.Send(t.Context(), &call, from(v3Grant()))
				if err != nil {
					t.Error(err)
					return
				}
				if got.StatusCode != http.StatusOK {
					t.Errorf("a caller saw %d", got.StatusCode)
				}
				if time.Now().Before(end) {
					mu.Lock()
					served++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return served
}

// busiest is the most calls that arrived within a second from the given time
// on, calendar or sliding.
func (m *model) busiest(from time.Time) int {
	slices.SortFunc(m.arrived, time.Time.Compare)
	most, calendar := 0, make(map[int64]int)
	for i, at := range m.arrived {
		if at.Before(from) {
			continue
		}
		calendar[at.Unix()]++
		first, _ := slices.BinarySearchFunc(m.arrived, at.Add(-time.Second+1), time.Time.Compare)
		most = max(most, calendar[at.Unix()], i-first+1)
	}
	return most
}

// between is how many calls Mashery ran in that time.
func (m *model) between(from, to time.Time) (n int) {
	for _, at := range m.arrived {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	for _, at := range m.refused {
		if !at.Before(from) && at.Before(to) {
			n--
		}
	}
	return n
}

func auto(qps float64) *Budget { return NewBudgets().Get(BudgetID{}, Settings{Role: "role", QPS: qps}) }

func TestASaturatedBudgetIsSpentAndNeverOverspent(t *testing.T) {
	slow := func(r *http.Request) time.Duration { return 5 * time.Millisecond }
	for name, test := range map[string]struct {
		there, back time.Duration
		takes       func(*http.Request) time.Duration
		least       float64       // of the budget
		learning    time.Duration // in which there may be a second above it
	}{
		"without jitter":                   {takes: slow, least: 0.98},
		"with 5 ms on the way there":       {there: 5 * time.Millisecond, takes: slow, least: 0.98},
		"with 5 ms both ways":              {there: 5 * time.Millisecond, back: 5 * time.Millisecond, takes: slow, least: 0.98},
		"with 80 ms on the way there":      {there: 80 * time.Millisecond, takes: slow, least: 0.9, learning: 10 * time.Second},
		"with 80 ms both ways":             {there: 80 * time.Millisecond, back: 80 * time.Millisecond, takes: slow, least: 0.9, learning: 10 * time.Second},
		"with 30 ms, and slow answers too": {there: 30 * time.Millisecond, takes: func(r *http.Request) time.Duration { return 300 * time.Millisecond }, least: 0.9, learning: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for _, qps := range []int{1, 2, 5, 10, 25, 50} {
				for seed := range uint64(6) {
					synctest.Test(t, func(t *testing.T) {
						m := newModel(qps, seed)
						m.there, m.back, m.takes = test.there, test.back, test.takes
						time.Sleep(time.Duration(seed) * 157 * time.Millisecond) // begin anywhere in a second
						start := time.Now()
						const during = 40 * time.Second
						m.saturate(t, 4*qps, during, auto(float64(qps)), "")
						if got := m.busiest(start.Add(test.learning)); got > qps {
							t.Errorf("at %d q/s (%d): a second had %d", qps, seed, got)
						}
						if got, want := m.between(start, start.Add(during)), test.least*float64(qps)*during.Seconds(); float64(got) < want {
							t.Errorf("at %d q/s (%d): %d calls were made, want %g; %d refused", qps, seed, got, want, len(m.refused))
						}
					})
				}
			}
		})
	}
}

func TestJitterThatBeginsWhileCallsGoIsNoticed(t *testing.T) {
	for _, qps := range []int{2, 5, 10, 50} {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(qps, 7)
			start := time.Now()
			time.AfterFunc(20*time.Second, func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.there = 80 * time.Millisecond
			})
			m.saturate(t, 4*qps, time.Minute, auto(float64(qps)), "")
			if got := m.busiest(start.Add(30 * time.Second)); got > qps {
				t.Errorf("at %d q/s: ten seconds later, a second had %d", qps, got)
			}
			if got := m.between(start.Add(20*time.Second), start.Add(time.Minute)); float64(got) < 0.9*40*float64(qps) {
				t.Errorf("at %d q/s: only %d calls were made in 40 s", qps, got)
			}
		})
	}
}

func TestJitterThatEndsIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(10, 7)
		m.there = 80 * time.Millisecond
		start := time.Now()
		time.AfterFunc(20*time.Second, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.there = 0
		})
		m.saturate(t, 20, time.Minute, auto(10), "")
		if got := m.between(start.Add(40*time.Second), start.Add(time.Minute)); got < 196 {
			t.Errorf("%d calls were made in 20 s", got)
		}
	})
}

func TestAnEndpointThatTakesItsTimeIsNotTakenForJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(10, 3)
		m.takes = func(r *http.Request) time.Duration {
			if r.Method == http.MethodPost {
				return m.upTo(time.Second)
			}
			return 5 * time.Millisecond
		}
		start := time.Now()
		const during = time.Minute
		m.saturate(t, 40, during, auto(10), "", Call{API: V3, Method: http.MethodGet, Path: "services"}, Call{API: V3, Method: http.MethodPost, Path: "packages"})
		if got := m.between(start, start.Add(during)); got < 588 {
			t.Errorf("%d calls were made in a minute", got)
		}
	})
}

func TestOthersWhoUseTheKeyAreMadeRoomForAndForgotten(t *testing.T) {
	for name, headers := range map[string]bool{"seen in headers": true, "seen in over-QPS answers only": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(10, 5)
				m.headers = headers
				m.there = 2 * time.Millisecond
				start := time.Now()
				ctx, leave := context.WithTimeout(t.Context(), 60*time.Second)
				defer leave()
				var stranger sync.WaitGroup
				stranger.Go(func() { m.stranger(ctx, 5) })
				budget := auto(10)
				m.saturate(t, 20, 90*time.Second, budget, "")
				stranger.Wait()
				ours := m.between(start.Add(10*time.Second), start.Add(60*time.Second))
				if over := len(m.refused); ours < 150 || over > 25 {
					t.Errorf("beside 5 calls a second, %d calls were made in 50 s, and %d refused", ours, over)
				}
				if after := m.between(start.Add(72*time.Second), start.Add(82*time.Second)); after < 98 {
					t.Errorf("twelve seconds after they left, %d calls were made in 10 s", after)
				}
			})
		})
	}
}
