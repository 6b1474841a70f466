// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallOverQPSWaitsAndIsSentAgainWhateverItsVerb(t *testing.T) {
	for _, verb := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		t.Run(verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mashery := script(tooMany("Retry-After: 2"), tooMany(), ok())
				call := post(`{"name":"x"}`)
				call.Method = verb
				start := time.Now()
				got, body := send(t, sender(mashery), call, from(v3Grant()))
				if got.StatusCode != http.StatusOK || body != "[]" {
					t.Errorf("got %d %q", got.StatusCode, body)
				}
				if got.Waited != 3*time.Second {
					t.Errorf("waited %s, want 3s", got.Waited)
				}
				for i, after := range []time.Duration{0, 2 * time.Second, 3 * time.Second} {
					seen := mashery.seen[i]
					if seen.at.Sub(start) != after || seen.Method != verb || seen.body != `{"name":"x"}` || seen.ContentLength != 12 {
						t.Errorf("call %d was %s %q after %s", i, seen.Method, seen.body, seen.at.Sub(start))
					}
				}
			})
		})
	}
}

func TestAnOverQPSAnswerPausesEverybodyWithThatKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(tooMany("Retry-After: 5"), ok())
		s, first := sender(mashery), post("x")
		done := make(chan time.Duration)
		start := time.Now()
		go func() {
			send(t, s, first, from(v3Grant()))
			done <- time.Since(start)
		}()
		synctest.Wait()
		other := post("y")
		other.Budget = first.Budget
		got, _ := send(t, s, other, from(v3Grant()))
		if got.Waited != 5*time.Second || <-done != 5*time.Second {
			t.Errorf("the other waited %s, want 5s as the first", got.Waited)
		}
	})
}

func TestAPauseLongerThanMayBeWaitedPassesMasherysAnswerThrough(t *testing.T) {
	for name, answers := range map[string][]*http.Response{
		"at once":             {tooMany("Retry-After: 31")},
		"for ages":            {tooMany("Retry-After: 99999999999999999999")},
		"until a far day":     {tooMany("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")},
		"after some patience": {tooMany("Retry-After: 20"), tooMany("Retry-After: 11")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mashery := script(answers...)
				call := post("x") // waits 30 s at most
				got, body := send(t, sender(mashery), call, from(v3Grant()))
				if got.StatusCode != http.StatusForbidden || body != "<h1>Developer Over Qps</h1>" || got.Header.Get(HeaderErrorCode) != ErrDeveloperOverQPS {
					t.Errorf("got %d %q %v", got.StatusCode, body, got.Header)
				}
				if len(mashery.seen) != len(answers) {
					t.Errorf("sent %d times, want %d", len(mashery.seen), len(answers))
				}
				// The key is paused all the same, but no longer than a call may wait.
				if waited, err := call.Budget(nil).Wait(t.Context(), time.Hour); err != nil || waited < 11*time.Second || waited > call.MaxWait {
					t.Errorf("the next call waited %s, %v", waited, err)
				}
			})
		})
	}
}

func TestACallIsNotSentAgainForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(tooMany())
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			return mashery.RoundTrip(r)
		})
		start := time.Now()
		got, body := send(t, sender(slow), post("x"), from(v3Grant()))
		if got.StatusCode != http.StatusForbidden || body != "<h1>Developer Over Qps</h1>" {
			t.Errorf("got %d %q", got.StatusCode, body)
		}
		// 30 waits of a second, and 31 calls.
		if took := time.Since(start); took != 33100*time.Millisecond || len(mashery.seen) != 31 {
			t.Errorf("sent %d times in %s", len(mashery.seen), took)
		}
	})
}

func TestWhatAGrantTakesToComeCountsAsWaitingForTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := roundTrip(func(*http.Request) (*http.Response, error) { return tooMany(), nil })
		start := time.Now()
		got, _ := send(t, sender(over), post("x"), slowly{from(v3Grant()), 2 * time.Second})
		if took := time.Since(start); got.StatusCode != http.StatusForbidden || took > time.Minute+5*time.Second {
			t.Errorf("got %d after %s; 30s of waiting were allowed", got.StatusCode, took)
		}
	})
}

