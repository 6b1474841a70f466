// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallIsPacedByItsGrantsBudgetAndSignedAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudgets().Get(BudgetID{}, at("role", 0.5))
		first, second := v3Grant(), v3Grant()
		second.AccessToken = NewSecret("the-next-token")
		source := from(first)
		call := post("x")
		call.Budget = func(g *Grant) *Budget {
			if g != first {
				t.Errorf("the budget was asked for by %p", g)
			}
			return budget
		}
		mashery := script(ok(), ok())
		send(t, sender(mashery), call, source)
		time.AfterFunc(time.Second, func() { source.Dead(first, false) }) // it ends meanwhile
		source.left = append(source.left, second)
		call.Body = strings.NewReader("x")
		got, _ := send(t, sender(mashery), call, source)
		if auth := mashery.seen[1].Header.Get("Authorization"); auth != "Bearer the-next-token" || got.Waited < 2*time.Second {
			t.Errorf("signed with %q after %s", auth, got.Waited)
		}
	})
}

func TestACallThatLeavesLateKeepsTheOthersOfItsSecondBack(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		synctest.Test(t, func(t *testing.T) {
			const qps = 10
			b := budgetOf(qps)
			left := make([]time.Time, 0, qps+1)
			busy := roundTrip(func(r *http.Request) (*http.Response, error) {
				if len(left) == 0 {
					time.Sleep(30 * time.Millisecond)
				}
				left = append(left, time.Now())
				httptrace.ContextClientTrace(r.Context()).WroteHeaders()
				return ok(), nil
			})
			for range qps + 1 {
				c := post("x")
				c.Method = method
				c.Budget = func(*Grant) *Budget { return b }
				send(t, sender(busy), c, from(v3Grant()))
			}
			if span := left[qps].Sub(left[0]); span < time.Second+jitter-guardSlack-time.Microsecond {
				t.Errorf("%s: %d calls left within %s", method, qps+1, span)
			}
		})
	}
}

func TestADeadGrantIsReplacedOnceAndTheCallSentAgain(t *testing.T) {
	for _, verb := range []string{"GET", "POST", "PUT", "DELETE"} {
		t.Run(verb, func(t *testing.T) {
			mashery := script(dead(), ok())
			first, second := v3Grant(), v3Grant()
			second.AccessToken = NewSecret("the-next-token")
			source := from(first, second)
			call := post("abc")
			call.Method = verb
			got, body := send(t, sender(mashery), call, source)
			if got.StatusCode != http.StatusOK || body != "[]" {
				t.Errorf("got %d %q", got.StatusCode, body)
			}
			if !slices.Equal(source.dead, []*Grant{first}) {
				t.Errorf("dead were %d grants", len(source.dead))
			}
			if len(mashery.seen) != 2 || mashery.seen[1].Header.Get("Authorization") != "Bearer the-next-token" || mashery.seen[1].body != "abc" {
				t.Errorf("sent %d times, last with %q", len(mashery.seen), mashery.seen[len(mashery.seen)-1].body)
			}
		})
	}
}

func TestASecondRefusalGoesThrough(t *testing.T) {
	mashery := script(dead(), dead())
	first, second := v3Grant(), v3Grant()
	source := from(first, second, v3Grant())
	got, body := send(t, sender(mashery), post("abc"), source)
	if got.StatusCode != http.StatusForbidden || body != "<h1>Developer Inactive</h1>" {
		t.Errorf("got %d %q", got.StatusCode, body)
	}
	if len(mashery.seen) != 2 || !slices.Equal(source.dead, []*Grant{first, second}) {
		t.Errorf("sent %d times; %d grants were called dead, each wanted once", len(mashery.seen), len(source.dead))
	}
}

func TestARefusalGoesThroughAtOnceWhenNoOtherGrantCanBeHad(t *testing.T) {
	mashery := script(dead(), ok())
	source := from(v3Grant())
	source.last = true
	got, body := send(t, sender(mashery), post("abc"), source)
	if got.StatusCode != http.StatusForbidden || body != "<h1>Developer Inactive</h1>" || len(mashery.seen) != 1 {
		t.Errorf("got %d %q after %d calls", got.StatusCode, body, len(mashery.seen))
	}
}

