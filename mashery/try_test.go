// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// flaky is a transport that fails in turn, and then answers.
type flaky struct {
	fails []error
	sent  []time.Time
	body  []string
}

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	f.sent = append(f.sent, time.Now())
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		f.body = append(f.body, string(body))
	}
	if n := len(f.sent); n <= len(f.fails) {
		return nil, f.fails[n-1]
	}
	return ok(), nil
}

func reset() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

func TestALostConnectionIsOutlivedByVerbsThatMayBeRepeated(t *testing.T) {
	for _, test := range []struct {
		api   API
		verb  string
		again bool
	}{
		{V3, "GET", true}, {V3, "HEAD", true}, {V3, "PUT", true}, {V3, "DELETE", true},
		{V3, "POST", false}, {V2, "POST", false}, {V3, "PATCH", false},
	} {
		t.Run(test.api.String()+" "+test.verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				way := &flaky{fails: []error{reset()}}
				call, grant := post("abc"), v3Grant()
				if call.API, call.Method = test.api, test.verb; test.api == V2 {
					grant = v2Grant()
				}
				var reasons []string
				budgets := NewBudgets()
				budgets.Observer.Resent = func(reason string) { reasons = append(reasons, reason) }
				call.Budget = func(*Grant) *Budget { return budgets.Get(BudgetID{}, at("role", 1)) }
				got, err := sender(way).Send(t.Context(), call, from(grant))
				if !test.again {
					if !errors.As(err, new(*UnreachableError)) || len(way.sent) != 1 {
						t.Errorf("sent %d times, %v", len(way.sent), err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(way.sent) != 2 || got.Attempts != 2 || !slices.Equal(way.body, []string{"abc", "abc"}) || !slices.Equal(reasons, []string{ResentLost}) {
					t.Errorf("sent %d times (%d told, because of %v), with %q", len(way.sent), got.Attempts, reasons, way.body)
				}
				// The second sending had a slot of its own.
				if gap := way.sent[1].Sub(way.sent[0]); !near(gap, interval(1)) || !near(got.Waited, gap) {
					t.Errorf("it was sent again after %s, and waited %s", gap, got.Waited)
				}
			})
		})
	}
}

func TestWhichFailuresACallOutlives(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		sent int
	}{
		{"the connection is refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 3},
		{"the connection ends", io.EOF, 3},
		{"a pipe breaks", &net.OpError{Op: "write", Err: syscall.EPIPE}, 3},
		{"the transport would begin anew", errBegunAnew, 3},
		{"the name cannot be resolved", &net.DNSError{Name: "mashery.example"}, 1},
		{"the answer does not come in time", timeout{}, 1},
		{"the certificate is a stranger's", &tls.CertificateVerificationError{Err: errors.New("x")}, 1},
		{"the other side does not speak TLS", tls.RecordHeaderError{Msg: "x"}, 1},
		{"the egress proxy refuses", &net.OpError{Op: askingEgress, Err: errors.New("status 407")}, 1},
		{"the caller's body breaks off", &BodyError{io.ErrUnexpectedEOF}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				way := &flaky{fails: []error{test.err, test.err, test.err, test.err}}
				call := &Call{API: V3, Method: "GET", Path: "services", MaxWait: time.Minute, Budget: unlimited()}
				start := time.Now()
				if _, err := sender(way).Send(t.Context(), call, from(v3Grant())); !errors.Is(err, test.err) {
					t.Errorf("got %v", err)
				}
				if len(way.sent) != test.sent || time.Since(start) > 500*time.Millisecond {
					t.Errorf("sent %d times in %s, want %d times", len(way.sent), time.Since(start), test.sent)
				}
			})
		})
	}
}

func TestALostConnectionIsNotOutlivedLongerThanMayBeWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := &flaky{fails: []error{reset(), reset()}}
		call := &Call{API: V3, Method: "GET", MaxWait: 10 * time.Millisecond, Budget: unlimited()}
		if _, err := sender(way).Send(t.Context(), call, from(v3Grant())); !errors.As(err, new(*UnreachableError)) || len(way.sent) != 1 {
			t.Errorf("sent %d times, %v", len(way.sent), err)
		}
	})
}

func TestOneWhoLeavesIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := &flaky{fails: []error{reset(), reset()}}
		ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		call := &Call{API: V3, Method: "GET", MaxWait: time.Minute, Budget: unlimited()}
		if _, err := sender(way).Send(ctx, call, from(v3Grant())); !errors.Is(err, context.DeadlineExceeded) || len(way.sent) != 1 {
			t.Errorf("sent %d times, %v", len(way.sent), err)
		}
	})
}