// slowly is a Source that takes its time.
type slowly struct {
	Source
	takes time.Duration
}

func (s slowly) Grant(ctx context.Context) (*Grant, error) {
	time.Sleep(s.takes)
	return s.Source.Grant(ctx)
}

func TestWithoutABudgetAnOverQPSAnswerPassesThrough(t *testing.T) {
	mashery := script(tooMany("Retry-After: 1"))
	call := post("x")
	call.Budget = nil
	got, body := send(t, sender(mashery), call, from(v3Grant()))
	if got.StatusCode != http.StatusForbidden || body == "" || len(mashery.seen) != 1 || got.Waited != 0 {
		t.Errorf("got %d %q after %d calls", got.StatusCode, body, len(mashery.seen))
	}
}

func TestACallIsPacedByItsGrantsBudgetAndSignedAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudgets().Get(BudgetID{}, "role", 0.5)
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
		time.AfterFunc(time.Second, func() { source.Dead(first) }) // it ends meanwhile
		source.left = append(source.left, second)
		call.Body = strings.NewReader("x")
		got, _ := send(t, sender(mashery), call, source)
		if auth := mashery.seen[1].Header.Get("Authorization"); auth != "Bearer the-next-token" || got.Waited < 2*time.Second {
			t.Errorf("signed with %q after %s", auth, got.Waited)
		}
	})
}

func TestACallThatWouldWaitTooLongIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mashery := script(ok())
		call := post("x")
		call.Budget(nil).Pause(31 * time.Second)
		_, err := sender(mashery).Send(t.Context(), call, from(v3Grant()))
		if full := (*OverQPSError)(nil); !errors.As(err, &full) || full.RetryAfter != time.Second {
			t.Errorf("got %v", err)
		}
		if len(mashery.seen) != 0 {
			t.Error("it was sent")
		}
	})
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

func TestABodyTooLargeToKeepIsNotSentAgain(t *testing.T) {
	for name, refusal := range map[string]*http.Response{"over QPS": tooMany(), "dead grant": dead()} {
		for kind, length := range map[string]int64{"of known length": replayLimit + 1, "of unknown length": -1} {
			t.Run(name+", "+kind, func(t *testing.T) {
				want := answer(refusal.StatusCode, "", HeaderErrorCode+": "+refusal.Header.Get(HeaderErrorCode))
				mashery := script(want)
				source := from(v3Grant())
				call := post("")
				call.Body, call.ContentLength = strings.NewReader(strings.Repeat("x", replayLimit+1)), length
				got, _ := send(t, sender(mashery), call, source)
				if got.StatusCode != http.StatusForbidden || len(mashery.seen) != 1 || len(mashery.seen[0].body) != replayLimit+1 {
					t.Errorf("got %d after %d calls", got.StatusCode, len(mashery.seen))
				}
				if wantDead := map[string]int{"over QPS": 0, "dead grant": 1}[name]; len(source.dead) != wantDead {
					t.Errorf("%d grants were called dead", len(source.dead))
				}
			})
		}
	}
}

// early is a Mashery that answers the first call after a few bytes of its body,
// while its transport goes on reading, as net/http's does.
func early(first *http.Response, bytes int, left chan<- error) roundTrip {
	later := script(ok())
	calls := 0
	return func(r *http.Request) (*http.Response, error) {
		if calls++; calls > 1 {
			return later.RoundTrip(r)
		}
		if _, err := io.CopyN(io.Discard, r.Body, int64(bytes)); err != nil {
			return nil, err
		}
		go func() {
			_, err := io.Copy(io.Discard, r.Body)
			r.Body.Close()
			left <- err
		}()
		synctest.Wait()
		return first, nil
	}
}

