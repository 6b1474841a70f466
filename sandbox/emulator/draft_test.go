// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

func TestAnswersThatAreSpoilt(t *testing.T) {
	services := func(a *area) answer { return a.rest("GET", "/services?limit=1", "") }
	a := start(t, emulator.Options{})
	whole := services(a).body

	t.Run("another content type", func(t *testing.T) {
		a.befall("content_type,count=1", "content_type,type=text/html,count=2")
		services(a).expect(t, 200, whole).expectHeader(t, "Content-Type", "text/plain")
		services(a).expect(t, 200, whole).expectHeader(t, "Content-Type", "text/html")
	})
	t.Run("no JSON", func(t *testing.T) {
		a.befall("garbage,count=1")
		services(a).expect(t, 200, "<html><body>It works!</body></html>").
			expectHeader(t, "Content-Type", "application/json;charset=UTF-8").expectHeader(t, "Content-Encoding", "")
	})
	t.Run("no headers where some are expected", func(t *testing.T) {
		a.befall("no_header,name=x-total-count,count=1", "no_header,name=Date,count=1")
		got := services(a).expect(t, 200, whole)
		for _, name := range []string{"X-Total-Count", "Date"} {
			if values, is := got.header[name]; is {
				t.Errorf("%s: %v", name, values)
			}
		}
		services(a).expectHeader(t, "X-Total-Count", "264").expectHeader(t, "Date", "Sun, 01 Mar 2026 12:00:00 GMT")
	})
	t.Run("an error code that is a number", func(t *testing.T) {
		a.befall("numeric_error_code")
		if code := a.rest("GET", "/services/nosuch", "").expect(t, 404, "").object(t)["errorCode"]; code != 404.0 {
			t.Errorf("errorCode is %#v", code)
		}
		services(a).expect(t, 200, whole)
	})
	t.Run("a total that is a text", func(t *testing.T) {
		a.befall("text_total")
		result := a.rpc(`{"method":"object.query","params":["SELECT id FROM members ITEMS 1"],"id":1}`).expect(t, 200, "").object(t)["result"]
		if total := result.(map[string]any)["total_items"]; total != "36" {
			t.Errorf("total_items is %#v", total)
		}
		a.rpc(helloCall).expect(t, 200, `{"error":null,"id":1,"result":"Hello!"}`)
	})
}

// try makes a V3 call whose answer may not come, or not whole.
func (a *area) try(ctx context.Context, method, path, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.url+"/v3/rest"+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := a.http.Transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

func TestConnectionsThatEnd(t *testing.T) {
	for name, test := range map[string]struct {
		fault string
		bytes int // of the body; -1: no answer at all
		err   error
	}{
		"before the answer":             {"cut_before", -1, io.EOF},
		"before the answer, by a reset": {"cut_before,reset=true", -1, syscall.ECONNRESET},
		"within the body":               {"cut_body,at=10", 10, io.ErrUnexpectedEOF},
		"within the body, by a reset":   {"cut_body,at=10,reset=true", 10, syscall.ECONNRESET},
		"right after the header":        {"cut_body,at=0", 0, io.ErrUnexpectedEOF},
		"never, but the body pauses":    {"stall_body,at=4,by=1ms", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, emulator.Options{})
			whole := a.rest("GET", "/services?limit=3", "").body
			a.befall(test.fault)
			got, err := a.try(t.Context(), "GET", "/services?limit=3", "")
			if !errors.Is(err, test.err) {
				t.Errorf("the error is %v, want %v", err, test.err)
			}
			switch {
			case test.err == nil && got.body != whole:
				t.Errorf("the body is %q", got.body)
			case test.err != nil && test.bytes >= 0 && (got.status != 200 || got.body != whole[:test.bytes]):
				t.Errorf("the answer is %d %q", got.status, got.body)
			case test.bytes < 0 && got.status != 0:
				t.Errorf("the answer is %d", got.status)
			}
		})
	}
}

func TestACallWhoseAnswerIsLostWasDone(t *testing.T) {
	a := start(t, emulator.Options{})
	a.befall("cut_before,count=1")
	if _, err := a.try(t.Context(), "POST", "/services", `{"name":"Lost and found"}`); err == nil {
		t.Fatal("there is an answer")
	}
	if found := a.rest("GET", "/services?filter=name:Lost", "").names(t); found != "Lost and found" {
		t.Errorf("found: %s", found)
	}
}

