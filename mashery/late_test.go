// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stalled is a Mashery to which there is no connection for a while.
type stalled struct {
	open    time.Time
	closeAt time.Time // of connections without a call; zero: they may stay

	mu   sync.Mutex
	came []time.Time
}

// dial is for http.Transport.
func (m *stalled) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	time.Sleep(time.Until(m.open))
	ours, theirs := net.Pipe()
	if time.Now().Before(m.closeAt) {
		_ = theirs.SetReadDeadline(m.closeAt)
	}
	go m.serve(theirs)
	return newSocket(ours), nil
}

func (m *stalled) serve(c net.Conn) {
	defer c.Close()
	for reader := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		m.arrived()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
	}
}

func (m *stalled) arrived() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.came = append(m.came, time.Now())
}

// whileStalled runs a test in a bubble.
func whileStalled(t *testing.T, stall time.Duration, test func(*testing.T, *stalled, *Sender)) {
	synctest.Test(t, func(t *testing.T) {
		m := &stalled{open: time.Now().Add(stall)}
		transport := NewTransport(TransportConfig{})
		transport.DialContext = m.dial
		defer transport.CloseIdleConnections()
		test(t, m, &Sender{Transport: transport, V3: address("http://127.0.0.1/v3/rest")})
	})
}

func TestCallsThatWaitedForConnectionsDoNotLeaveTogether(t *testing.T) {
	const qps, calls = 10, 60
	whileStalled(t, 3*time.Second, func(t *testing.T, m *stalled, s *Sender) {
		budget := budgetOf(qps)
		var all sync.WaitGroup
		for i := range calls {
			all.Go(func() {
				call := post("abc")
				if i%2 == 0 {
					call.Method = http.MethodGet
				}
				call.Budget = func(*Grant) *Budget { return budget }
				got, _ := send(t, s, call, from(v3Grant()))
				if got.Attempts != 1 {
					t.Errorf("%d attempts are told", got.Attempts)
				}
			})
		}
		all.Wait()
		if slices.SortFunc(m.came, time.Time.Compare); len(m.came) != calls {
			t.Fatalf("%d calls came", len(m.came))
		}
		for i := range calls - qps {
			if span := m.came[i+qps].Sub(m.came[i]); span < time.Second {
				t.Errorf("calls %d to %d came within %s", i, i+qps, span)
			}
		}
		if took, want := m.came[calls-1].Sub(m.came[0]), (calls-1)*interval(qps); took > want+time.Millisecond {
			t.Errorf("they took %s, want %s", took, want) // no slot was wasted
		}
	})
}

func TestAfterCallsThatCameLateTheSlotsOfAWayThatIsNotKnownFollow(t *testing.T) {
	const qps, calls = 10, 15
	whileStalled(t, 3*time.Second, func(t *testing.T, m *stalled, s *Sender) {
		budget := NewBudgets().Get(BudgetID{}, Settings{Role: "role", QPS: qps})
		for range sureSamples {
			budget.pace.headroom.answered(0, 5*time.Millisecond, time.Now())
		}
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				call := post("abc")
				call.Budget = func(*Grant) *Budget { return budget }
				send(t, s, call, from(v3Grant()))
			})
		}
		all.Wait()
		slices.SortFunc(m.came, time.Time.Compare)
		if span := m.came[qps].Sub(m.came[0]); span < time.Second+mostHeadroom-guardSlack {
			t.Errorf("%d calls came within %s", qps+1, span)
		}
	})
}

func TestAConnectionThatEndsWhileItsCallWaitsForAnotherSlotIsSparedTheCaller(t *testing.T) {
	const calls, most = 4, 8400 * time.Millisecond // the last leaves at 5 s, and three slots
	for _, verb := range []string{http.MethodPost, http.MethodGet} {
		whileStalled(t, 5*time.Second, func(t *testing.T, m *stalled, s *Sender) {
			m.closeAt = m.open.Add(500 * time.Millisecond)
			budget := budgetOf(1)
			var all sync.WaitGroup
			for range calls { // their slots are at 0, 1, 2 and 3 s
				all.Go(func() {
					call := post("abc")
					call.Method, call.MaxWait, call.Budget = verb, most, func(*Grant) *Budget { return budget }
					send(t, s, call, from(v3Grant()))
				})
			}
			all.Wait()
			slices.SortFunc(m.came, time.Time.Compare)
			if len(m.came) != calls {
				t.Fatalf("%s: %d calls came", verb, len(m.came))
			}
			for i := range calls - 1 {
				if span := m.came[i+1].Sub(m.came[i]); span < time.Second {
					t.Errorf("%s: call %d came %s after the one before", verb, i+1, span)
				}
			}
		})
	}
}

func TestOneWhoWaitedForAConnectionAloneLeavesAtOnce(t *testing.T) {
	whileStalled(t, 3*time.Second, func(t *testing.T, m *stalled, s *Sender) {
		budget := budgetOf(1)
		call := post("abc")
		call.Budget = func(*Grant) *Budget { return budget }
		if got, _ := send(t, s, call, from(v3Grant())); got.Waited != 0 || !m.came[0].Equal(m.open) {
			t.Errorf("it waited %s, and came %s after there was a connection", got.Waited, m.came[0].Sub(m.open))
		}
	})
}

func TestWhoGetsNoOtherSlotIsNotSent(t *testing.T) {
	left := errors.New("the caller has left")
	for name, test := range map[string]struct {
		most  time.Duration
		leave time.Duration // after the connections came; 0: never
		want  func(error) bool
	}{
		"as that would take too long": {2500 * time.Millisecond, 0, func(err error) bool { return errors.As(err, new(*OverQPSError)) }},
		"as its caller leaves":        {time.Minute, 500 * time.Millisecond, func(err error) bool { return err == left }},
	} {
		t.Run(name, func(t *testing.T) {
			whileStalled(t, 3*time.Second, func(t *testing.T, m *stalled, s *Sender) {
				budget := budgetOf(1)
				time.AfterFunc(2900*time.Millisecond, func() { budget.Pause(10 * time.Second) })
				ctx, leave := context.WithCancelCause(t.Context())
				if test.leave > 0 {
					time.AfterFunc(time.Until(m.open)+test.leave, func() { leave(left) })
				}
				var all sync.WaitGroup
				for range 3 { // their slots are at 0, 1 and 2 s
					all.Go(func() {
						call := post("abc")
						call.MaxWait, call.Budget = test.most, func(*Grant) *Budget { return budget }
						if _, err := s.Send(ctx, call, from(v3Grant())); !test.want(err) {
							t.Errorf("got %v", err)
						}
					})
				}
				all.Wait()
				time.Sleep(time.Minute)
				leave(nil)
				if len(m.came) != 0 {
					t.Errorf("%d came", len(m.came))
				}
			})
		})
	}
}
