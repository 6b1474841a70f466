// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// wantSigned reads a V2 grant and says by whose clock it has to be signed.
func (e *engine) wantSigned(when string, wrong time.Duration) {
	e.Helper()
	want := mashery.SignV2(mashery.NewSecret(plantedKey), mashery.NewSecret(plantedSecret), e.clock.now().Add(wrong)).Reveal()
	wantEqual(e.T, when+", sig", e.read("roles/demo/grant", map[string]any{"api": 2})["sig"], any(want))
}

// tells sets by how much the clock is wrong that Mashery shows.
func (e *engine) tells(wrong time.Duration) {
	e.onTime(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", e.mashery.date(wrong))
		w.WriteHeader(http.StatusForbidden) // whatever the answer is, it has a date
	})
}

func (e *engine) onTime(answer http.HandlerFunc) {
	e.mashery.mu.Lock()
	defer e.mashery.mu.Unlock()
	e.mashery.answerTime = answer
}

func (e *engine) wantAsked(when string, times int) {
	e.Helper()
	e.mashery.mu.Lock()
	defer e.mashery.mu.Unlock()
	wantEqual(e.T, when+", times the clock was asked for", e.mashery.asked, times)
}

func TestTheFirstSignatureIsByMasherysClock(t *testing.T) {
	for _, wrong := range []time.Duration{0, time.Hour, -3 * time.Hour} {
		e := newDemo(t)
		e.tells(wrong)
		e.wantSigned(wrong.String(), wrong)
	}
}

func TestMasherysClockIsMeasuredForEachGrant(t *testing.T) {
	e := newDemo(t)
	for asked, wrong := range []time.Duration{time.Hour, -time.Hour, 0} {
		e.tells(wrong)
		e.wantSigned(wrong.String(), wrong)
		e.wantAsked(wrong.String(), asked+1)
		e.clock.move(time.Millisecond)
	}
}

func TestAProxiedCallBelievesTheClockForAMinute(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil }, nil)
	e.tells(time.Hour)
	for _, c := range []struct {
		moved time.Duration
		asked int
	}{{0, 1}, {time.Minute, 1}, {time.Millisecond, 2}} {
		e.clock.move(c.moved)
		e.must(logical.UpdateOperation, "roles/demo/proxy/v2", map[string]any{"method": "test.echo"})
		e.wantAsked("after "+c.moved.String(), c.asked)
	}
}

func TestEveryAnswerTellsTheTime(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", e.mashery.date(time.Hour)) }, nil)
	for range 3 {
		e.must(logical.ReadOperation, "roles/demo/proxy/v3/services", nil)
		e.wantSigned("after a call", time.Hour)
		e.clock.move(2 * time.Minute)
	}
	e.wantAsked("at the end", 0)
}

func TestASignatureDoesNotNeedMasherysClock(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"an answer without a date": func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil },
		"a date that is none":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "today") },
		"no answer":                func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.onTime(answer)
			e.wantSigned("never told", 0)
			e.wantSigned("at once again", 0)
			e.wantAsked("in the first minute", 1)

			e.clock.move(2 * time.Minute)
			e.tells(time.Hour)
			e.wantSigned("told", time.Hour)
			e.clock.move(2 * time.Minute)
			e.onTime(answer)
			e.wantSigned("told before", time.Hour)
		})
	}
}

// masheryClock is a clock before a Mashery that answers as it is told. Time is a
// bubble's.
func masheryClock(answers func(*http.Request) (*http.Response, error)) *client {
	c := &clock{base: roundTripper(answers), now: time.Now}
	return &client{clock: c, sender: &mashery.Sender{Transport: c, V2: &url.URL{Scheme: "https", Host: "mashery.test"}}}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hang is a Mashery of which no answer comes.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// refuse is one to which there is no way.
func refuse(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// tellAhead is one whose clock is ahead.
func tellAhead(by time.Duration) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: http.NoBody, Header: http.Header{"Date": {time.Now().Add(by).UTC().Format(http.TimeFormat)}}}, nil
	}
}

