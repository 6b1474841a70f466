// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

// last is the last request that Mashery was asked.
func (w *world) last(t *testing.T) emulator.Request {
	t.Helper()
	all := w.Mashery().Requests()
	if len(all) == 0 {
		t.Fatal("Mashery was not asked")
	}
	return all[len(all)-1]
}

// masheryCalls is how many calls have passed Mashery's gateway.
func (w *world) masheryCalls() int {
	counts := w.Mashery().Counts()
	return counts.V2 + counts.V3
}

// everything is a Mashery that answers 200 to whatever it is asked.
func everything(body string) sandbox.Options {
	return sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}),
	}}}
}

func TestAV3CallReachesMasheryByteForByte(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: everything(`[]`)})
	const tail = "services?filter=name:a%2Cb&fields=id,name"
	for _, test := range []struct{ method, target, sent, verb string }{
		{"GET", v3 + tail, tail, "GET"},
		{"GET", v3 + "services/a%2Fb/endpoints", "services/a%2Fb/endpoints", "GET"},
		{"GET", v3 + "services/a;b=c,d", "services/a;b=c,d", "GET"},
		{"GET", v3 + "services/%41%7e%3B", "services/%41%7e%3B", "GET"},
		{"GET", v3 + "services/%E2%82%AC", "services/%E2%82%AC", "GET"},
		{"GET", v3 + "services/\u20ac", "services/\u20ac", "GET"},
		{"GET", v3 + "services/{id}|a^b`[c]'d!*()$+=:@", "services/{id}|a^b`[c]'d!*()$+=:@", "GET"},
		{"GET", v3 + "services%3Flimit=1%23x", "services%3Flimit=1%23x", "GET"},
		{"GET", v3 + "services?a={b}|c\"d<e>^f`g\\h\u20ac+i%20j'?k/l", "services?a={b}|c\"d<e>^f`g\\h\u20ac+i%20j'?k/l", "GET"},
		{"GET", v3 + "services?" + strings.Repeat("x", 60_000), "services?" + strings.Repeat("x", 60_000), "GET"},
		{"GET", v3 + "services/", "services/", "GET"},
		{"GET", v3 + "services?", "services?", "GET"},
		{"GET", v3 + "services?a=%zz&&b;c=1&=", "services?a=%zz&&b;c=1&=", "GET"},
		{"GET", v3 + "services?filter=name:../x//y", "services?filter=name:../x//y", "GET"},
		{"GET", v3 + "services?list=true", "services?list=true", "GET"},
		{"LIST", v3 + "services?limit=2", "services?limit=2", "GET"},
		{"HEAD", v3 + tail, tail, "HEAD"},
		{"DELETE", v3 + "services/x?a=1", "services/x?a=1", "DELETE"},
		{"POST", v3 + tail, tail, "POST"},
		{"PUT", v3 + tail, tail, "PUT"},
		{"post", v3 + tail, tail, "POST"},
		{"put", v3 + tail, tail, "PUT"},
		{"delete", v3 + tail, tail, "DELETE"},
		{"get", v3 + tail, tail, "GET"},
		{"POST", v3 + "services/x;target-method-put?fields=id", "services/x?fields=id", "PUT"},
		{"PUT", v3 + "services/x;target-method-DELETE", "services/x", "DELETE"},
		{"POST", v3 + "services/a%2Fb;c;target-method-post", "services/a%2Fb;c", "POST"},
		{"POST", rolePath + "/proxy/v3-method/put/services/a%2Fb;c?fields=id,name", "services/a%2Fb;c?fields=id,name", "PUT"},
		{"PUT", rolePath + "/proxy/v3-method/delete/services/x", "services/x", "DELETE"},
		{"POST", rolePath + "/proxy/v3-method/POST/services", "services", "POST"},
		{"GET", rolePath + "/proxy/v3-method/get/" + tail, tail, "GET"},
		{"GET", rolePath + "/proxy/v3-method/head/services", "services", "HEAD"},
	} {
		body := ""
		if test.verb == "POST" || test.verb == "PUT" {
			body = `{"name":"x"}`
		}
		answer := w.tcp.send(t, test.method, test.target, body)
		if answer.status != http.StatusOK {
			t.Errorf("%s %s: %d %s", test.method, test.target, answer.status, answer.body)
			continue
		}
		sent := w.last(t)
		if sent.Method != test.verb || sent.RequestURI != "/v3/rest/"+test.sent || string(sent.Body) != body {
			t.Errorf("%s %s was sent as %s %s with %q", test.method, test.target, sent.Method, sent.RequestURI, sent.Body)
		}
		if source := answer.header.Get("X-Mashproxy-Source"); source != "mashery" {
			t.Errorf("%s %s: the source is %q", test.method, test.target, source)
		}
	}
}