func TestServerErrorsAreNotSentAgain(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504, 596} {
		mashery := script(answer(status, "broken", "Retry-After: 1"))
		call := &Call{API: V3, Method: "GET", MaxWait: time.Minute, Budget: unlimited()}
		if got, body := send(t, sender(mashery), call, from(v3Grant())); got.StatusCode != status || body != "broken" || len(mashery.seen) != 1 || got.Attempts != 1 {
			t.Errorf("%d: got %d %q after %d calls", status, got.StatusCode, body, len(mashery.seen))
		}
	}
}

// cutting is a server of HTTP/1 that lets the first calls of each connection
// through and cuts the connection after the next ones, whose bodies it reads.
func cutting(t *testing.T, serve int, says string) (*Sender, func() int) {
	var mu sync.Mutex
	cut := 0
	s := peer(t, func(c net.Conn) {
		reader := bufio.NewReader(c)
		for i := 0; ; i++ {
			r, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if i == serve {
				mu.Lock()
				cut++
				mu.Unlock()
				_, _ = io.WriteString(c, says)
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
		}
	})
	return s, func() int { mu.Lock(); defer mu.Unlock(); return cut }
}

func TestTheTransportSendsNothingTwiceByItself(t *testing.T) {
	for _, test := range []struct {
		name, verb, says string
		serve            int // calls before, on the same connection
		header           http.Header
		cut              int
		served           bool
	}{
		{"a read, on a new connection", "GET", "", 0, nil, 3, false},
		{"a read, on a connection used before", "GET", "", 1, nil, 1, true},
		{"a write that may be repeated", "PUT", "", 1, nil, 1, true},
		{"a write that may not, on a new connection", "POST", "", 0, nil, 1, false},
		{"a write that may not, on a connection used before", "POST", "", 1, nil, 1, false},
		{"one whose caller says that it may", "POST", "", 1, http.Header{"Idempotency-Key": {"k"}}, 1, false},
		{"one whose caller says so in other words", "POST", "", 1, http.Header{"X-Idempotency-Key": {"k"}}, 1, false},
		{"a read of which a byte was answered", "GET", "H", 1, nil, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, cut := cutting(t, test.serve, test.says)
			budget := unlimited()
			call := func() *Call {
				call := post("abc")
				call.Method, call.Header, call.Budget = test.verb, test.header, budget
				if test.verb == "GET" {
					call.Body, call.ContentLength = nil, 0
				}
				return call
			}
			for range test.serve {
				warm := call()
				warm.Method = "PUT"
				send(t, s, warm, from(v3Grant()))
			}
			got, err := s.Send(t.Context(), call(), from(v3Grant()))
			if err == nil {
				got.Body.Close()
			} else {
				tellsNothing(t, err)
			}
			if (err == nil) != test.served || cut() != test.cut {
				t.Errorf("%d connections were cut, want %d; %v", cut(), test.cut, err)
			}
			if err == nil && got.Attempts != test.cut+1 {
				t.Errorf("%d attempts are told", got.Attempts)
			}
		})
	}
}

func TestTheIdempotencyKeyReachesMashery(t *testing.T) {
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Idempotency-Key") + r.Header.Get("X-Idempotency-Key"); got != "kx" {
			t.Errorf("it came as %q", got)
		}
	}, func(t *testing.T, s *Sender) {
		call := post("abc")
		call.Header = http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"x"}}
		send(t, s, call, from(v3Grant()))
	})
}

func TestAStreamThatIsResetBeforeItsAnswerIsSentAgain(t *testing.T) {
	calls := 0
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "[]")
	}, func(t *testing.T, s *Sender) {
		calls = 0
		call := &Call{API: V3, Method: "GET", Path: "services", MaxWait: time.Minute, Budget: unlimited()}
		if got, body := send(t, s, call, from(v3Grant())); body != "[]" || got.Attempts != 2 {
			t.Errorf("got %q after %d attempts", body, got.Attempts)
		}
	})
}

func TestWhatMasheryDidNotTakeIsSentAgain(t *testing.T) {
	calls := map[string]func() *Call{
		"a read":       func() *Call { return &Call{API: V3, Method: "GET", Path: "services"} },
		"a write":      func() *Call { c := post("abc"); c.Method = "PUT"; return c },
		"a POST of V3": func() *Call { return post("abc") },
		"a call of V2": func() *Call { c := post("abc"); c.API = V2; return c },
	}
	ways := map[string]func(*raw, uint32){
		"the connection goes in good order": func(c *raw, stream uint32) { c.goAway(stream - 1) },
		"the stream is refused":             (*raw).refuse,
	}
	const qps, times = 10, mostLosses + 2
	for way, say := range ways {
		for name, call := range calls {
			t.Run(way+", "+name, func(t *testing.T) {
				var came []time.Time
				s := rawHTTP2(t, endStream, func(c *raw, stream uint32) {
					if came = append(came, time.Now()); len(came) <= times {
						say(c, stream)
					} else {
						c.answer(stream)
					}
				})
				budgets, resent := NewBudgets(), 0
				budgets.Observer.Resent = func(string) { resent++ }
				call, grant := call(), v3Grant()
				if call.API == V2 {
					grant = v2Grant()
				}
				call.MaxWait, call.Budget = time.Minute, func(*Grant) *Budget { return budgets.Get(BudgetID{}, at("role", qps)) }
				got, _ := send(t, s, call, from(grant))
				if got.Attempts != times+1 || len(came) != times+1 || resent != times {
					t.Errorf("it was sent %d times; told are %d attempts, %d of them again", len(came), got.Attempts, resent)
				}
				if took, want := came[times].Sub(came[0]), times*interval(qps); took < want-time.Second/qps/2 || got.Waited < want-time.Second/qps/2 {
					t.Errorf("after %s, of which it waited %s; each has a slot of its own, which makes %s", took, got.Waited, want)
				}
			})
		}
	}
}