func TestABodyStallsUntilTheCallerLeavesOrTheFaultIsCleared(t *testing.T) {
	a := start(t, emulator.Options{})
	whole := a.rest("GET", "/services?limit=3", "").body
	a.befall("stall_body,at=5")
	request := func(ctx context.Context) *http.Response {
		t.Helper()
		req, _ := http.NewRequestWithContext(ctx, "GET", a.url+"/v3/rest/services?limit=3", nil)
		req.Header.Set("Authorization", "Bearer "+a.token)
		req.Header.Set("Accept-Encoding", "identity")
		resp, err := a.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		first := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != whole[:5] {
			t.Fatalf("%q, %v", first, err)
		}
		return resp
	}
	ctx, leave := context.WithCancel(t.Context())
	left := request(ctx)
	leave()
	if _, err := io.ReadAll(left.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left: %v", err)
	}
	for name, clears := range map[string]func(){
		"all are cleared": a.ClearFaults,
		"it is cleared":   func() { a.ClearFault(a.Faults()[0].ID) },
		"it had ended by itself, and all are cleared": func() {
			a.clock.move(time.Minute)
			if left := a.Faults(); len(left) != 0 {
				t.Errorf("it has not ended: %v", left)
			}
			a.ClearFaults()
		},
	} {
		t.Run(name, func(t *testing.T) {
			a.ClearFaults()
			a.befall("stall_body,at=5,for=1m")
			patient := request(t.Context())
			clears()
			if rest, err := io.ReadAll(patient.Body); err != nil || string(rest) != whole[5:] {
				t.Errorf("the rest: %q, %v", rest, err)
			}
		})
	}
}

func TestACallIsDelayedOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := emulator.New(emulator.Options{Credentials: credentials()})
		began := time.Now()
		if _, err := e.AddFault(emulator.Fault{Kind: emulator.FaultDelay, By: 1500 * time.Millisecond, Jitter: 100 * time.Millisecond, Count: 1}); err != nil {
			t.Fatal(err)
		}
		if code := serve(e, hello(credentials())).Code; code != 200 {
			t.Errorf("the answer is %d", code)
		}
		if took := time.Since(began); took < 1500*time.Millisecond || took > 1600*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		if second := e.Counts().Keys[0].Seconds[0].Unix; second != began.Unix()+1 {
			t.Errorf("it was counted %d s after it was sent", second-began.Unix())
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		e.AddFault(emulator.Fault{Kind: emulator.FaultDelay, By: time.Hour})
		serve(e, hello(credentials()).WithContext(ctx))
		if n := e.Counts(); n.V2 != 1 {
			t.Errorf("a call whose caller has left was served: %+v", n)
		}
	})
}

func TestCallsArriveAtRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := emulator.New(emulator.Options{Credentials: credentials(), QPS: -1})
		if _, err := e.AddFault(emulator.Fault{Kind: emulator.FaultJitter, By: 80 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		least, most := time.Hour, time.Duration(0)
		for range 200 {
			began := time.Now()
			serve(e, hello(credentials()))
			least, most = min(least, time.Since(began)), max(most, time.Since(began))
		}
		if least > 10*time.Millisecond || most < 70*time.Millisecond || most > 80*time.Millisecond {
			t.Errorf("they took from %s to %s", least, most)
		}
	})
}

func TestOverTLSAConnectionIsCutToo(t *testing.T) {
	e := emulator.New(emulator.Options{Credentials: credentials()})
	server, roots := startTLS(t, e)
	for _, text := range []string{"cut_before", "cut_before,reset=true", "cut_body"} {
		fault, err := emulator.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.AddFault(fault); err != nil {
			t.Fatal(err)
		}
		transport := mashery.NewTransport(mashery.TransportConfig{RootCAs: roots})
		resp, err := (&http.Client{Transport: transport}).Get(server.URL + "/v3/rest/services")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		transport.CloseIdleConnections()
		if err == nil {
			t.Errorf("%s: there is an answer", text)
		}
		e.ClearFaults()
	}
}
