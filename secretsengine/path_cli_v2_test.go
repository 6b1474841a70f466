// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func TestTheCommandLineCallsV2(t *testing.T) {
	for name, c := range map[string]struct {
		op   logical.Operation
		path string
		data map[string]any
		sent string // method and params at Mashery
	}{
		"a query": {logical.ReadOperation, "v2", map[string]any{"query": "select * from members"},
			`"method":"object.query","params":["select * from members"]`},
		"a query by the method's path": {logical.UpdateOperation, "v2/object.query", map[string]any{"query": "select * from members"},
			`"method":"object.query","params":["select * from members"]`},
		"the method as a field": {logical.UpdateOperation, "v2", map[string]any{"method": "test.echo", "query": "x"},
			`"method":"test.echo","params":["x"]`},
		"arguments as text": {logical.ReadOperation, "v2/application.fetch", map[string]any{"params": "[1234567890123456789]"},
			`"method":"application.fetch","params":[1234567890123456789]`},
		"arguments as JSON": {logical.UpdateOperation, "v2/member.addRole", map[string]any{"params": []any{"m", 5}},
			`"method":"member.addRole","params":["m",5]`},
		"named arguments": {logical.UpdateOperation, "v2/test.echo", map[string]any{"params": map[string]any{"value": "x"}},
			`"method":"test.echo","params":{"value":"x"}`},
		"an object": {logical.UpdateOperation, "v2/application.update", map[string]any{"id": 1234, "name": "n"},
			`"method":"application.update","params":[{"id":1234,"name":"n"}]`},
		"an object with the method": {logical.UpdateOperation, "v2", map[string]any{"method": "application.update", "id": 1234},
			`"method":"application.update","params":[{"id":1234}]`},
		"an object with a field named as ours": {logical.UpdateOperation, "v2/application.update", map[string]any{"role": "r"},
			`"method":"application.update","params":[{"role":"r"}]`},
		"no arguments": {logical.ReadOperation, "v2/test.hello", nil,
			`"method":"test.hello","params":[]`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(says(200, `{"jsonrpc":"2.0","id":1,"result":{"items":[{"id":12345678901234567}],"total_items":1}}`), nil)
			got := shown(t, &logical.Response{Data: e.must(c.op, "roles/demo/"+c.path, c.data).Data})
			wantEqual(t, "answer", got, `{"error":null,"result":{"items":[{"id":12345678901234567}],"total_items":1}}`)
			call, body := e.mashery.lastCall(t)
			wantEqual(t, "body", body, `{"id":1,"jsonrpc":"2.0",`+c.sent+`}`)
			sig := mashery.SignV2(mashery.NewSecret(plantedKey), mashery.NewSecret(plantedSecret), e.clock.now()).Reveal()
			wantEqual(t, "call", call.Method+" "+call.RequestURI, "POST /v2/json-rpc/42?apikey=planted-api-key&sig="+sig)
		})
	}
}

func TestWrongV2CommandsAreRefusedInWords(t *testing.T) {
	e := newDemo(t)
	e.writeRole("empty", nil)
	for _, c := range []struct {
		op   logical.Operation
		path string
		data map[string]any
		want string
	}{
		{logical.ReadOperation, "demo/v2/application.update", nil, `method "application.update" may change something or give out a credential; vault write it`},
		{logical.ReadOperation, "demo/v2/oauth2.fetch", nil, `method "oauth2.fetch" may change something or give out a credential; vault write it`},
		{logical.ReadOperation, "demo/v2/oauth2.fetchAccessToken", nil, `method "oauth2.fetchAccessToken" may change something or give out a credential; vault write it`},
		{logical.ReadOperation, "demo/v2", map[string]any{"method": "member.delete"}, `method "member.delete" may change something or give out a credential; vault write it`},
		{logical.UpdateOperation, "demo/v2/object.query", map[string]any{"method": "member.delete"}, `the path names the method "object.query", the data another; make them agree`},
		{logical.UpdateOperation, "demo/v2", map[string]any{"method": 5}, "method must be the name of a method, such as object.query"},
		{logical.UpdateOperation, "demo/v2", map[string]any{"method": nil}, "method must be the name of a method, such as object.query"},
		{logical.UpdateOperation, "demo/v2", map[string]any{"method": ""}, "method must be the name of a method, such as object.query"},
		{logical.UpdateOperation, "demo/v2/object.query", map[string]any{"method": 5}, "method must be the name of a method, such as object.query"},
		{logical.ReadOperation, "demo/v2/", nil, "method must be the name of a method, such as object.query"},
		{logical.UpdateOperation, "demo/v2", map[string]any{"query": "a", "params": "[]"}, "give params or query, not both"},
		{logical.UpdateOperation, "demo/v2", map[string]any{"params": "[1"}, `params is not JSON; write it like '["an argument"]' or '{"name": "value"}'`},
		{logical.UpdateOperation, "demo/v2", map[string]any{"params": 5}, "params must be a JSON list, or an object of named arguments"},
		{logical.UpdateOperation, "demo/v2", map[string]any{"params": "5"}, "params must be a JSON list, or an object of named arguments"},
		{logical.UpdateOperation, "empty/v2", nil, "role is not capable of api version 2, which needs area_nid, api_key and secret; write them to roles/empty"},
	} {
		e.refused(c.op, "roles/"+c.path, c.data, c.want)
	}
	wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
}

func TestMasherysV2ErrorsAreToldInWords(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"an invalid object": {says(400, `{"jsonrpc":"2.0","error":{"message":"Invalid Object","code":1000,"data":[{"field":"email","message":"is missing"}]}}`),
			"Mashery answered with status 400: Invalid Object; 1000; email: is missing"},
		"one with status 200":       {says(200, `{"error":{"message":"m","code":"1001"},"result":null}`), "Mashery answered with status 200: m; 1001"},
		"data of another shape":     {says(500, `{"error":{"message":"m","code":-2001,"data":{"error":"x"}}}`), "Mashery answered with status 500: m; -2001"},
		"an error that is a text":   {says(500, `{"error":"x"}`), "Mashery answered with status 500: without a word"},
		"the gateway's":             {says(403, "<h1>Not Authorized</h1>", "X-Mashery-Error-Code: ERR_403_DEVELOPER_OVER_RATE"), "Mashery answered with status 403: ERR_403_DEVELOPER_OVER_RATE"},
		"no JSON-RPC":               {says(200, "[]"), "Mashery answered with status 200 and no JSON-RPC; is v2_endpoint right?"},
		"a page":                    {says(200, "<html>"), "Mashery answered with status 200 and no JSON-RPC; is v2_endpoint right?"},
		"a wrong area number (404)": {says(404, ""), "Mashery answered with status 404: without a word"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(c.answer, nil)
			e.refused(logical.ReadOperation, "roles/demo/v2", map[string]any{"query": "x"}, c.want)
		})
	}
}