func TestWhatMasheryNeverTakesEndsInTime(t *testing.T) {
	for name, budget := range map[string]func(*Grant) *Budget{"paced": unlimited(), "not paced": nil} {
		for _, verb := range []string{"GET", "POST"} {
			t.Run(verb+", "+name, func(t *testing.T) {
				s := rawHTTP2(t, endStream, (*raw).refuse)
				call := post("abc")
				call.Method, call.MaxWait, call.Budget = verb, time.Second, budget
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if _, err := s.Send(ctx, call, from(v3Grant())); !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), "refused the stream") || time.Since(start) > 3*time.Second {
					t.Errorf("got %v after %s", err, time.Since(start))
				}
			})
		}
	}
}

func TestAnAnswerThatBreaksOffIsNotAskedForAgain(t *testing.T) {
	calls := 0
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		_, _ = io.WriteString(w, "[1,")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, s *Sender) {
		calls = 0
		got, err := s.Send(t.Context(), &Call{API: V3, Method: "GET", MaxWait: time.Minute, Budget: unlimited()}, from(v3Grant()))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		if body, err := io.ReadAll(got.Body); string(body) != "[1," || err == nil || calls != 1 {
			t.Errorf("got %q, %v after %d calls", body, err, calls)
		}
	})
}

func TestASlotIsNotKeptForAGrantThatTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(ok())
		s, source, budget := sender(mashery), &late{grant: v3Grant()}, budgetOf(10)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				call := &Call{API: V3, Method: "GET", MaxWait: time.Minute, Budget: func(*Grant) *Budget { return budget }}
				if got, err := s.Send(t.Context(), call, source); err != nil || got.StatusCode != http.StatusOK {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		source.hold(2 * time.Second) // while they wait for their slots, the grant dies
		all.Wait()
		for i := range len(mashery.seen) - 10 {
			if span := mashery.seen[i+10].at.Sub(mashery.seen[i].at); span < time.Second-staleSlot {
				t.Errorf("11 calls within %s", span)
			}
		}
	})
}

// late is a source whose grant can be out for a while.
type late struct {
	mu    sync.Mutex
	until time.Time
	grant *Grant
}

func (l *late) hold(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Now().Add(d)
}

func (l *late) Grant(context.Context) (*Grant, error) {
	l.mu.Lock()
	wait := time.Until(l.until)
	l.mu.Unlock()
	time.Sleep(wait)
	return l.grant, nil
}

func (l *late) Dead(*Grant, bool) bool { return true }

func TestAResentCallKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(tooMany(), ok())
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(50 * time.Millisecond) // the others come meanwhile
			return mashery.RoundTrip(r)
		})
		s, budget := sender(slow), budgetOf(10)
		start := time.Now()
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				call := &Call{API: V3, Method: "GET", Path: "services", MaxWait: 10 * time.Second, Budget: func(*Grant) *Budget { return budget }}
				got, err := s.Send(t.Context(), call, from(v3Grant()))
				if err != nil || got.StatusCode != http.StatusOK {
					t.Errorf("call %d: %v", i, err)
				} else if want := 1100*time.Millisecond + interval(10); i == 0 && !near(time.Since(start), want) { // behind the head
					t.Errorf("the one that was refused was served after %s, want %s", time.Since(start), want)
				}
			})
			synctest.Wait()
		}
		all.Wait()
	})
}

func TestAConnectionRefusedWhileMasheryStartsIsSpared(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "[]") }))
	defer server.Close()
	s := reach(t, server)
	dials := 0
	real := s.Transport.(*http.Transport).DialContext
	s.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials == 1 {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		return real(ctx, network, address)
	}
	call := &Call{API: V3, Method: "GET", MaxWait: time.Minute, Budget: unlimited()}
	if got, body := send(t, s, call, from(v3Grant())); body != "[]" || got.Attempts != 2 {
		t.Errorf("got %q after %d attempts", body, got.Attempts)
	}
}
