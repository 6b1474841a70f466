// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"mashproxy/sandbox/emulator"
)

func TestTheEnvelopeFollowsTheRequest(t *testing.T) {
	tests := map[string]struct {
		body   string
		status int
		want   string
	}{
		"1.0":                        {`{"method":"test.hello","params":[],"id":1}`, 200, `{"error":null,"id":1,"result":"Hello!"}`},
		"1.1":                        {`{"version":"1.1","method":"test.hello","id":1}`, 200, `{"id":1,"result":"Hello!","version":"1.1"}`},
		"2.0":                        {`{"jsonrpc":"2.0","method":"test.hello","id":1}`, 200, `{"id":1,"jsonrpc":"2.0","result":"Hello!"}`},
		"an id of text":              {`{"method":"test.hello","id":"x"}`, 200, `{"error":null,"id":"x","result":"Hello!"}`},
		"an id that is a big number": {`{"method":"test.hello","id":12345678901234567890}`, 200, `{"error":null,"id":12345678901234567890,"result":"Hello!"}`},
		"no id":                      {`{"method":"test.hello"}`, 200, `{"error":null,"id":null,"result":"Hello!"}`},
		"an echo":                    {`{"method":"test.echo","params":["<hi> & more"],"id":1}`, 200, `{"error":null,"id":1,"result":"<hi> & more"}`},
		"an echo of several":         {`{"method":"test.echo","params":[1,2],"id":1}`, 200, `{"error":null,"id":1,"result":[1,2]}`},
		"an echo of named ones":      {`{"method":"test.echo","params":{"value":1.50},"id":1}`, 200, `{"error":null,"id":1,"result":{"value":1.50}}`},
		"an unknown method, 1.0":     {`{"method":"nosuch","id":1}`, 404, `{"error":{"message":"Method not found","code":-32601},"id":1,"result":null}`},
		"an unknown method, 1.1":     {`{"version":"1.1","method":"nosuch","id":1}`, 404, `{"error":{"message":"Method not found","code":-32601},"id":1,"version":"1.1"}`},
		"an unknown method, 2.0":     {`{"jsonrpc":"2.0","method":"nosuch","id":1}`, 404, `{"error":{"message":"Method not found","code":-32601},"id":1,"jsonrpc":"2.0"}`},
		"no method":                  {`{"id":1}`, 400, `{"error":{"message":"Invalid Request","code":-32600},"id":1,"result":null}`},
		"a method in other letters":  {`{"Method":"test.hello","id":1}`, 400, ""},
		"a batch":                    {`[{"method":"test.hello","id":1}]`, 400, `{"error":{"message":"Invalid Request","code":-32600},"id":null,"result":null}`},
		"no JSON":                    {`{`, 500, `{"error":{"message":"Parse error","code":-32700},"id":null,"result":null}`},
		"params of the wrong type":   {`{"method":"test.echo","params":"x","id":1}`, 500, `{"error":{"message":"Invalid params","code":-32602},"id":1,"result":null}`},
		"a query of two texts":       {`{"method":"object.query","params":["a","b"],"id":1}`, 500, ""},
		"a query that is no query": {
			`{"method":"object.query","params":["DROP keys"],"id":1}`, 400,
			`{"error":{"message":"Invalid Object","code":1000,"data":[{"field":"query","message":"expected SELECT, found \"DROP\""}]},"id":1,"result":null}`,
		},
		"a query of no such objects": {
			`{"method":"object.query","params":["SELECT * FROM nosuch"],"id":1}`, 400,
			`{"error":{"message":"Invalid Object","code":1000,"data":[{"field":"query","message":"there are no objects called nosuch"}]},"id":1,"result":null}`,
		},
		"a query for no such field": {
			`{"method":"object.query","params":["SELECT id FROM members WHERE nosuch = 1"],"id":1}`, 400,
			`{"error":{"message":"Invalid Object","code":1000,"data":[{"field":"nosuch","message":"objects of type member have no such field"}]},"id":1,"result":null}`,
		},
	}
	a := start(t, emulator.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a.rpc(test.body).expect(t, test.status, test.want).
				expectHeader(t, "Content-Type", "application/json;charset=UTF-8").
				expectHeader(t, "Server", "Mashery API Server v1.1.0")
		})
	}
	a.do(a.request("GET", a.sign(a.clock.now()), "")).expect(t, 405, "").expectHeader(t, "Allow", "POST")
}

