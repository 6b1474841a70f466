// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func TestAV3CallKeepsVerbPathAndQuery(t *testing.T) {
	body := map[string]any{"name": "a"}
	for name, c := range map[string]struct {
		op   logical.Operation
		path string
		data map[string]any
		want string // verb, address and body at Mashery
	}{
		"a read with a query": {logical.ReadOperation, "v3/services", map[string]any{"filter": "name:a,b", "limit": "5"},
			"GET /v3/rest/services?filter=name%3Aa%2Cb&limit=5 "},
		"a repeated parameter": {logical.ReadOperation, "v3/services", map[string]any{"filter": []string{"name:a", "id:b"}},
			"GET /v3/rest/services?filter=name%3Aa&filter=id%3Ab "},
		"parameters named as our own fields are": {logical.ReadOperation, "v3/services", map[string]any{"role": "x", "path": "y", "verb": "z"},
			"GET /v3/rest/services?path=y&role=x&verb=z "},
		"a list, whose slash is Vault's": {logical.ListOperation, "v3/services/", map[string]any{"limit": "5"},
			"GET /v3/rest/services?limit=5 "},
		"a delete with a query": {logical.DeleteOperation, "v3/services/1", map[string]any{"cascade": "true"},
			"DELETE /v3/rest/services/1?cascade=true "},
		"a write is a POST": {logical.UpdateOperation, "v3/services", body,
			`POST /v3/rest/services {"name":"a"}`},
		"a body with fields named as our own are": {logical.UpdateOperation, "v3/services", map[string]any{"path": map[string]any{"a": 1}, "role": []any{1}, "verb": 3},
			`POST /v3/rest/services {"path":{"a":1},"role":[1],"verb":3}`},
		"a write that says it is a PUT": {logical.UpdateOperation, "v3/services/1;target-method-put", body,
			`PUT /v3/rest/services/1 {"name":"a"}`},
		"a write by the verb's own path": {logical.UpdateOperation, "v3-method/PUT/services/1", body,
			`PUT /v3/rest/services/1 {"name":"a"}`},
		"a delete with a body": {logical.UpdateOperation, "v3-method/delete/services/1", body,
			`DELETE /v3/rest/services/1 {"name":"a"}`},
		"a write without a body": {logical.UpdateOperation, "v3/services", nil,
			"POST /v3/rest/services "},
		"a write of an empty object": {logical.UpdateOperation, "v3/services", map[string]any{},
			"POST /v3/rest/services {}"},
		"a read of the header alone": {logical.ReadOperation, "v3-method/head/services", nil,
			"HEAD /v3/rest/services "},
		"a path that has to be escaped": {logical.ReadOperation, "v3/services/a b?c;d,e%", nil,
			"GET /v3/rest/services/a%20b%3Fc;d,e%25 "},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			resp := e.must(c.op, "roles/demo/proxy/"+c.path, c.data)
			wantEqual(t, "status", resp.Data[logical.HTTPStatusCode], any(200))
			call, sent := e.mashery.lastCall(t)
			wantEqual(t, "call", call.Method+" "+call.RequestURI+" "+sent, c.want)
			wantEqual(t, "credential", call.Header.Get("Authorization"), "Bearer token-1")
		})
	}
}

func TestWhatVaultDropsOfAForwardedWriteIsTakenFromItsHeaders(t *testing.T) {
	const put, query = "X-Mashproxy-Method", "X-Mashproxy-Query"
	for name, c := range map[string]struct {
		op      logical.Operation
		path    string
		headers map[string][]string
		asked   string // query of the request itself, which Vault may show
		want    string
	}{
		"that it is a PUT":                {logical.UpdateOperation, "v3/services/1", map[string][]string{put: {"PUT"}}, "", "PUT /v3/rest/services/1"},
		"its query":                       {logical.UpdateOperation, "v3/services", map[string][]string{query: {"fields=id%2Cname&x"}}, "", "POST /v3/rest/services?fields=id%2Cname&x"},
		"both":                            {logical.UpdateOperation, "v3/services/1", map[string][]string{put: {"PUT"}, query: {"fields=id,name"}}, "", "PUT /v3/rest/services/1?fields=id,name"},
		"the query beside a verb":         {logical.UpdateOperation, "v3-method/put/services/1", map[string][]string{query: {"fields=id"}}, "", "PUT /v3/rest/services/1?fields=id"},
		"no query":                        {logical.UpdateOperation, "v3/services", map[string][]string{query: {""}}, "", "POST /v3/rest/services"},
		"not the query that is there":     {logical.UpdateOperation, "v3/services", map[string][]string{query: {"fields=id"}}, "fields=name", "POST /v3/rest/services?fields=name"},
		"the query that Vault shows":      {logical.UpdateOperation, "v3/services", nil, "fields=id%2Cname", "POST /v3/rest/services?fields=id%2Cname"},
		"nothing of a read":               {logical.ReadOperation, "v3/services", map[string][]string{put: {"PUT"}, query: {"fields=id"}}, "", "GET /v3/rest/services?name=a"},
		"nothing of a delete":             {logical.DeleteOperation, "v3/services/1", map[string][]string{query: {"fields=id"}}, "", "DELETE /v3/rest/services/1?name=a"},
		"the longest query that is taken": {logical.UpdateOperation, "v3/services", map[string][]string{query: {strings.Repeat("a", 8192)}}, "", "POST /v3/rest/services?" + strings.Repeat("a", 8192)},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			req := &logical.Request{Operation: c.op, Path: "roles/demo/proxy/" + c.path, Storage: e.storage, Data: map[string]any{"name": "a"}, Headers: c.headers}
			if c.asked != "" {
				req.HTTPRequest = &http.Request{URL: &url.URL{RawQuery: c.asked}}
			}
			if resp, err := e.HandleRequest(t.Context(), req); err != nil || resp.IsError() {
				t.Fatal(resp, err)
			}
			call, _ := e.mashery.lastCall(t)
			wantEqual(t, "call", call.Method+" "+call.RequestURI, c.want)
		})
	}
}