func TestADeadGrantAndAFullSecondAreBothSparedTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(tooMany(), dead(), tooMany(), ok())
		source := from(v2Grant(), v2Grant())
		call := post("abc")
		call.API = V2
		got, _ := send(t, sender(mashery), call, source)
		if got.StatusCode != http.StatusOK || len(mashery.seen) != 4 || len(source.dead) != 1 || got.Waited != 2*time.Second {
			t.Errorf("got %d after %d calls, %d dead grants and %s", got.StatusCode, len(mashery.seen), len(source.dead), got.Waited)
		}
	})
}

func TestAnswersThatAreNotPassedOnAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := tooMany()
		body := &watched{Reader: first.Body}
		first.Body = body
		send(t, sender(script(first, ok())), post("x"), from(v3Grant()))
		if !body.closed || !body.ended {
			t.Errorf("closed %v, read to its end %v", body.closed, body.ended)
		}
	})
}

func TestAnAnswerThatTricklesDoesNotHoldUpTheResend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trickle, _ := io.Pipe() // closing it ends the read
		first := dead()
		first.Body = trickle
		start := time.Now()
		got, _ := send(t, sender(script(first, ok())), post("x"), from(v3Grant(), v3Grant()))
		if got.StatusCode != http.StatusOK || time.Since(start) != drainTime {
			t.Errorf("got %d after %s", got.StatusCode, time.Since(start))
		}
	})
}

// watched is an answer's body that tells what became of it.
type watched struct {
	io.Reader
	ended, closed bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.ended = w.ended || err == io.EOF
	return n, err
}

func (w *watched) Close() error {
	w.closed = true
	return nil
}

func TestAnAnswerDoesNotCarryTheSignedRequest(t *testing.T) {
	got, _ := send(t, sender(script(ok())), post("x"), from(v3Grant()))
	if got.Request != nil {
		t.Error("it does")
	}
}

func TestErrorsOfTheSourceComeThrough(t *testing.T) {
	want := errors.New("no such role")
	source := from()
	source.err = want
	mashery := script(ok())
	if _, err := sender(mashery).Send(t.Context(), post("x"), source); err != want {
		t.Errorf("got %v, want it unwrapped", err)
	}
	if len(mashery.seen) != 0 {
		t.Error("it was sent")
	}
}

func TestACallerThatLeavesStopsTheCallUpstream(t *testing.T) {
	arrived, stopped, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	protocols(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
		stopped <- struct{}{}
		<-returned // or net/http might still see an answer, and prefer it
	}, func(t *testing.T, s *Sender) {
		left := errors.New("the caller has left")
		ctx, leave := context.WithCancelCause(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := s.Send(ctx, &Call{API: V3, Method: http.MethodGet}, from(v3Grant()))
			failed <- err
		}()
		within(t, arrived, "Mashery sees the call")
		leave(left)
		within(t, stopped, "Mashery sees it stop")
		if err := within(t, failed, "Send returns"); err != left {
			t.Errorf("got %v, want %v", err, left)
		}
		returned <- struct{}{}
	})
}

func TestACallerThatLeavesInTheQueueIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(ok())
		call := post("x")
		call.Budget(nil).Pause(10 * time.Second)
		left := errors.New("the caller has left")
		ctx, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { leave(left) })
		start := time.Now()
		if _, err := sender(mashery).Send(ctx, call, from(v3Grant())); err != left || time.Since(start) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		if len(mashery.seen) != 0 {
			t.Error("it was sent")
		}
	})
}

func TestARefusalThatMayBeOfTheCallIsToldApart(t *testing.T) {
	refused := func(code string) *http.Response {
		return answer(http.StatusForbidden, "", HeaderErrorCode+": "+code)
	}
	for name, test := range map[string]struct {
		grant   *Grant
		refusal *http.Response
		ofCall  bool
	}{
		"V3, unknown":        {v3Grant(), answer(http.StatusUnauthorized, "", HeaderErrorCode+": "+ErrNotAuthorized), false},
		"V3, inactive":       {v3Grant(), refused(ErrDeveloperInactive), false},
		"V2, inactive":       {v2Grant(), refused(ErrDeveloperInactive), false},
		"V2, not authorized": {v2Grant(), refused(ErrNotAuthorized), true},
	} {
		t.Run(name, func(t *testing.T) {
			source, call := from(test.grant, test.grant), post("")
			call.API = test.grant.API
			if got, _ := send(t, sender(script(test.refusal, ok())), call, source); got.StatusCode != http.StatusOK || len(source.dead) != 1 || source.ofCall != test.ofCall {
				t.Errorf("got %d; %d dead, told %v", got.StatusCode, len(source.dead), source.ofCall)
			}
		})
	}
}