func TestObjectQueries(t *testing.T) {
	tests := map[string]struct {
		query string
		items string // the first field of each, in their order
		total int
	}{
		"all of them, a hundred to a page":    {"SELECT name FROM services", "", 264},
		"keywords in any case":                {"select username from members where username = 'li.na'", "li.na", 1},
		"a text in double quotes":             {`SELECT username FROM members WHERE username = "li.na"`, "li.na", 1},
		"not equal":                           {"SELECT username FROM members WHERE username <> 'li.na'", "", 35},
		"two conditions":                      {"SELECT username FROM members WHERE username LIKE 'a%' AND last_name > 'm'", "amara.okafor anya.petrova", 2},
		"either of two":                       {"SELECT username FROM members WHERE username = 'li.na' OR username LIKE 'noor%' ORDER BY username DESC", "noor.bakker li.na", 2},
		"AND binds closer than OR":            {"SELECT username FROM members WHERE username = 'li.na' OR username LIKE 'a%' AND last_name = 'Okafor'", "amara.okafor li.na", 2},
		"brackets bind closer still":          {"SELECT username FROM members WHERE (username = 'li.na' OR username LIKE 'a%') AND last_name = 'Okafor'", "amara.okafor", 1},
		"a pattern, case aside":               {"SELECT username FROM members WHERE display_name LIKE 'AMARA%for'", "amara.okafor", 1},
		"a pattern for one letter":            {"SELECT username FROM members WHERE username LIKE 'li_na'", "li.na", 1},
		"not like a pattern":                  {"SELECT username FROM members WHERE username NOT LIKE '%a%'", "", 5},
		"numbers are compared as numbers":     {"SELECT username FROM applications WHERE id < 713", "amara.okafor", 1},
		"at most and at least":                {"SELECT username FROM applications WHERE id >= 712 AND id <= 712", "amara.okafor", 1},
		"a flag":                              {"SELECT name FROM services WHERE rfc3986_encode = true", "", 0},
		"what has no value":                   {"SELECT username FROM members WHERE phone IS NULL", "", 36},
		"what has one":                        {"SELECT username FROM members WHERE phone IS NOT NULL", "", 0},
		"no value is not unequal to any":      {"SELECT username FROM members WHERE phone <> 'x'", "", 0},
		"ordered, a page of two":              {"SELECT username FROM members ORDER BY username PAGE 2 ITEMS 2", "anya.petrova bram.jansen", 36},
		"a page of two, the other way round":  {"SELECT username FROM members ORDER BY username ITEMS 2 PAGE 2", "anya.petrova bram.jansen", 36},
		"ordered by several":                  {"SELECT username FROM members ORDER BY area_status DESC, username ASC ITEMS 1", "amara.okafor", 36},
		"a page past the end":                 {"SELECT username FROM members PAGE 99", "", 36},
		"package keys under their older name": {"SELECT status FROM keys ITEMS 1", "active", 114},
		"package keys under their newer name": {"SELECT status FROM package_keys ITEMS 1", "active", 114},
		"services are known by their key":     {"SELECT name FROM services WHERE service_key = '3wh56tphn3e87eshyjgjeqrp'", "Billing Accounts API", 1},
		"a quote inside a text":               {"SELECT username FROM members WHERE display_name = 'O''Brien'", "", 0},
	}
	a := start(t, emulator.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := a.rpc(fmt.Sprintf(`{"jsonrpc":"2.0","method":"object.query","params":[%q],"id":1}`, test.query)).expect(t, 200, "")
			result := got.object(t)["result"].(map[string]any)
			if result["total_items"] != float64(test.total) {
				t.Errorf("total_items %v, want %d", result["total_items"], test.total)
			}
			column := strings.Fields(test.query)[1]
			var items []string
			for _, item := range result["items"].([]any) {
				items = append(items, fmt.Sprint(item.(map[string]any)[column]))
			}
			if test.items != "" && strings.Join(items, " ") != test.items {
				t.Errorf("got %v, want %s", items, test.items)
			}
		})
	}
}

