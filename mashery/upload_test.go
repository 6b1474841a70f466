// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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

func TestASlowUploadThatMasheryAnsweredEarlyIsSentAgainWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, body := io.Pipe()
		left := make(chan error, 1)
		mashery := early(tooMany(), 3, left)
		call := post("")
		call.Body, call.ContentLength = caller, -1
		var seen string
		calls := 0
		watch := roundTrip(func(r *http.Request) (*http.Response, error) {
			if calls++; calls > 1 {
				all, err := io.ReadAll(r.Body)
				seen = string(all)
				return ok(), err
			}
			return mashery.RoundTrip(r)
		})
		go func() {
			for range 5 {
				time.Sleep(3 * time.Second)
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

func TestAnUploadThatMasheryRefusedEarlyIsSentAgainWhileItPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, body := io.Pipe()
		left := make(chan error, 1)
		call := post("")
		call.Body, call.ContentLength = caller, -1
		go func() { _, _ = body.Write([]byte("abc")) }()
		refusing, calls := early(tooMany(), 3, left), 0
		answering := roundTrip(func(r *http.Request) (*http.Response, error) {
			if calls++; calls == 1 {
				return refusing(r)
			}
			_, err := io.ReadFull(r.Body, make([]byte, 3))
			return ok(), err
		})
		start := time.Now()
		got, _ := send(t, sender(answering), call, from(v3Grant()))
		if got.StatusCode != http.StatusOK || time.Since(start) != time.Second {
			t.Errorf("got %d after %s", got.StatusCode, time.Since(start))
		}
		if err := <-left; !errors.Is(err, errAttemptOver) {
			t.Errorf("the first upload ended with %v", err)
		}
		body.Close()
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

// paused is a call whose caller has sent a part of its body and sends no more
// before the test's end.
func paused(t *testing.T, verb string, length int64, part string) *Call {
	caller, body := io.Pipe()
	t.Cleanup(func() { body.Close() })
	go func() { _, _ = io.WriteString(body, part) }()
	call := post("")
	call.Method, call.Body, call.ContentLength, call.MaxWait = verb, caller, length, time.Second
	return call
}

// failure is how sending failed, while the upload pauses.
func failure(t *testing.T, ctx context.Context, s *Sender, call *Call) error {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := s.Send(ctx, call, from(v3Grant()))
		failed <- err
	}()
	return within(t, failed, "the end of a call whose upload pauses")
}

func TestWhoPausesAnUploadHearsAtOnceThatTheCallIsOver(t *testing.T) {
	part := string(noise(5000)) // which is more than the transport collects before it writes
	for name, length := range map[string]int64{"of known length": 10000, "of unknown length": -1, "too long to be sent again": 2 * replayLimit} {
		for _, verb := range []string{"POST", "PUT"} {
			t.Run(verb+", "+name, func(t *testing.T) {
				var leave context.CancelCauseFunc
				protocols(t, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = r.Body.Read(make([]byte, 1))
					if leave != nil {
						leave(context.DeadlineExceeded)
						_, _ = io.Copy(io.Discard, r.Body)
					}
					if r.ProtoMajor == 1 { // where net/http would first wait for the rest
						r.Context().Value(connKey{}).(net.Conn).Close()
					}
					panic(http.ErrAbortHandler)
				}, func(t *testing.T, s *Sender) {
					leave = nil
					err := failure(t, t.Context(), s, paused(t, verb, length, part))
					if !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), "the connection ended before the answer") {
						t.Errorf("when Mashery ended it: %v", err)
					}
					ctx, cancel := context.WithCancelCause(t.Context())
					leave = cancel
					if err := failure(t, ctx, s, paused(t, verb, length, part)); err != context.DeadlineExceeded {
						t.Errorf("when it was ended here: %v", err)
					}
				})
			})
		}
	}
}

func TestWhoPausesAnUploadHearsAtOnceOfAnAnswerThatIsNone(t *testing.T) {
	s := peer(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.ReadFull(r.Body, make([]byte, 3))
		}
		_, _ = io.WriteString(c, "welcome\r\n\r\n")
	})
	err := failure(t, t.Context(), s, paused(t, "POST", -1, "abc"))
	if !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), "is it an HTTP server") {
		t.Errorf("got %v", err)
	}
}

func TestWhatMasheryRefusesAgainAndAgainEndsInTimeWhileTheUploadPauses(t *testing.T) {
	s := rawHTTP2(t, 0, (*raw).refuse)
	err := failure(t, t.Context(), s, paused(t, "POST", 1000, "abc"))
	if !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), "refused the stream") {
		t.Errorf("got %v", err)
	}
}
