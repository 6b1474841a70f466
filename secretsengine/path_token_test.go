// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func (e *engine) token() string {
	e.Helper()
	return e.read("roles/demo/token", nil)["access_token"].(string)
}

func TestReadersShareOneTokenUntilItIsAboutToEnd(t *testing.T) {
	e := newDemo(t)
	got := e.read("roles/demo/token", nil)
	wantEqual(t, "fields", fieldsOf(got), "access_token expiry expiry_epoch key_id qps token_time_remaining v2_endpoint v3_endpoint")
	e.clock.move(54 * time.Minute)
	wantEqual(t, "after 54 minutes", e.token(), "token-1")
	wantEqual(t, "time left", e.read("roles/demo/token", nil)["token_time_remaining"], any(int64(360)))
	e.clock.move(61 * time.Second)
	wantEqual(t, "with 299 s left", e.token(), "token-2")
	wantEqual(t, "how it was renewed", e.mashery.tokenRequests()[1], "grant_type=refresh_token&refresh_token=refresh-1")
	e.clock.move(2 * time.Hour)
	wantEqual(t, "after its end", e.token(), "token-3")
}

func TestAGrantIsNotTheSharedToken(t *testing.T) {
	e := newDemo(t)
	wantEqual(t, "token", e.token(), "token-1")
	wantEqual(t, "grant", e.read("roles/demo/grant", nil)["access_token"], any("token-2"))
	wantEqual(t, "token", e.token(), "token-1")
}

func TestThePasswordServesWhereTheRefreshTokenDoesNot(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.mashery.on(nil, func(w http.ResponseWriter, r *http.Request) {
		form, _ := io.ReadAll(r.Body)
		if strings.Contains(string(form), "refresh_token") {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"invalid_grant","error_description":"Expired refresh token"}`)
			return
		}
		giveToken(w, 7, 3600)
	})
	e.clock.move(2 * time.Hour)
	wantEqual(t, "token", e.token(), "token-7")
}

func TestTheOldTokenServesToItsEndWhileRenewingFails(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	e.clock.move(58 * time.Minute)
	wantEqual(t, "with two minutes left", e.token(), "token-1")
	e.clock.move(2 * time.Minute)
	e.failed("roles/demo/token", 502, "status 503")
}

func TestATokenThatLivesIsGivenOutWhileItsRenewalTakesLong(t *testing.T) {
	for path, told := range map[string]func(*engine) string{
		"roles/demo/token": (*engine).token,
		"roles/demo/proxy/v3/services": func(e *engine) string {
			e.read("roles/demo/proxy/v3/services", nil)
			call, _ := e.mashery.lastCall(e.T)
			return strings.TrimPrefix(call.Header.Get("Authorization"), "Bearer ")
		},
	} {
		t.Run(path, func(t *testing.T) {
			limits := defaultBounds()
			limits.Renewal = 20 * time.Millisecond
			e := newEngineWithin(t, limits)
			e.writeRole("demo", demoRole())
			e.token()
			asked, gate := make(chan struct{}, 1), make(chan struct{})
			e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { asked <- struct{}{}; <-gate; giveToken(w, 2, 3600) })
			e.clock.move(56 * time.Minute)
			wantEqual(t, "token while it is renewed", told(e), "token-1")
			wantEqual(t, "token while it is renewed, again", told(e), "token-1")
			<-asked
			close(gate)
			e.running.Wait()
			wantEqual(t, "token when it was renewed", told(e), "token-2")
			wantEqual(t, "fetches", len(e.mashery.tokenRequests()), 2)
		})
	}
}

func TestARenewalThatFailedIsTriedAgainAfterAWhile(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	tried := func(when string, want int) {
		t.Helper()
		wantEqual(t, "token, "+when, e.token(), "token-1")
		wantEqual(t, "requests, "+when, len(e.mashery.tokenRequests()), want) // one by refresh token, one by password
	}
	e.clock.move(56 * time.Minute)
	tried("at first", 3)
	tried("at once after", 3)
	e.clock.move(29 * time.Second)
	tried("half a minute later", 3)
	e.clock.move(time.Second)
	tried("a little later still", 5)
	e.clock.move(3*time.Minute + 10*time.Second)
	tried("with 20 seconds left", 7)
	e.clock.move(10 * time.Second)
	tried("with 10 seconds left", 9)
	e.clock.move(10 * time.Second)
	e.failed("roles/demo/token", 502, "status 503")
	e.failed("roles/demo/token", 502, "status 503")
	wantEqual(t, "requests without a token", len(e.mashery.tokenRequests()), 13)
}

func TestATokenThatIsNewIsNotMistakenForOneThatRests(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	e.clock.move(58 * time.Minute)
	e.token()
	e.must(logical.DeleteOperation, "roles/demo/token", nil)
	e.mashery.on(nil, nil)
	wantEqual(t, "token", e.token(), "token-4")
}

func TestThePasswordServesWhereTheRefreshTokenIsNotAnswered(t *testing.T) {
	limits := defaultBounds()
	limits.Refresh = 20 * time.Millisecond
	e := newEngineWithin(t, limits)
	e.writeRole("demo", demoRole())
	e.token()
	e.mashery.on(nil, func(w http.ResponseWriter, r *http.Request) {
		if form, _ := io.ReadAll(r.Body); strings.Contains(string(form), "refresh_token") {
			<-r.Context().Done()
			return
		}
		giveToken(w, 7, 3600)
	})
	e.clock.move(2 * time.Hour)
	wantEqual(t, "token", e.token(), "token-7")
}

func TestATokenThatNoHeaderCarriesIsNeitherGivenOutNorKept(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(nil, says(200, `{"access_token":"abc\r\nX-Evil: 1","expires_in":3600}`))
	for _, path := range takers() {
		e.failed(path, 502, `role "demo": Mashery's token endpoint answered 200 without a usable access token; check v3_token_endpoint, the role is not the matter`)
	}
	e.mashery.on(nil, nil)
	wantEqual(t, "token", e.token(), "token-4")
}

func TestAShortLivedTokenIsKeptForHalfItsLife(t *testing.T) {
	e := newDemo(t)
	n := 0
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { n++; giveToken(w, n, 60) })
	e.token()
	e.clock.move(30 * time.Second)
	wantEqual(t, "at half its life", e.token(), "token-1")
	e.clock.move(time.Second)
	wantEqual(t, "after it", e.token(), "token-2")
}