func TestQueriesForRelatedObjects(t *testing.T) {
	tests := map[string]struct {
		query string
		items string
		total int
	}{
		"one related object": {
			"SELECT name, member.username FROM applications WHERE id = 712", `[{"member":{"username":"amara.okafor"},"name":"Fjord Dashboard"}]`, 1,
		},
		"several":                           {"SELECT username, applications.name FROM members WHERE username = 'amara.okafor'", `[{"applications":[{"name":"Fjord Dashboard"}],"username":"amara.okafor"}]`, 1},
		"objects of objects":                {"SELECT applications.keys.plan.name FROM members WHERE username = 'amara.okafor'", `[{"applications":[{"keys":[{"plan":{"name":"Free"}}]}]}]`, 1},
		"by a field of one":                 {"SELECT id FROM applications WHERE member.username = 'amara.okafor'", `[{"id":712}]`, 1},
		"by a field of one, in a bracket":   {"SELECT id FROM applications WHERE (member.first_name = 'Amara' OR member.first_name = 'nosuch')", `[{"id":712}]`, 1},
		"by a field of any of several":      {"SELECT username FROM members WHERE applications.id = 712", `[{"username":"amara.okafor"}]`, 1},
		"by there being none":               {"SELECT username FROM members WHERE applications IS NULL", `[]`, 0},
		"requiring one":                     {"SELECT id FROM applications REQUIRE RELATED member WITH username = 'amara.okafor'", `[{"id":712}]`, 1},
		"requiring one, with two of it":     {"SELECT id FROM applications REQUIRE RELATED member WITH first_name = 'Amara' AND last_name = 'Na'", `[]`, 0},
		"requiring two":                     {"SELECT id FROM applications REQUIRE RELATED member WITH username LIKE 'a%' REQUIRE RELATED keys WITH plan.name = 'Standard' ORDER BY id ITEMS 1", `[{"id":775}]`, 3},
		"requiring any":                     {"SELECT name FROM roles REQUIRE RELATED members ORDER BY name ITEMS 1", `[{"name":"Administrator"}]`, 8},
		"after a condition":                 {"SELECT id FROM keys WHERE status = 'active' REQUIRE RELATED application WITH id = 712", `[{"id":713}]`, 1},
		"ordered by a related field":        {"SELECT id FROM applications ORDER BY member.username, id ITEMS 1", `[{"id":775}]`, 72},
		"package keys of a package":         {"SELECT name FROM packages REQUIRE RELATED package_keys WITH id = 713", "", 1},
		"the service of a service's method": {"SELECT service.name FROM service_definition_methods ITEMS 1", `[{"service":{"name":"Billing Accounts API"}}]`, 0},
	}
	a := start(t, emulator.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := a.result("object.query", fmt.Sprintf("[%q]", test.query)).(map[string]any)
			if test.total != 0 && result["total_items"] != float64(test.total) {
				t.Errorf("total_items %v, want %d", result["total_items"], test.total)
			}
			if items := encodeJSON(t, result["items"]); test.items != "" && items != test.items {
				t.Errorf("got  %s\nwant %s", items, test.items)
			}
		})
	}
	whole := a.result("object.query", `["SELECT *, package, plan.* FROM package_keys ITEMS 1"]`).(map[string]any)["items"].([]any)[0].(map[string]any)
	for field, object := range map[string]string{"package": "package", "plan": "plan"} {
		if got := whole[field].(map[string]any); got["object_type"] != object || got["name"] == "" {
			t.Errorf("%s: %v", field, got)
		}
	}
}

func TestAQueryResult(t *testing.T) {
	a := start(t, emulator.Options{})
	a.rpc(`{"jsonrpc":"2.0","method":"object.query","params":["SELECT id, name FROM applications WHERE username = 'li.na' ITEMS 1"],"id":7}`).
		expect(t, 200, `{"id":7,"jsonrpc":"2.0","result":{"current_page":1,"items":[{"id":715,"name":"Bluebird Reporter"}],"items_per_page":1,"total_items":3,"total_pages":3}}`)
	item := a.rpc(`{"method":"object.query","params":{"query":"SELECT * FROM keys ITEMS 1"},"id":7}`).
		object(t)["result"].(map[string]any)["items"].([]any)[0].(map[string]any)
	if item["object_type"] != "key" || item["created"] != "2019-06-24T03:29:10Z" || item["qps_limit_ceiling"] != 2.0 {
		t.Errorf("V2 has names, dates and types of its own: %v", item)
	}
	if _, shown := item["limits"]; shown {
		t.Errorf("* is simple fields only: %v", item)
	}
}