func TestAMountMayHaveSeveralSegments(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{Mount: "team/a/mash"}})
	path := "/v1/team/a/mash/roles/demo/proxy/"
	list := w.unix.get(t, path+"v3/services?limit=5").expect(t, http.StatusOK, "")
	if total := list.header.Get("X-Total-Count"); total != "264" || list.header.Get("X-Mashproxy-Source") != "mashery" {
		t.Errorf("X-Total-Count is %q: %v", total, list.header)
	}
	w.unix.send(t, "POST", path+"v2", `{"method":"test.echo","params":["x"],"id":1,"jsonrpc":"2.0"}`).expect(t, http.StatusOK, "")
	w.unix.get(t, "/v1/team/a/mash/roles/demo/grant").expect(t, http.StatusForbidden, "credential_withheld")
}

func TestWritesAreSeenByALaterRead(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	created := w.tcp.send(t, "POST", v3+"services?fields=id,name", `{"name":"mine"}`, "Content-Type", "application/json").expect(t, http.StatusOK, "")
	var service struct{ ID, Name string }
	if err := json.Unmarshal([]byte(created.body), &service); err != nil || service.ID == "" {
		t.Fatalf("created: %s (%v)", created.body, err)
	}
	path := v3 + "services/" + service.ID
	w.tcp.send(t, "PUT", path, `{"name":"still mine"}`, "Content-Type", "application/json").expect(t, http.StatusOK, "")
	contains(t, "the service", w.unix.get(t, path).expect(t, http.StatusOK, "").body, "still mine")
	w.tcp.send(t, "DELETE", path, "").expect(t, http.StatusOK, "")
	w.tcp.get(t, path).expect(t, http.StatusNotFound, "")
	if calls := w.Mashery().Counts().Calls; calls["PUT services/{id}"] != 1 || calls["POST services"] != 1 || calls["DELETE services/{id}"] != 1 {
		t.Errorf("Mashery was asked %v", calls)
	}
}

func TestListsAreWholeWithTheirTotal(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	for _, d := range []*door{w.tcp, w.unix} {
		list := d.get(t, v3+"services?limit=5").expect(t, http.StatusOK, "")
		var services []map[string]any
		if err := json.Unmarshal([]byte(list.body), &services); err != nil || len(services) != 5 {
			t.Errorf("%d services (%v): %s", len(services), err, list.body)
		}
		if total := list.header.Get("X-Total-Count"); total != "264" {
			t.Errorf("X-Total-Count is %q", total)
		}
	}
	head := w.tcp.send(t, "HEAD", v3+"services", "").expect(t, http.StatusOK, "")
	if head.header.Get("X-Total-Count") != "264" || head.body != "" {
		t.Errorf("HEAD: %v %q", head.header, head.body)
	}
	empty := w.tcp.get(t, v3+"services?filter=name:nosuchservice").expect(t, http.StatusOK, "")
	if empty.body != "[]" || empty.header.Get("X-Total-Count") != "0" {
		t.Errorf("an empty list: %v %q", empty.header, empty.body)
	}
}

func TestACompressedAnswerIsPassedOnToThoseWhoAskForIt(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	answer := w.tcp.get(t, v3+"services?limit=50", "Accept-Encoding", "gzip").expect(t, http.StatusOK, "")
	if coding := answer.header.Get("Content-Encoding"); coding != "gzip" {
		t.Fatalf("the encoding is %q", coding)
	}
	plain, err := gzip.NewReader(strings.NewReader(answer.body))
	if err != nil {
		t.Fatal(err)
	}
	var services []any
	if err := json.NewDecoder(plain).Decode(&services); err != nil || len(services) != 50 {
		t.Errorf("%d services (%v)", len(services), err)
	}
}

