// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"net/http"
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

// In real time, in which moments pass between the answer and the wait.
func TestAPauseAsLongAsMayBeWaitedIsWaited(t *testing.T) {
	mashery := script(tooMany("Retry-After: 1"), ok())
	call := post("x")
	call.MaxWait = time.Second
	if got, _ := send(t, sender(mashery), call, from(v3Grant())); got.StatusCode != http.StatusOK || len(mashery.seen) != 2 {
		t.Errorf("got %d, sent %d times", got.StatusCode, len(mashery.seen))
	}
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
				if waited, err := call.Budget(nil).Wait(t.Context(), "", time.Hour); err != nil || waited < 11*time.Second || waited > call.MaxWait {
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
