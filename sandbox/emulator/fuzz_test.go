// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func seeded() *store {
	s := newStore(time.Now)
	seed(s)
	return s
}

func FuzzObjectQuery(f *testing.F) {
	for _, query := range []string{
		"SELECT * FROM applications",
		"SELECT id, name FROM applications WHERE username = 'li.na' AND (id >= 3 OR tags NOT LIKE '%a_') ORDER BY name DESC, id PAGE 2 ITEMS 10",
		`select username from members where phone is not null and display_name <> "O\"Brien" items 99999999999999999999`,
		"SELECT * FROM keys WHERE rate_limit_ceiling < -1.5 PAGE 9223372036854775807 ITEMS 100",
		"SELECT * FROM services WHERE ((((((name = null",
		"SELECT *, member.*, keys.plan.name FROM applications WHERE member.username = 'li.na' REQUIRE RELATED keys WITH status = 'active' AND plan.id > 3",
		"SELECT roles.members.roles.name FROM members REQUIRE RELATED roles REQUIRE RELATED applications.keys WITH id IS NOT NULL ORDER BY roles.name",
		"SELECT ' FROM \xff",
	} {
		f.Add(query)
	}
	s := seeded()
	f.Fuzz(func(t *testing.T, query string) {
		q, err := parseObjectQuery(query)
		if err != nil {
			if err.Error() == "" || q != nil {
				t.Errorf("a refusal without words: %q", query)
			}
			return
		}
		page, refused := q.run(s)
		if refused != nil {
			return
		}
		items, total := len(page.Items), page.TotalItems.(int)
		if items > q.items || items > total || q.items > maxItems {
			t.Errorf("%q: %d items of %d, %d per page", query, items, total, q.items)
		}
	})
}

func FuzzLists(f *testing.F) {
	for _, query := range []string{
		"", "offset=3&limit=7", "filter=name:a,description:b&sort=name:desc,created", "fields=id,endpoints.methods.id&fields=cache",
		"filter=endpoints.methods.name:list&filter=,:,::.&sort=,", "limit=9223372036854775807&offset=9223372036854775807", "a;b=%zz&&=",
		"filter=endpoints:x&filter=cache.:y&fields=.,..,a..b",
	} {
		f.Add(query)
	}
	s := seeded()
	services := s.schema["services"]
	f.Fuzz(func(t *testing.T, query string) {
		q, problems := parseList(query, services)
		if problems != nil {
			return
		}
		page, total := q.page(s.all["services"])
		if len(page) > q.limit || len(page) > total || total > len(s.all["services"]) {
			t.Errorf("%q: %d of %d", query, len(page), total)
		}
		encode(views(page[:min(len(page), 5)], q.named))
		if len(s.all["services"]) != 264 || s.all["services"][0].props["name"] != "Billing Accounts API" {
			t.Errorf("%q changed the store", query)
		}
	})
}

// Whatever a body holds, a call is answered, and the store stays whole.
func FuzzV2Objects(f *testing.F) {
	for _, seed := range [][2]string{
		{"role.create", `[{"name":"r"}]`}, {"member.update", `[{"username":"li.na","roles":[{"id":1},null,7]}]`},
		{"package.create", `[{"name":"p","plans":[{"name":"q","plan_services":[{"service":{"service_key":"x"}}]},3],"organization":{"id":null}}]`},
		{"plan_endpoint.create", `[[{"plan":{"id":676},"service_definition_endpoint":{"id":2}}]]`}, {"key.delete", `[[713,"x",null]]`},
		{"application.validate", `{"application":{"member":"li.na","name":[]}}`}, {"object.describe", `[["role",4]]`},
		{"member.addRole", `["li.na",{"id":{}}]`}, {"oauth2.createAccessToken", `["3wh56tphn3e87eshyjgjeqrp",{"client_id":[]},{"grant_type":"password"},7]`},
	} {
		f.Add(seed[0], seed[1])
	}
	e := New(Options{})
	f.Fuzz(func(t *testing.T, method, params string) {
		decoded, err := decode(strings.NewReader(params))
		if err != nil {
			return
		}
		r := httptest.NewRequest("POST", "/v2/json-rpc/1", nil)
		result, refused := e.run(r, rpcCall{version: "2.0", method: method, params: decoded})
		encode(rpcCall{version: "2.0"}.envelope(result, refused))
		whole(t, e.store)
	})
}

