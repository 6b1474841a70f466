// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"mashproxy/sandbox/emulator"
)

func TestRequestsAreRememberedToTheByte(t *testing.T) {
	a := start(t, emulator.Options{})
	req := a.request("post", "/v3/rest/a%2Fb;c/?filter=name:a%2Cb&fields=id,name&x=%zz", `{"any" :  "body"}`)
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header["X-Odd"] = []string{"one", "two"}
	a.do(req)
	a.rest("POST", "/services", `{"any" :  "body"}`)

	all := a.Requests()
	seen := all[len(all)-2]
	if seen.Method != "post" || seen.RequestURI != "/v3/rest/a%2Fb;c/?filter=name:a%2Cb&fields=id,name&x=%zz" {
		t.Errorf("got %s %s", seen.Method, seen.RequestURI)
	}
	got := fmt.Sprintf("%v %v %d %s", seen.Header["X-Odd"], seen.Header["Authorization"], seen.ContentLength, seen.Host)
	if want := fmt.Sprintf("[one two] [Bearer %s] 17 %s", a.token, strings.TrimPrefix(a.url, "http://")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if last := all[len(all)-1]; string(last.Body) != `{"any" :  "body"}` || last.Truncated {
		t.Errorf("body: %q", last.Body)
	}
	if text := fmt.Sprint(seen) + fmt.Sprintf("%v %s", all, seen); strings.Contains(text, a.token) {
		t.Errorf("printing a request shows its token: %s", text)
	}
}

func TestOnlyTheLastRequestsAreRemembered(t *testing.T) {
	a := start(t, emulator.Options{})
	for i := range 130 {
		a.rest("GET", fmt.Sprintf("/services?limit=1&n=%d", i), "")
	}
	all := a.Requests()
	if len(all) != 128 || all[0].RequestURI != "/v3/rest/services?limit=1&n=2" {
		t.Errorf("%d, the first is %s", len(all), all[0].RequestURI)
	}
}

func TestOnlyTheBeginningOfABodyIsRemembered(t *testing.T) {
	a := start(t, emulator.Options{})
	a.rest("POST", "/services", `{"name":"`+strings.Repeat("x", 100<<10)+`"}`).expect(t, 200, "")
	all := a.Requests()
	if last := all[len(all)-1]; len(last.Body) != 64<<10 || !last.Truncated {
		t.Errorf("%d bytes, truncated: %v", len(last.Body), last.Truncated)
	}
}

// routeRecorder serves a stream of zeros and counts what is sent to it.
type routeRecorder struct{ received int64 }

func (rr *routeRecorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rr.received, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.CopyN(w, zeros{}, 8<<20)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRoutesLieBehindTheGateway(t *testing.T) {
	var big routeRecorder
	a := start(t, emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/big": &big,
		"/v3/rest/big/teapot": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		}),
		"/elsewhere": http.NotFoundHandler(),
	}})
	a.do(a.request("GET", "/v3/rest/big", "")).expect(t, 401, "")
	if got := a.rest("POST", "/big", strings.Repeat("x", 1<<20)).expect(t, 200, ""); len(got.body) != 8<<20 || big.received != 1<<20 {
		t.Errorf("received %d, sent %d", big.received, len(got.body))
	}
	a.rest("GET", "/big/teapot", "").expect(t, http.StatusTeapot, "")
	a.do(a.request("GET", "/elsewhere", "")).expect(t, 404, "")
	a.rest("GET", "/services?limit=1", "").expect(t, 200, "")
}

func TestAnswersAreCompressedForThoseWhoTakeThem(t *testing.T) {
	a := start(t, emulator.Options{})
	plain := a.rest("GET", "/services", "") // Go's client asks for gzip and undoes it
	for range 2 {
		req := a.request("GET", "/v3/rest/services", "")
		req.Header.Set("Authorization", "Bearer "+a.token)
		req.Header.Set("Accept-Encoding", "gzip")
		packed := a.do(req).expectHeader(t, "Content-Encoding", "gzip")
		unzipper, err := gzip.NewReader(bytes.NewReader([]byte(packed.body)))
		if err != nil {
			t.Fatal(err)
		}
		if unpacked, err := io.ReadAll(unzipper); err != nil || string(unpacked) != plain.body {
			t.Errorf("%v; %d bytes, want %d", err, len(unpacked), len(plain.body))
		}
	}
	for accepted, coding := range map[string]string{
		"identity": "", "gzip;q=0": "", "br, gzip ; q=0.0": "", "gzipped": "", "br;q=1, GZIP;q=0.5": "gzip",
	} {
		req := a.request("GET", "/v3/rest/services", "")
		req.Header.Set("Authorization", "Bearer "+a.token)
		req.Header.Set("Accept-Encoding", accepted)
		if got := a.do(req).expect(t, 200, "").expectHeader(t, "Content-Encoding", coding); (got.body == plain.body) != (coding == "") {
			t.Errorf("the body for %q is another", accepted)
		}
	}
}

func TestCounts(t *testing.T) {
	a := start(t, emulator.Options{QPS: 6})
	a.rest("GET", "/services", "")
	a.rest("GET", "/services/nosuch", "")
	a.rest("post", "/services", "")
	a.rest("GET", "/nosuch", "")
	a.rpc(`{"method":"object.query","params":["SELECT * FROM keys"]}`)
	a.rpc(`{"method":"nosuch"}`)
	a.rest("GET", "/services", "") // over the limit
	a.do(a.request("GET", "/v3/rest/services", ""))
	a.do(a.request("POST", "/v2/json-rpc/712", ""))
	a.do(a.request("GET", "/", ""))

	got := a.Counts()
	if got.V2 != 2 || got.V3 != 4 || got.Password != 1 || got.Refresh != 0 {
		t.Errorf("got %+v", got)
	}
	calls := map[string]int{
		"GET services": 1, "GET services/{id}": 1, "OTHER services": 1, "GET (no such resource)": 1,
		"v2 object.query": 1, "v2 (no such method)": 1,
	}
	if !maps.Equal(got.Calls, calls) {
		t.Errorf("calls: %v", got.Calls)
	}
	refused := map[emulator.Cause]int{
		emulator.CauseOverQPS: 1, emulator.CauseToken: 1, emulator.CauseUnsigned: 1, emulator.CauseNoSuchPath: 1,
	}
	if !maps.Equal(got.Refused, refused) {
		t.Errorf("refused: %v", got.Refused)
	}
	want := emulator.Second{Unix: a.clock.now().Unix(), Counted: 6, Refused: 1}
	if key := got.Keys[0]; key.Counted != 6 || key.Refused != 1 || key.Busiest() != want || len(key.Seconds) != 1 {
		t.Errorf("key: %+v", key)
	}
	if text, err := json.Marshal(got); err != nil || bytes.Contains(text, []byte(credentials().APIKey.Reveal())) {
		t.Errorf("counts hold the key, or %v: %s", err, text)
	}
	if idle := (emulator.KeyCounts{}).Busiest(); idle != (emulator.Second{}) {
		t.Errorf("busiest of none: %+v", idle)
	}
}