func TestAMasheryThatDoesNotTellItsTimeIsAskedLessAndLess(t *testing.T) {
	const m = time.Minute
	for _, test := range []struct {
		name    string
		answers roundTripper
		waited  time.Duration   // by each that asks
		asked   []time.Duration // within the first hour, by who takes a grant every half minute
	}{
		{"where it does not answer, twice as long each time", hang, time.Second, []time.Duration{0, m, 3 * m, 7 * m, 15 * m, 25 * m, 35 * m, 45 * m, 55 * m}},
		{"where nobody waits for that, once a minute", refuse, 0, func() (each []time.Duration) {
			for at := range time.Duration(60) {
				each = append(each, at*m)
			}
			return each
		}()},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []time.Duration
				begin := time.Now()
				c := masheryClock(func(r *http.Request) (*http.Response, error) {
					asked = append(asked, time.Since(begin).Round(m))
					return test.answers(r)
				})
				for time.Since(begin) < time.Hour {
					start, before := time.Now(), len(asked)
					c.masheryTime(t.Context(), 0)
					wantEqual(t, "waited", time.Since(start), test.waited*time.Duration(len(asked)-before))
					time.Sleep(30*time.Second + time.Millisecond)
				}
				if !slices.Equal(asked, test.asked) {
					t.Errorf("asked %v, want %v", asked, test.asked)
				}
			})
		})
	}
}

func TestAfterASilenceMasheryIsBelievedAndAskedForEachGrantAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers, asked := roundTripper(hang), 0
		c := masheryClock(func(r *http.Request) (*http.Response, error) { asked++; return answers(r) })
		ahead := func() time.Duration { return time.Until(c.masheryTime(t.Context(), 0)).Round(time.Minute) }
		for range 4 {
			wantEqual(t, "never told, ahead", ahead(), 0)
			time.Sleep(5 * time.Minute)
		}
		answers = tellAhead(time.Hour)
		time.Sleep(longestSilence)
		for range 3 {
			before := asked
			wantEqual(t, "told, ahead", ahead(), time.Hour)
			wantEqual(t, "times asked", asked-before, 1)
			time.Sleep(time.Millisecond)
		}
		answers = hang
		for range 3 {
			wantEqual(t, "silent again, ahead", ahead(), time.Hour)
		}
		time.Sleep(offsetLife + time.Second)
		answers = tellAhead(2 * time.Hour)
		wantEqual(t, "a minute after one more silence, ahead", ahead(), 2*time.Hour)
	})
}

func TestWhatOtherAnswersTellOfTheTimeIsUsedInASilence(t *testing.T) {
	e := newDemo(t)
	e.onTime(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	e.mashery.on(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", e.mashery.date(time.Hour)) }, nil)
	e.wantSigned("never told", 0)
	e.wantAsked("at first", 1)
	e.must(logical.ReadOperation, "roles/demo/proxy/v3/services", nil)
	e.clock.move(time.Millisecond)
	e.wantSigned("after a call", time.Hour)
	e.wantAsked("after a call", 1)
}

func TestOneAsksForTheTimeAndTheOthersWaitForIt(t *testing.T) {
	e := newDemo(t)
	e.tells(time.Hour)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { e.wantSigned("in parallel", time.Hour) })
	}
	all.Wait()
	e.wantAsked("by all", 1)
}

func TestACallerWhoLeavesDoesNotMakeOthersSignByTheWrongClock(t *testing.T) {
	e := newDemo(t)
	ctx, leave := context.WithCancel(t.Context())
	e.onTime(func(_ http.ResponseWriter, r *http.Request) { leave(); <-r.Context().Done() })
	_, _ = e.HandleRequest(ctx, &logical.Request{
		Operation: logical.ReadOperation, Path: "roles/demo/grant", Storage: e.storage, Data: map[string]any{"api": 2},
	})
	e.tells(time.Hour)
	e.wantSigned("the next", time.Hour)
}