func TestV2CallsAreSignedAndPassedOnAsTheyAre(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	const query = `{"jsonrpc": "2.0", "id": 7, "method":"object.query", "params":["SELECT id, name FROM applications ITEMS 3"]}`
	answer := w.tcp.send(t, "POST", v2, query, "Content-Type", "application/json").expect(t, http.StatusOK, "")
	var reply struct {
		ID     int
		Result struct{ Items []any }
	}
	if err := json.Unmarshal([]byte(answer.body), &reply); err != nil || reply.ID != 7 || len(reply.Result.Items) != 3 {
		t.Errorf("the reply is %s (%v)", answer.body, err)
	}
	if sent := w.last(t); string(sent.Body) != query || !strings.HasPrefix(sent.RequestURI, "/v2/json-rpc/1042?apikey=") {
		t.Errorf("sent was %q", sent.Body)
	}
	for name, body := range map[string]string{
		"JSON-RPC 1.0":         `{"id":1,"method":"test.echo","params":["x"]}`,
		"JSON-RPC 1.1":         `{"version":"1.1","id":1,"method":"test.echo","params":["x"]}`,
		"spaces and new lines": " {\n\"id\": 1,\n\t\"method\": \"test.echo\", \"params\": [\"x\"]}\n",
	} {
		answer := w.unix.send(t, "post", v2, body).expect(t, http.StatusOK, "")
		contains(t, name, answer.body, `"x"`)
		if sent := string(w.last(t).Body); sent != body {
			t.Errorf("%s: sent was %q", name, sent)
		}
	}
}

