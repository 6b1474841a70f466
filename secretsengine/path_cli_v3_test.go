// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// newCLI is an engine whose command line may write.
func newCLI(t *testing.T) *engine {
	t.Helper()
	e := newDemo(t)
	e.must(logical.UpdateOperation, "config", map[string]any{"enable_cli_v3_write": true})
	return e
}

// says answers with a status, a body and "Name: value" lines.
func says(status int, body string, lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// shown is a response as Vault would write it.
func shown(t *testing.T, resp *logical.Response) string {
	t.Helper()
	if resp == nil {
		return "nothing"
	}
	text, err := json.Marshal(resp.Data)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append([]string{string(text)}, resp.Warnings...), " ")
}

func TestTheCommandLineReadsV3(t *testing.T) {
	two := `[{"id":"s1","name":"a"},{"id":"s2","name":"b"}]`
	listed := `"key_info":{"s1":{"id":"s1","name":"a"},"s2":{"id":"s2","name":"b"}},"keys":["s1","s2"]`
	for name, c := range map[string]struct {
		op     logical.Operation
		path   string
		data   map[string]any
		answer http.HandlerFunc
		sent   string // query at Mashery
		want   string
	}{
		"an object": {logical.ReadOperation, "services/s1", nil, says(200, `{"id":"s1","revisionNumber":12345678901234567}`),
			"/v3/rest/services/s1", `{"id":"s1","revisionNumber":12345678901234567}`},
		"some fields of an object": {logical.ReadOperation, "services/s1", map[string]any{"fields": "id,name"}, says(200, `{"id":"s1"}`),
			"/v3/rest/services/s1?fields=id%2Cname", `{"id":"s1"}`},
		"a list": {logical.ListOperation, "services/", nil, says(200, two, "X-Total-Count: 2"),
			"/v3/rest/services", `{` + listed + `,"total_count":2}`},
		"a list with filters and all": {logical.ReadOperation, "services;list", map[string]any{"filter": []string{"name:a,b", "id:c"}, "sort": "name:desc,id", "offset": "2", "limit": "2", "fields": "id"},
			says(200, two, "X-Total-Count: 9"),
			"/v3/rest/services?fields=id&filter=name%3Aa%2Cb&filter=id%3Ac&limit=2&offset=2&sort=name%3Adesc%2Cid",
			`{` + listed + `,"total_count":9} these are 2 of 9 objects; for others read the path with ;list and offset, limit or filter`},
		"a list by its shape": {logical.ReadOperation, "packages/p/plans/l/services/s", nil, says(200, two),
			"/v3/rest/packages/p/plans/l/services/s", `{` + listed + `}`},
		"a list that is named a list": {logical.ListOperation, "services;list/", nil, says(200, two, "X-Total-Count: 2"),
			"/v3/rest/services", `{` + listed + `,"total_count":2}`},
		"a list that is to be counted": {logical.ListOperation, "services;count/", nil, says(200, two, "X-Total-Count: 264"),
			"/v3/rest/services?limit=1", `{"keys":["264"],"total_count":264}`},
		"an empty list": {logical.ReadOperation, "services;list", nil, says(200, `[]`, "X-Total-Count: 0"),
			"/v3/rest/services", `{"key_info":{},"keys":[],"total_count":0}`},
		"a list without ids": {logical.ListOperation, "domains/", nil, says(200, `[{"address":"a.example"},{"address":"a.example"},{},"x",null]`),
			"/v3/rest/domains", `{"key_info":{"#2":{},"\u003cnil\u003e":null,"a.example":{"address":"a.example"},"a.example#1":{"address":"a.example"},"x":"x"},"keys":["a.example","a.example#1","#2","x","\u003cnil\u003e"]}`},
		"an object with names that are Vault's": {logical.ReadOperation, "applications/a", nil, says(200, `{"http_status_code":200,"http_content_type":"text/html","http_raw_body":"x"}`),
			"/v3/rest/applications/a", `{"object":{"http_content_type":"text/html","http_raw_body":"x","http_status_code":200}}`},
		"an object that is no error": {logical.ReadOperation, "applications/a", nil, says(200, `{"error":"x"}`),
			"/v3/rest/applications/a", `{"object":{"error":"x"}}`},
		"a count": {logical.ReadOperation, "services;count", map[string]any{"filter": "name:a", "offset": 7}, says(200, two, "X-Total-Count: 264"),
			"/v3/rest/services?filter=name%3Aa&limit=1", `{"total_count":264}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(c.answer, nil)
			got := shown(t, e.must(c.op, "roles/demo/v3/"+c.path, c.data))
			call, _ := e.mashery.lastCall(t)
			wantEqual(t, "call", call.Method+" "+call.RequestURI, "GET "+c.sent)
			wantEqual(t, "answer", got, c.want)
		})
	}
}

func TestTheCommandLineWritesV3(t *testing.T) {
	for name, c := range map[string]struct {
		op   logical.Operation
		path string
		data map[string]any
		sent string
	}{
		"a collection is posted to": {logical.UpdateOperation, "services", map[string]any{"name": "a", "cache": map[string]any{"cacheTtl": 5}},
			`POST /v3/rest/services {"cache":{"cacheTtl":5},"name":"a"}`},
		"an object is put": {logical.UpdateOperation, "services/s1", map[string]any{"name": "a"},
			`PUT /v3/rest/services/s1 {"name":"a"}`},
		"a collection of an object's": {logical.UpdateOperation, "services/s1/endpoints", map[string]any{"name": "a"},
			`POST /v3/rest/services/s1/endpoints {"name":"a"}`},
		"the verb is named": {logical.UpdateOperation, "services/s1/cache;target-method-put", map[string]any{"cacheTtl": 5},
			`PUT /v3/rest/services/s1/cache {"cacheTtl":5}`},
		"fields are of the answer": {logical.UpdateOperation, "services/s1", map[string]any{"name": "a", "fields": "id,name"},
			`PUT /v3/rest/services/s1?fields=id%2Cname {"name":"a"}`},
		"an object is deleted": {logical.DeleteOperation, "services/s1", nil,
			`DELETE /v3/rest/services/s1 `},
		"a collection is deleted on purpose": {logical.DeleteOperation, "services/s1/cache;target-method-delete", nil,
			`DELETE /v3/rest/services/s1/cache `},
	} {
		t.Run(name, func(t *testing.T) {
			e := newCLI(t)
			e.mashery.on(says(200, `{"id":"s1"}`), nil)
			wantEqual(t, "answer", shown(t, e.must(c.op, "roles/demo/v3/"+c.path, c.data)), `{"id":"s1"}`)
			call, body := e.mashery.lastCall(t)
			wantEqual(t, "call", call.Method+" "+call.RequestURI+" "+body, c.sent)

			e.must(logical.UpdateOperation, "config", map[string]any{"enable_cli_v3_write": false})
			e.refused(c.op, "roles/demo/v3/"+c.path, c.data,
				"cli write operations are disabled for V3 API; to allow them, write enable_cli_v3_write=true to config")
			wantEqual(t, "calls at Mashery", e.mashery.callCount(), 1)
		})
	}
}

func TestAWriteThatTellsNothingSucceeds(t *testing.T) {
	for _, body := range []string{"", " ", "{}", "null", "true"} {
		e := newCLI(t)
		e.mashery.on(says(200, body), nil)
		if resp, err := e.ask(logical.DeleteOperation, "roles/demo/v3/services/s1", nil); resp != nil || err != nil {
			t.Errorf("%q: %v %v", body, resp, err)
		}
	}
}

func TestWrongV3CommandsAreRefusedInWords(t *testing.T) {
	e := newCLI(t)
	e.writeRole("empty", nil)
	some := map[string]any{"name": "a"}
	for _, c := range []struct {
		op   logical.Operation
		path string
		data map[string]any
		want string
	}{
		{logical.ReadOperation, "demo/v3/services/../token", nil, "the path holds the segment \"..\", plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/v3/;list", nil, "the path holds an empty segment, plain or escaped; write the path without"},
		{logical.ListOperation, "demo/v3/", nil, "the path holds an empty segment, plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/v3/a\x00b", nil, "the path holds a control character, plain or escaped; write the path without"},
		{logical.ReadOperation, "demo/v3/services", map[string]any{"limit": "-1"}, "limit must not be negative"},
		{logical.ReadOperation, "demo/v3/services", map[string]any{"filters": "a"}, `there is no field "filters" here; the fields are fields, filter, limit, offset, path, role, sort`},
		{logical.UpdateOperation, "demo/v3/services", nil, "nothing to write; name the object's properties (name=…), or give them as JSON (@file.json, or - for the standard input)"},
		{logical.UpdateOperation, "demo/v3/services;target-method-get", some, `verb "GET" cannot be used to write; use POST or PUT`},
		{logical.UpdateOperation, "demo/v3/a/../../token", some, "the path holds the segment \"..\", plain or escaped; write the path without"},
		{logical.DeleteOperation, "demo/v3/services", nil, "services is a collection, and to delete it deletes all that is in it; name one object (services/:id), or end the path in ;target-method-delete"},
		{logical.DeleteOperation, "demo/v3/services/s1;target-method-put", nil, `verb "PUT" cannot be used to delete; use DELETE`},
		{logical.ReadOperation, "empty/v3/services", nil, "role is not capable of api version 3, which needs area_id, api_key, secret, username and password; write them to roles/empty"},
	} {
		e.refused(c.op, "roles/"+c.path, c.data, c.want)
	}
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
	if _, err := e.ask(logical.ReadOperation, "roles/nobody/v3/services", nil); !errors.Is(err, logical.ErrUnsupportedPath) {
		t.Errorf("a role that does not exist: %v", err)
	}
}

func TestMasherysV3ErrorsAreToldInWords(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		path   string
		want   string
	}{
		"the API's own": {says(400, `{"errorCode":"1000","errorMessage":"Invalid Object","errors":[{"property":"systemDomains[0]","message":"is bad"},{"message":"and more"}]}`), "services/s1",
			"Mashery answered with status 400: Invalid Object; systemDomains[0]: is bad; and more"},
		"a numeric code": {says(409, `{"errorCode":409,"errorMessage":"Conflict"}`), "services/s1",
			"Mashery answered with status 409: Conflict"},
		"the gateway's": {says(403, "<h1>Not Authorized</h1>", "X-Mashery-Error-Code: ERR_403_NOT_AUTHORIZED", "X-Error-Detail-Header: Not Authorized"), "services/s1",
			"Mashery answered with status 403: ERR_403_NOT_AUTHORIZED; Not Authorized"},
		"one without a word": {says(503, ""), "services/s1",
			"Mashery answered with status 503: without a word"},
		"a page that repeats the request": {says(500, "<pre>Authorization: Bearer token-1</pre>"), "services/s1",
			"Mashery answered with status 500: without a word"},
		"what a terminal would obey": {says(400, `{"errorMessage":"a\u001b[2Jb"}`), "services/s1",
			"Mashery answered with status 400: a [2Jb"},
		"a redirect":                {says(302, "", "Location: https://elsewhere.example"), "services/s1", "Mashery answered with status 302: without a word"},
		"an object for a list":      {says(200, `{"id":"s1"}`), "services/s1;list", "Mashery answered with status 200 and not a list; to see one object, vault read it without ;list"},
		"a count of what has none":  {says(200, `{"id":"s1"}`), "services/s1;count", "Mashery answered with status 200 and no count (X-Total-Count); is it a collection?"},
		"no JSON":                   {says(200, "<html>"), "services/s1", "Mashery answered with status 200 and not JSON; is the endpoint right?"},
		"nothing":                   {says(200, ""), "services/s1", "Mashery answered with status 200 and not JSON; is the endpoint right?"},
		"two values":                {says(200, "{}{}"), "services/s1", "Mashery answered with status 200 and not JSON; is the endpoint right?"},
		"a lone text":               {says(200, `"x"`), "services/s1", "Mashery answered with status 200 and neither an object nor a list"},
		"nested beyond all reason":  {says(200, strings.Repeat("[", 20000)), "services/s1", "Mashery answered with status 200 and not JSON; is the endpoint right?"},
		"words that do not end":     {says(400, `{"errorMessage":"`+strings.Repeat("ä", 600)+`"}`), "services/s1", "Mashery answered with status 400: " + strings.Repeat("ä", 500) + "…"},
		"what does not exist (404)": {says(404, `{"errorCode":"404","errorMessage":"Not Found"}`), "services/s1", "Mashery answered with status 404: Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(c.answer, nil)
			e.refused(logical.ReadOperation, "roles/demo/v3/"+c.path, nil, c.want)
			_, err := e.ask(logical.ReadOperation, "roles/demo/v3/"+c.path, nil)
			wantEqual(t, "is a 404", errors.Is(err, logical.ErrUnsupportedPath), strings.HasSuffix(name, "(404)"))
		})
	}
}

func TestTheCommandLineIsToldWhyThereIsNoAnswer(t *testing.T) {
	for name, c := range oddAnswers() {
		t.Run(name, func(t *testing.T) {
			limits := defaultBounds()
			limits.Body = 1 << 20
			if c.status == http.StatusGatewayTimeout {
				limits.Call = 100 * time.Millisecond
			}
			e := newEngineWithin(t, limits)
			e.writeRole("demo", demoRole())
			e.must(logical.UpdateOperation, "config", map[string]any{"enable_cli_v3_write": true})
			e.mashery.on(c.answer, nil)
			for path, op := range map[string]logical.Operation{
				"v3/services/1": logical.ReadOperation, "v3/services/": logical.ListOperation, "v3/services;count": logical.ReadOperation,
				"v3/services/2": logical.DeleteOperation, "v3/services": logical.UpdateOperation, "v2": logical.UpdateOperation,
			} {
				data := map[string]any{"query": "select * from members"}
				if op != logical.UpdateOperation {
					data = nil
				}
				resp, err := e.ask(op, "roles/demo/"+path, data)
				if err != nil && !errors.Is(err, logical.ErrUnsupportedPath) {
					t.Errorf("%s %s: %v", op, path, err)
				}
				if said := fmt.Sprint(resp); strings.Contains(said, "planted") || strings.Contains(said, "sig=") || strings.Contains(said, "token-") {
					t.Errorf("%s %s shows a secret: %s", op, path, said)
				}
				if c.status >= 400 && !resp.IsError() {
					t.Errorf("%s %s: status %d was taken for a success: %v", op, path, c.status, resp)
				}
			}
		})
	}
}

func FuzzCommandLineV3(f *testing.F) {
	for _, path := range []string{"services", "services/1;list", "a/../b", ";count", "services/1;target-method-put", "%2e%2e/x", "a//b", "\x00", "services/a b?c#d"} {
		f.Add(path, "id,name", "name:a", 5)
	}
	f.Fuzz(func(t *testing.T, path, fields, filter string, limit int) {
		e := newCLI(t)
		e.writeRole("demo", demoRole())
		e.mashery.on(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/v3/rest/") || strings.Contains(r.URL.Path, "/../") {
				t.Errorf("%q went to %s", path, r.URL.Path)
			}
			io.WriteString(w, "[]")
		}, nil)
		for _, op := range []logical.Operation{logical.ReadOperation, logical.ListOperation, logical.UpdateOperation, logical.DeleteOperation} {
			resp, err := e.ask(op, "roles/demo/v3/"+path, map[string]any{"fields": fields, "filter": filter, "limit": limit})
			if err != nil && !errors.Is(err, logical.ErrUnsupportedPath) {
				t.Errorf("%s %q: %v %v", op, path, resp, err)
			}
		}
	})
}

func TestTheCommandLineIsPacedAndOverQPSIsTold(t *testing.T) {
	limits := defaultBounds()
	limits.Wait = 100 * time.Millisecond
	e := newEngineWithin(t, limits)
	slow := demoRole()
	slow["qps"] = 1
	e.writeRole("slow", slow)
	e.mashery.on(says(200, "{}"), nil)
	e.read("roles/slow/v3/services/1", nil)
	e.refused(logical.ReadOperation, "roles/slow/v3/services/1", nil,
		`role "slow": the API key has no free slot within 100ms; make fewer calls at once`)
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 1)
	e.mashery.on(says(403, "", "X-Mashery-Error-Code: "+mashery.ErrDeveloperOverQPS, "Retry-After: 60"), nil)
	e.writeRole("other", map[string]any{"area_nid": 1, "api_key": "another", "secret": "s"})
	e.refused(logical.ReadOperation, "roles/other/v2", nil, "Mashery answered with status 403: ERR_403_DEVELOPER_OVER_QPS")
}