func TestAQueryHeaderThatIsNoQueryIsRefused(t *testing.T) {
	for name, said := range map[string][]string{
		"a control character": {"a=\x00"}, "a line end": {"a=b\r\nX: y"}, "a space": {"a=b c"}, "letters of no query": {"a=é"},
		"a fragment": {"a=b#c"}, "two of them": {"a=b", "c=d"}, "a long one": {strings.Repeat("a", 8193)},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			resp, err := e.HandleRequest(t.Context(), &logical.Request{
				Operation: logical.UpdateOperation, Path: "roles/demo/proxy/v3/services", Storage: e.storage,
				Headers: map[string][]string{"X-Mashproxy-Query": said},
			})
			if err != nil || !resp.IsError() || resp.Error().Error() != "X-Mashproxy-Query is no query: it must be one, escaped and of at most 8192 bytes" {
				t.Errorf("got %v %v", resp, err)
			}
			wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
		})
	}
}

func TestAV2CallIsTheBodySigned(t *testing.T) {
	echo := map[string]any{"method": "test.echo", "params": []any{"x"}, "version": "1.1", "id": 1}
	for name, c := range map[string]struct {
		path string
		data map[string]any
		want string
	}{
		"the envelope goes as it is": {"v2", echo, `{"id":1,"method":"test.echo","params":["x"],"version":"1.1"}`},
		"the path agrees":            {"v2/test.echo", echo, `{"id":1,"method":"test.echo","params":["x"],"version":"1.1"}`},
		"the path names the method":  {"v2/test.echo", map[string]any{"id": 1}, `{"id":1,"method":"test.echo"}`},
		"it does to an empty body":   {"v2/test.echo", map[string]any{}, `{"method":"test.echo"}`},
		"it does without a body":     {"v2/test.echo", nil, `{"method":"test.echo"}`},
		"it does to a null":          {"v2/test.echo", map[string]any{"method": nil, "id": 1}, `{"id":1,"method":"test.echo"}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.must(logical.UpdateOperation, "roles/demo/proxy/"+c.path, c.data)
			call, sent := e.mashery.lastCall(t)
			wantEqual(t, "body", sent, c.want)
			sig := mashery.SignV2(mashery.NewSecret(plantedKey), mashery.NewSecret(plantedSecret), e.clock.now()).Reveal()
			wantEqual(t, "address", call.RequestURI, "/v2/json-rpc/42?apikey=planted-api-key&sig="+sig)
		})
	}
}

func TestWrongProxyRequestsAreRefusedInWords(t *testing.T) {
	e := newDemo(t)
	e.writeRole("empty", nil)
	body := map[string]any{"method": "test.echo"}
	for _, c := range []struct {
		op   logical.Operation
		path string
		data map[string]any
		want string
	}{
		{logical.UpdateOperation, "demo/proxy/v2", nil, "the body names no method; send a JSON-RPC object, or name the method in the path (proxy/v2/<method>)"},
		{logical.UpdateOperation, "demo/proxy/v2", map[string]any{}, "the body names no method; send a JSON-RPC object, or name the method in the path (proxy/v2/<method>)"},
		{logical.UpdateOperation, "demo/proxy/v2/object.query", body, `the path names the method "object.query", the body another; make them agree`},
		{logical.UpdateOperation, "demo/proxy/v2/object.query", map[string]any{"method": map[string]any{}}, `the path names the method "object.query", the body another; make them agree`},
		{logical.UpdateOperation, "empty/proxy/v2", body, `role is not capable of api version 2, which needs area_nid, api_key and secret; write them to roles/empty`},
		{logical.ReadOperation, "demo/proxy/v3/", nil, "the path holds an empty segment, plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/proxy/v3/../token", nil, "the path holds the segment \"..\", plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/proxy/v3/a//b", nil, "the path holds an empty segment, plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/proxy/v3/a\tb", nil, "the path holds a control character, plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/proxy/v3/a;target-method-put", nil, ";target-method-… is for POST and PUT; drop it"},
		{logical.ListOperation, "demo/proxy/v3/a;target-method-put/", nil, ";target-method-… is for POST and PUT; drop it"},
		{logical.DeleteOperation, "demo/proxy/v3/a;target-method-put", nil, ";target-method-… is for POST and PUT; drop it"},
		{logical.UpdateOperation, "demo/proxy/v3/a;target-method-get", body, `verb "GET" cannot be used here; use one of POST, PUT, DELETE`},
		{logical.ReadOperation, "demo/proxy/v3-method/put/a", nil, `verb "PUT" cannot be used here; use one of GET, HEAD`},
	} {
		e.refused(c.op, "roles/"+c.path, c.data, c.want)
	}
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
}

// A policy speaks of the path as Vault reads it; a server behind may read more into it.
func TestAPathThatOthersReadAsClimbingIsNotSent(t *testing.T) {
	e := newCLI(t)
	all := []logical.Operation{logical.ReadOperation, logical.ListOperation, logical.UpdateOperation, logical.DeleteOperation}
	paths := map[string][]logical.Operation{
		"proxy/v3/services/%s/members":            all,
		"proxy/v3/%s/members":                     all,
		"proxy/v3-method/get/services/%s/members": {logical.ReadOperation},
		"proxy/v3-method/put/services/%s/members": {logical.UpdateOperation},
		"v3/services/%s/members/1":                all,
	}
	for flaw, segments := range map[string][]string{
		`the segment "`:       {"..", ".", "..;", ".;x=y", "..;a;target-method-put", "%2e%2e", "%2E.", "..%2fx", `..\x`, `x\..`, "%5c..", ".. ", "%20..", "..%3bx"},
		"an empty segment":    {"", "%2f", "a%2F%2fb"},
		"a character in more": {"\xc0\xae\xc0\xae", "%c0%ae", "%e0%80%af"},
		"a control character": {"a\x00b", "%0d%0a", "%7F"},
	} {
		for _, segment := range segments {
			for path, operations := range paths {
				for _, op := range operations {
					path := "roles/demo/" + strings.Replace(path, "%s", segment, 1)
					resp, err := e.ask(op, path, map[string]any{"fields": "id"})
					if err != nil || !resp.IsError() || !strings.HasPrefix(resp.Error().Error(), "the path holds "+flaw) {
						t.Errorf("%s %s: got %v, %v; want %s", op, path, resp, err, flaw)
					}
				}
			}
		}
	}
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
}

func TestTheAnswerComesBackAsItIs(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Content-Type": "application/json;charset=UTF-8", "X-Total-Count": "250", "X-Mashery-Responder": "proxy-1",
			"X-Packagekey-Qps-Current": "1", "Set-Cookie": "a=b", "Location": "https://elsewhere.example.com/",
			"Date": "Mon, 02 Jan 2006 15:04:05 GMT",
		} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(596)
		io.WriteString(w, `[{"id":1}]`)
	}, nil)
	resp := e.must(logical.ListOperation, "roles/demo/proxy/v3/services/", nil)
	wantEqual(t, "status", resp.Data[logical.HTTPStatusCode], any(596))
	wantEqual(t, "content type", resp.Data[logical.HTTPContentType], any("application/json;charset=UTF-8"))
	wantEqual(t, "body", string(resp.Data[logical.HTTPRawBody].([]byte)), `[{"id":1}]`)
	header := http.Header(resp.Headers)
	for name, want := range map[string]string{
		"X-Total-Count": "250", "X-Mashery-Responder": "proxy-1", "X-Packagekey-Qps-Current": "1",
		"X-Server-Date": "Mon, 02 Jan 2006 15:04:05 GMT", "X-Proxy-Mode": "vault-plugin-secrets-mashery/" + Version,
		"Set-Cookie": "", "Location": "", "Content-Type": "", "Content-Length": "",
	} {
		wantEqual(t, name, header.Get(name), want)
	}
}