func FuzzREST(f *testing.F) {
	for _, seed := range [][3]string{
		{"PUT", "services/3wh56tphn3e87eshyjgjeqrp/roles", `{"roles":[{"id":"x"},null]}`},
		{"POST", "services", `{"name":"s","errorSets":[{"errorMessages":[{"id":"ERR_504_GATEWAY_TIMEOUT"},{"id":[]}]}],"cache":7}`},
		{"PUT", "services/3wh56tphn3e87eshyjgjeqrp/securityProfile/oauth", `{"oauth":{}}`},
		{"DELETE", "services/3wh56tphn3e87eshyjgjeqrp/securityProfile/oauth", ``},
		{"POST", "scheduledMaintenanceEvents", `{"name":"e","startDateTime":"s","endDateTime":7,"endpoints":[{"id":"x"}]}`},
		{"POST", "transform?sourceFormat=swagger2&targetFormat=masheryapi", `{"swagger":"2.0","info":{"title":["x"]},"paths":{"/":{"get":[]}}}`},
		{"POST", "packages", `{"name":"p","plans":[{"name":"q","services":[{"id":"3wh56tphn3e87eshyjgjeqrp","endpoints":{}}]}]}`},
		{"GET", "members?fields=applications.packageKeys,packageKeys&filter=created:>=2020,roles.name:x", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	e := New(Options{})
	f.Fuzz(func(t *testing.T, verb, path, body string) {
		if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "DELETE"}, verb) {
			return
		}
		path, query, _ := strings.Cut(path, "?")
		r := httptest.NewRequest(verb, "/", strings.NewReader(body))
		r.URL.RawQuery = query
		rep := e.rest(httptest.NewRecorder(), r, strings.Split(path, "/"))
		if rep.status < 200 || rep.status >= 500 {
			t.Errorf("%s %s: %d", verb, path, rep.status)
		}
		whole(t, e.store)
	})
}

// whole fails the test if an object is not where it belongs.
func whole(t *testing.T, s *store) {
	t.Helper()
	for name, objects := range s.all {
		for _, o := range objects {
			if o.kind.within != nil && !slices.Contains(o.parent.children[name], o) {
				t.Fatalf("%s %s is not below its parent", name, o.id())
			}
			if !o.kind.foreign() && s.byID[o.id()] != o {
				t.Fatalf("%s %s cannot be found", name, o.id())
			}
		}
		if len(objects) > 5000 { // a fuzzer that creates gets slow
			for _, o := range slices.Clone(objects[4000:]) {
				s.remove(o)
			}
		}
	}
}

func TestQueriesThatAreNone(t *testing.T) {
	tests := map[string]string{
		"":                                                     "expected SELECT, found the end",
		"SELECT FROM keys":                                     "expected FROM, found \"keys\"",
		"SELECT id keys":                                       "expected FROM, found \"keys\"",
		"SELECT id FROM":                                       "expected an object type, found the end",
		"SELECT id, FROM keys":                                 "expected FROM, found \"keys\"",
		"SELECT id FROM keys WHERE":                            "expected a field, found the end",
		"SELECT id FROM keys WHERE id":                         "expected =, <>, <, >, <=, >=, LIKE or IS, found the end",
		"SELECT id FROM keys WHERE id =":                       "expected a value, found the end",
		"SELECT id FROM keys WHERE id NOT":                     "expected LIKE after NOT, found the end",
		"SELECT id FROM keys WHERE id IS 1":                    "expected NULL, found \"1\"",
		"SELECT id FROM keys WHERE (id = 1":                    "expected ), found the end",
		"SELECT id FROM keys REQUIRE plan":                     "expected RELATED, found \"plan\"",
		"SELECT id FROM keys REQUIRE RELATED":                  "expected a field, found the end",
		"SELECT id FROM keys REQUIRE RELATED plan WITH":        "expected a field, found the end",
		"SELECT id, plan.* name FROM keys":                     "expected FROM, found \"name\"",
		"SELECT id FROM keys ORDER id":                         "expected BY, found \"id\"",
		"SELECT id FROM keys PAGE 0":                           "expected a number of at least 1, found \"0\"",
		"SELECT id FROM keys ITEMS 'x'":                        "expected a number of at least 1, found \"x\"",
		"SELECT id FROM keys LIMIT 1":                          "unexpected \"LIMIT\"",
		"SELECT id FROM keys WHERE a = 'x":                     "a text in quotes does not end: 'x",
		"SELECT id FROM keys WHERE a = 1.2.3":                  "\"1.2.3\" is not a number",
		"SELECT id; DROP":                                      "unexpected ';'",
		"SELECT id FROM keys WHERE " + strings.Repeat("(", 51): "more than 50 brackets in each other",
	}
	for query, want := range tests {
		t.Run(query, func(t *testing.T) {
			if _, err := parseObjectQuery(query); err == nil || err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
}
