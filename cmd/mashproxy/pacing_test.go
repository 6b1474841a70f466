// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox"
)

func TestFiftyCallsAtTenASecondTakeFiveSeconds(t *testing.T) {
	for _, at := range []int{1, 10, 50} {
		t.Run(fmt.Sprintf("%d at a time", at), func(t *testing.T) {
			w := open(t, setup{sandbox: sandbox.Options{QPS: 10}})
			began := time.Now()
			if wrong := w.tcp.parallel(50, at, "GET", v3+"services?limit=1", ""); len(wrong) > 0 {
				t.Fatalf("%d calls failed: %s", len(wrong), wrong[0])
			}
			if took := time.Since(began); took < 4750*time.Millisecond || took > 5250*time.Millisecond {
				t.Errorf("it took %s", took)
			}
			key := w.Mashery().Counts().Keys[0]
			if busiest := key.Busiest(); busiest.Counted > 10 || key.Refused > 0 {
				t.Errorf("the busiest second had %d calls, %d were refused", busiest.Counted, key.Refused)
			}
		})
	}
}

func TestBothAPIsAndRolesOfOneKeyShareItsBudget(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 10}})
	c := w.Credentials()
	w.write(t, "mash-creds/roles/second", map[string]any{
		"area_id": c.AreaID, "area_nid": c.AreaNID, "api_key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(),
		"username": c.Username, "password": c.Password.Reveal(), "qps": 10,
	})
	began := time.Now()
	calls := 0
	for ; calls < 7; calls++ {
		w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		w.unix.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
		w.unix.get(t, "/v1/mash-creds/roles/second/proxy/v3/services?limit=1").expect(t, http.StatusOK, "")
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("%d calls took %s, less than a shared budget allows", 3*calls, took)
	}
	if n := w.Mashery().Counts().Keys[0].Refused; n != 0 {
		t.Errorf("%d calls were over the limit", n)
	}
}

func TestTheWaitIsTold(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 5}})
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	answer := w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if ms, err := strconv.Atoi(answer.header.Get("X-Mashproxy-Wait-Ms")); err != nil || ms < 100 || ms > 300 {
		t.Errorf("X-Mashproxy-Wait-Ms is %q, want about 200", answer.header.Get("X-Mashproxy-Wait-Ms"))
	}
}

func TestACallThatWouldWaitTooLongIsRefusedAsMasheryWould(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 1}, edits: []edit{inMashery(`max_wait = "1s"`)}})
	type result struct {
		answer answer
		took   time.Duration
	}
	results := make(chan result, 4)
	for range cap(results) {
		go func() {
			began := time.Now()
			a, err := w.tcp.try("GET", v3+"services?limit=1", nil)
			if err != nil {
				a.body = err.Error()
			}
			results <- result{a, time.Since(began)}
		}()
	}
	refused := 0
	for range cap(results) {
		r := <-results
		if r.answer.status == http.StatusOK {
			continue
		}
		refused++
		h := r.answer.expect(t, http.StatusForbidden, "over_qps").header
		if after, err := strconv.Atoi(h.Get("Retry-After")); err != nil || after < 1 || after > 4 {
			t.Errorf("Retry-After is %q", h.Get("Retry-After"))
		}
		if code := h.Get("X-Mashery-Error-Code"); code != "ERR_403_DEVELOPER_OVER_QPS" || h.Get("X-Mashproxy-Source") != "mashproxy" {
			t.Errorf("the headers are %v", h)
		}
		if r.took > 1500*time.Millisecond {
			t.Errorf("it was refused after %s", r.took)
		}
		contains(t, "the error", r.answer.errors(t), "max_wait")
	}
	if refused < 2 {
		t.Errorf("%d calls were refused, want 2 or 3", refused)
	}
}

func TestACallerThatLeavesGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 1}})
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 5)
	for range cap(left) {
		r, err := w.tcp.request("GET", v3+"services?limit=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			resp, err := w.tcp.client.Do(r.WithContext(ctx))
			if err == nil {
				resp.Body.Close()
			}
			left <- err
		}()
	}
	if err := <-left; err != nil { // one is served, so the others wait
		t.Fatal(err)
	}
	leave()
	for range cap(left) - 1 {
		<-left
	}
	began := time.Now()
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("it waited %s behind callers that had left", took)
	}
}

func TestABlocksQPSCapsTheRoles(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{inMashery("qps = 5")}})
	began := time.Now()
	if wrong := w.tcp.parallel(6, 3, "GET", v3+"services?limit=1", ""); len(wrong) > 0 {
		t.Fatalf("%d calls failed: %s", len(wrong), wrong[0])
	}
	if took := time.Since(began); took < 990*time.Millisecond {
		t.Errorf("6 calls took %s, want a second", took)
	}
}

func TestAnOverQPSAnswerIsWaitedOutAndTheCallSentAgain(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	w.Mashery().SetQPS(1) // others spend from the same key
	for range 3 {
		created := w.tcp.send(t, "POST", v3+"services", `{"name":"mine"}`).expect(t, http.StatusOK, "")
		contains(t, "the answer", created.body, "mine")
	}
	counts := w.Mashery().Counts()
	if counts.Keys[0].Refused == 0 || counts.Calls["POST services"] != 3 {
		t.Errorf("Mashery counted %+v", counts)
	}
	if strings.Contains(w.stderr.String(), "[ERROR]") {
		t.Errorf("errors are logged:\n%s", &w.stderr)
	}
}
