// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"net/http"
	"sync"
	"testing"
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