func TestAnUploadThatMasheryAnsweredEarlyIsSentAgainWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, body := io.Pipe()
		left := make(chan error, 1)
		mashery := early(tooMany(), 3, left)
		call := post("")
		call.Body, call.ContentLength = caller, -1
		var seen string
		watch := roundTrip(func(r *http.Request) (*http.Response, error) {
			if len(left) == 1 { // the second time
				all, err := io.ReadAll(r.Body)
				seen = string(all)
				return ok(), err
			}
			return mashery.RoundTrip(r)
		})
		go func() {
			for range 5 {
				time.Sleep(settleTime / 4)
				_, _ = body.Write([]byte("abc"))
			}
			body.Close()
		}()
		got, _ := send(t, sender(watch), call, from(v3Grant()))
		if got.StatusCode != http.StatusOK || seen != "abcabcabcabcabc" {
			t.Errorf("got %d, Mashery saw %q", got.StatusCode, seen)
		}
		if err := <-left; !errors.Is(err, errAttemptOver) {
			t.Errorf("the first upload ended with %v", err)
		}
	})
}

func TestAnUploadThatMasheryAnsweredEarlyAndThatStallsGetsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, body := io.Pipe()
		left := make(chan error, 1)
		call := post("")
		call.Body, call.ContentLength = caller, -1
		go func() { _, _ = body.Write([]byte("abc")) }()
		start := time.Now()
		got, text := send(t, sender(early(tooMany(), 3, left)), call, from(v3Grant()))
		if got.StatusCode != http.StatusForbidden || text != "<h1>Developer Over Qps</h1>" || time.Since(start) != settleTime {
			t.Errorf("got %d %q after %s", got.StatusCode, text, time.Since(start))
		}
		body.Close()
		<-left
	})
}

func TestAnEarlyAnswerToARealUploadPassesOrIsSparedTheCaller(t *testing.T) {
	calls := 0
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			w.Header().Set(HeaderErrorCode, ErrDeveloperInactive)
			w.WriteHeader(http.StatusForbidden) // not a byte of the body was read
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		if n != replayLimit || err != nil {
			t.Errorf("the second time %d bytes arrived, %v", n, err)
		}
	}, func(t *testing.T, s *Sender) {
		calls = 0
		call := post(string(noise(replayLimit)))
		got, _ := send(t, s, call, from(v3Grant(), v3Grant()))
		if got.StatusCode != http.StatusOK || calls != 2 {
			t.Errorf("got %d after %d calls", got.StatusCode, calls)
		}
	})
}

func TestTheTransportMayBeginAnewByItself(t *testing.T) {
	var seen string
	closedIdle := roundTrip(func(r *http.Request) (*http.Response, error) {
		_, _ = io.ReadFull(r.Body, make([]byte, 4))
		r.Body.Close()
		again, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		all, err := io.ReadAll(again)
		seen = string(all)
		return ok(), err
	})
	send(t, sender(closedIdle), post("abcdefgh"), from(v3Grant()))
	if seen != "abcdefgh" {
		t.Errorf("sent %q", seen)
	}
	call := post(string(noise(replayLimit + 1)))
	call.Budget = nil
	if _, err := sender(closedIdle).Send(t.Context(), call, from(v3Grant())); err == nil {
		t.Error("a body that is not kept was begun anew")
	}
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

func TestASendThatFailedReadsNoMoreOfTheBody(t *testing.T) {
	var body io.Reader
	gone := roundTrip(func(r *http.Request) (*http.Response, error) {
		body = r.Body
		return nil, errors.New("gone")
	})
	source := strings.NewReader("abc")
	call := post("abc")
	call.Body = source
	if _, err := sender(gone).Send(t.Context(), call, from(v3Grant())); err == nil {
		t.Fatal("it did not fail")
	}
	if n, err := body.Read(make([]byte, 3)); n != 0 || !errors.Is(err, errAttemptOver) || source.Len() != 3 {
		t.Errorf("the transport read %d bytes, %v", n, err)
	}
}