func TestForgettingTheTokenGetsTheNextReaderANewOne(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.must(logical.DeleteOperation, "roles/demo/token", nil)
	wantEqual(t, "token", e.token(), "token-2")
	wantEqual(t, "how it was bought", strings.HasPrefix(e.mashery.tokenRequests()[1], "grant_type=password"), true)
}

func TestATokenOfOtherCredentialsIsNotGivenOn(t *testing.T) {
	e := newDemo(t)
	e.token()
	e.writeRole("demo", map[string]any{"password": "changed"})
	wantEqual(t, "token", e.token(), "token-2")
	if form := e.mashery.tokenRequests()[1]; !strings.Contains(form, "password=changed") {
		t.Errorf("bought with %s", form)
	}
}

func TestFiveHundredReadersOfAColdRoleCostOneFetch(t *testing.T) {
	e := newDemo(t)
	const readers = 500
	gate := make(chan struct{})
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { <-gate; giveToken(w, 1, 3600) })
	var started, done sync.WaitGroup
	tokens := make([]any, readers)
	started.Add(readers)
	for i := range readers {
		done.Go(func() {
			started.Done()
			resp, err := e.ask(logical.ReadOperation, "roles/demo/token", nil)
			if err == nil && !resp.IsError() {
				tokens[i] = resp.Data["access_token"]
			}
		})
	}
	started.Wait()
	close(gate)
	done.Wait()
	for i, token := range tokens {
		if token != "token-1" {
			t.Fatalf("reader %d got %v", i, token)
		}
	}
	wantEqual(t, "fetches", len(e.mashery.tokenRequests()), 1)
}

func TestAReaderThatLeavesDoesNotStopTheFetch(t *testing.T) {
	e := newDemo(t)
	asked, gate := make(chan struct{}), make(chan struct{})
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { close(asked); <-gate; giveToken(w, 1, 3600) })
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := e.HandleRequest(ctx, &logical.Request{Operation: logical.ReadOperation, Path: "roles/demo/token", Storage: e.storage})
		left <- err
	}()
	<-asked
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the reader that left got %v", err)
	}
	close(gate)
	wantEqual(t, "token", e.token(), "token-1")
	wantEqual(t, "fetches", len(e.mashery.tokenRequests()), 1)
}

func TestAFetchDoesNotHang(t *testing.T) {
	limits := defaultBounds()
	limits.Fetch = 20 * time.Millisecond
	e := newEngineWithin(t, limits)
	e.writeRole("demo", demoRole())
	gate := make(chan struct{})
	defer close(gate)
	e.mashery.on(nil, func(http.ResponseWriter, *http.Request) { <-gate })
	for _, path := range takers() {
		e.failed(path, 504, `role "demo": Mashery's token endpoint did not answer in time; try again later`)
	}
}

func TestUnmountingEndsAFetch(t *testing.T) {
	e := newDemo(t)
	asked, gate := make(chan struct{}), make(chan struct{})
	defer close(gate)
	e.mashery.on(nil, func(http.ResponseWriter, *http.Request) { close(asked); <-gate })
	failed := make(chan error)
	go func() {
		_, err := e.ask(logical.ReadOperation, "roles/demo/token", nil)
		failed <- err
	}()
	<-asked
	e.backend.Cleanup(t.Context())
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestATokenBoughtForARoleDeletedMeanwhileIsNotKept(t *testing.T) {
	e := newDemo(t)
	asked, gate := make(chan struct{}), make(chan struct{})
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { close(asked); <-gate; giveToken(w, 1, 3600) })
	done := make(chan error)
	go func() {
		_, err := e.ask(logical.ReadOperation, "roles/demo/token", nil)
		done <- err
	}()
	<-asked
	e.must(logical.DeleteOperation, "roles/demo", nil)
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if left, _ := e.storage.List(t.Context(), tokenPrefix); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOnlyTheTokenThatIsMeantIsForgotten(t *testing.T) {
	e := newDemo(t)
	dead := e.token()
	sum := func(token string) map[string]any {
		return map[string]any{"sha256": fmt.Sprintf("%X", sha256.Sum256([]byte(token)))}
	}
	e.must(logical.DeleteOperation, "roles/demo/token", sum(dead))
	wantEqual(t, "the first reader gets", e.token(), "token-2")
	e.must(logical.DeleteOperation, "roles/demo/token", sum(dead)) // a second that found the first one dead
	wantEqual(t, "the second gets", e.token(), "token-2")
	e.must(logical.DeleteOperation, "roles/demo/token", nil)
	e.must(logical.DeleteOperation, "roles/demo/token", sum(dead)) // there is none
	wantEqual(t, "without a sum", e.token(), "token-3")
}