func TestAV2MethodMayStandInThePath(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	answer := w.tcp.send(t, "POST", v2+"/test.echo", `{"jsonrpc":"2.0","id":1,"params":["hello"]}`).expect(t, http.StatusOK, "")
	contains(t, "the echo", answer.body, "hello")
	if sent := string(w.last(t).Body); strings.Count(sent, `"method":"test.echo"`) != 1 {
		t.Errorf("sent was %s", sent)
	}
	same := `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["hello"]}`
	w.tcp.send(t, "POST", v2+"/test.echo", same).expect(t, http.StatusOK, "")
	if sent := string(w.last(t).Body); sent != same {
		t.Errorf("sent was %s", sent)
	}
	before := w.masheryCalls()
	for name, body := range map[string]string{
		"another method in the body": `{"jsonrpc":"2.0","id":1,"method":"member.fetch","params":[]}`,
		"no JSON":                    `hello`,
		"two methods":                `{"method":"test.echo","method":"member.delete"}`,
		"a method in other case":     `{"Method":"member.delete","params":[]}`,
		"a batch":                    `[{"method":"test.echo"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			w.tcp.send(t, "POST", v2+"/test.echo", body).expect(t, http.StatusBadRequest, "bad_request")
		})
	}
	w.tcp.send(t, "POST", v2+"/test.echo", `{"id":1,"params":["`+strings.Repeat("x", 1<<20)+`"]}`).expect(t, http.StatusRequestEntityTooLarge, "too_large")
	if after := w.masheryCalls(); after != before {
		t.Errorf("%d of them reached Mashery", after-before)
	}
}

func TestWhatIsNoCallIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	for _, test := range []struct {
		method, target string
		status         int
		code, allow    string
	}{
		{"GET", v2, 405, "method_not_allowed", "POST"},
		{"PUT", v2, 405, "method_not_allowed", "POST"},
		{"GET", v2 + "/object.query", 405, "method_not_allowed", "POST"},
		{"PATCH", v3 + "services", 405, "method_not_allowed", "GET, HEAD, LIST, POST, PUT, DELETE"},
		{"OPTIONS", v3 + "services", 405, "method_not_allowed", "GET, HEAD, LIST, POST, PUT, DELETE"},
		{"GET", v3 + "services;target-method-put", 405, "method_not_allowed", "POST, PUT"},
		{"DELETE", rolePath + "/proxy/v3-method/delete/services", 405, "method_not_allowed", "POST, PUT"},
		{"POST", rolePath + "/proxy/v3-method/get/services", 405, "method_not_allowed", "GET"},
		{"POST", v2 + "?a=b", 400, "bad_request", ""},
		{"POST", v2 + "/", 400, "bad_request", ""},
		{"POST", v2 + "/a/b", 400, "bad_request", ""},
		{"POST", v3 + "services;target-method-patch", 400, "bad_request", ""},
		{"POST", v3 + "services;target-method-", 400, "bad_request", ""},
		{"POST", v3 + "services%3Btarget-method-put", 400, "bad_request", ""},
		{"POST", v3 + "services;target-method-%70ut", 400, "bad_request", ""},
		{"POST", rolePath + "/proxy/v3-method/patch/services", 400, "bad_request", ""},
		{"POST", rolePath + "/proxy/v3-method/put/services;target-method-post", 400, "bad_request", ""},
		{"GET", rolePath + "/proxy/v3-method/get", 400, "bad_request", ""},
		{"GET", v3, 400, "bad_request", ""},
		{"GET", v3 + "services?list=maybe", 400, "bad_request", ""},
		{"POST", v3 + "services/", 400, "bad_request", ""},
		{"GET", "/v1/mash-creds/roles/de mo/proxy/v3/services", 400, "", ""},
	} {
		answer := w.unix.send(t, test.method, test.target, "")
		if answer.status != test.status || answer.code() != test.code || answer.header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d %q, Allow %q: %s", test.method, test.target, answer.status, answer.code(), answer.header.Get("Allow"), answer.body)
		}
	}
	if n := w.masheryCalls(); n != 0 {
		t.Errorf("%d of them reached Mashery", n)
	}
}

func TestARoleThatIsNotThereIsAClearError(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	for _, target := range []string{"/v1/mash-creds/roles/nosuch/proxy/v3/services", "/v1/mash-creds/roles/nosuch/proxy/v3-method/get/services"} {
		answer := w.tcp.get(t, target).expect(t, http.StatusBadGateway, "grant_refused")
		contains(t, "the error", answer.errors(t), `"nosuch"`, `"mash-creds"`, "role")
		if source := answer.header.Get("X-Mashproxy-Source"); source != "vault" {
			t.Errorf("the source is %q", source)
		}
	}
	w.write(t, "mash-creds/roles/v2only", map[string]any{"area_nid": 1042, "api_key": w.Credentials().APIKey.Reveal(), "secret": w.Credentials().Secret.Reveal()})
	answer := w.tcp.get(t, "/v1/mash-creds/roles/v2only/proxy/v3/services").expect(t, http.StatusBadGateway, "grant_refused")
	contains(t, "the error", answer.errors(t), "not capable")
}

func TestEveryAnswerToALocalCallSaysWhereItIsFrom(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	ids := map[string]bool{}
	for _, test := range []struct {
		method, target, source string
		status                 int
	}{
		{"GET", v3 + "services?limit=1", "mashery", 200},
		{"GET", v3 + "services/nosuch", "mashery", 404},
		{"POST", v2, "mashery", 200},
		{"GET", v2, "mashproxy", 405},
		{"GET", rolePath + "/grant", "mashproxy", 403},
		{"GET", "/v1/mash-creds/roles/nosuch/proxy/v3/x", "vault", 502},
	} {
		body := ""
		if test.method == "POST" {
			body = `{"method":"test.echo","params":["x"],"id":1}`
		}
		answer := w.unix.send(t, test.method, test.target, body)
		id, h := answer.header.Get("X-Request-Id"), answer.header
		if answer.status != test.status || h.Get("X-Mashproxy-Source") != test.source ||
			!strings.HasPrefix(h.Get("X-Proxy-Mode"), "mashproxy/") || id == "" || ids[id] {
			t.Errorf("%s %s: %d %v", test.method, test.target, answer.status, h)
		}
		if test.source == "mashery" && (h.Get("X-Server-Date") == "" || h.Get("X-Mashproxy-Wait-Ms") == "" || h.Get("X-Mashery-Responder") == "") {
			t.Errorf("%s %s: headers are missing: %v", test.method, test.target, h)
		}
		ids[id] = true
	}
	if h := w.unix.get(t, rolePath).header; h.Get("X-Proxy-Mode") != "" || fmt.Sprint(h["X-Mashproxy-Source"]) != "[vault]" {
		t.Errorf("a forwarded answer's headers are %v", h)
	}
}