func TestTheMountsHeadersAreSpelledAsTheEngineSetsThem(t *testing.T) {
	for _, name := range ResponseHeaders() {
		wantEqual(t, name, http.CanonicalHeaderKey(name), name)
	}
}

func TestADeadTokenIsReplacedAndTheCallSentAgain(t *testing.T) {
	for name, refuse := range map[string]http.HandlerFunc{
		"by 401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"by 403 inactive": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(mashery.HeaderErrorCode, mashery.ErrDeveloperInactive)
			w.WriteHeader(403)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "Bearer token-1" {
					refuse(w, r)
				}
			}, nil)
			got := e.must(logical.UpdateOperation, "roles/demo/proxy/v3/services", map[string]any{"name": "a"})
			wantEqual(t, "status", got.Data[logical.HTTPStatusCode], any(200))
			_, body := e.mashery.lastCall(t)
			wantEqual(t, "body sent again", body, `{"name":"a"}`)
			wantEqual(t, "shared token", e.token(), "token-2")
			wantEqual(t, "tokens bought", len(e.mashery.tokenRequests()), 2)
		})
	}
}

func TestOverQPSIsWaitedOut(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(func(w http.ResponseWriter, _ *http.Request) {
		if e.mashery.callCount() == 1 {
			w.Header().Set(mashery.HeaderErrorCode, mashery.ErrDeveloperOverQPS)
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(403)
		}
	}, nil)
	got := e.read("roles/demo/proxy/v3/services", nil)
	wantEqual(t, "status", got[logical.HTTPStatusCode], any(200))
	wantEqual(t, "calls", e.mashery.callCount(), 2)
}

func TestACallThatCannotHaveItsSlotIsRefusedAsMasheryWould(t *testing.T) {
	limits := defaultBounds()
	limits.Wait = 300 * time.Millisecond
	e := newEngineWithin(t, limits)
	slow, other := demoRole(), demoRole()
	slow["qps"] = 1
	e.writeRole("slow", slow)
	e.writeRole("other", other)
	e.read("roles/slow/proxy/v3/services", nil)
	for _, role := range []string{"slow", "other"} { // one key, one budget
		resp := e.must(logical.ReadOperation, "roles/"+role+"/proxy/v3/services", nil)
		wantEqual(t, "status", resp.Data[logical.HTTPStatusCode], any(403))
		header := http.Header(resp.Headers)
		wantEqual(t, "code", header.Get(mashery.HeaderErrorCode), mashery.ErrDeveloperOverQPS)
		wantEqual(t, "Retry-After", header.Get("Retry-After"), "1")
		want := fmt.Sprintf(`{"errors":["role \"%s\": the API key has no free slot within 300ms; make fewer calls at once"]}`, role)
		wantEqual(t, "body", string(resp.Data[logical.HTTPRawBody].([]byte)), want)
	}
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 1)
}

func TestACallThatWaitedForATokenOnlyIsSaidNotToBeCarriedOut(t *testing.T) {
	limits := defaultBounds()
	limits.Call = 50 * time.Millisecond
	e := newEngineWithin(t, limits)
	e.writeRole("demo", demoRole())
	gate := make(chan struct{})
	defer close(gate)
	e.mashery.on(nil, func(http.ResponseWriter, *http.Request) { <-gate })
	e.failed("roles/demo/proxy/v3/services", 504, `role "demo": the call could not be sent to Mashery in time, so it was not carried out; try again later`)
	e.refused(logical.ReadOperation, "roles/demo/v3/services", nil, `role "demo": the call could not be sent to Mashery in time, so it was not carried out; try again later`)
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
}

func TestV2IsSignedByMasherysClockOnceItIsKnown(t *testing.T) {
	e := newDemo(t)
	theirs := e.clock.now().Add(20 * time.Minute)
	right := mashery.SignV2(mashery.NewSecret(plantedKey), mashery.NewSecret(plantedSecret), theirs).Reveal()
	e.mashery.on(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", theirs.UTC().Format(http.TimeFormat))
		if r.URL.Query().Get("sig") != right {
			w.Header().Set(mashery.HeaderErrorCode, mashery.ErrNotAuthorized)
			w.WriteHeader(403)
		}
	}, nil)
	got := e.must(logical.UpdateOperation, "roles/demo/proxy/v2", map[string]any{"method": "test.echo"})
	wantEqual(t, "status", got.Data[logical.HTTPStatusCode], any(200))
	wantEqual(t, "calls", e.mashery.callCount(), 2)
	wantEqual(t, "a grant after it", e.read("roles/demo/grant", map[string]any{"api": 2})["sig"], any(right))
}
