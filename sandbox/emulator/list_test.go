// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"slices"
	"strings"
	"testing"

	"mashproxy/sandbox/emulator"
)

func TestLists(t *testing.T) {
	tests := map[string]struct {
		query string
		total string
		names string // of the objects, in their order; "" looks at the number of them only
		count int
	}{
		"no query gives the first hundred":          {"", "264", "", 100},
		"a limit":                                   {"limit=2", "264", "Billing Accounts API, Billing Documents API", 2},
		"an offset is the index of an object":       {"offset=1&limit=1", "264", "Billing Documents API", 1},
		"the last, shorter page":                    {"offset=260&limit=100", "264", "", 4},
		"an offset past the end":                    {"offset=264", "264", "", 0},
		"a limit above the total":                   {"limit=1000", "264", "", 264},
		"a limit of nothing":                        {"limit=0", "264", "", 0},
		"a filter is a substring, case aside":       {"filter=name:fraud+s", "2", "Fraud Search API, Fraud Status API", 2},
		"the total is after filters, before paging": {"filter=name:Fraud&limit=1", "11", "Fraud Accounts API", 1},
		"several filters, repeated":                 {"filter=name:Fraud&filter=name:Notes", "1", "Fraud Notes API", 1},
		"several filters, joined by a comma":        {"filter=name:Fraud,name:Notes", "1", "Fraud Notes API", 1},
		"the same with the comma escaped":           {"filter=name:Fraud%2Cname:Notes", "1", "Fraud Notes API", 1},
		"a comma in a filter's text":                {"filter=name:a%2Cb&fields=id,name", "0", "", 0},
		"a filter on something nested":              {"filter=endpoints.methods.name:create+labels", "3", "", 3},
		"a filter on something structured":          {"filter=cache.cacheTtl:240&filter=name:Billing", "2", "Billing Limits API, Billing Status API", 2},
		"a filter that matches nothing":             {"filter=name:nosuch", "0", "", 0},
		"a filter on what nobody has":               {"filter=nosuch:x", "0", "", 0},
		"sorted":                                    {"filter=name:Fraud&sort=name&limit=2", "11", "Fraud Accounts API, Fraud Documents API", 2},
		"sorted, descending":                        {"filter=name:Fraud&sort=name:desc&limit=2", "11", "Fraud Status API, Fraud Search API", 2},
		"sorted by several properties":              {"filter=name:Booking&sort=rfc3986Encode,name:desc&limit=1", "11", "Booking Status API", 1},
		"sorted by date, as advised for paging":     {"sort=created:asc&limit=1", "264", "Billing Accounts API", 1},
		"unknown parameters are ignored":            {"nosuch=1&limit=1", "264", "Billing Accounts API", 1},
		"a semicolon in the query is text":          {"filter=name:a;b&limit=1", "0", "", 0},
	}
	a := start(t, emulator.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := a.rest("GET", "/services?"+test.query, "").expect(t, 200, "").
				expectHeader(t, "X-Total-Count", test.total).
				expectHeader(t, "Content-Type", "application/json;charset=UTF-8")
			if names := got.names(t); test.names != "" && names != test.names {
				t.Errorf("got %s\nwant %s", names, test.names)
			}
			if n := len(got.list(t)); n != test.count {
				t.Errorf("got %d objects, want %d", n, test.count)
			}
			if head := a.rest("HEAD", "/services?"+test.query, "").expect(t, 200, ""); head.body != "" || head.header.Get("X-Total-Count") != test.total {
				t.Errorf("HEAD: %q %v", head.body, head.header)
			}
		})
	}
}

func TestAnEmptyListIsAList(t *testing.T) {
	a := start(t, emulator.Options{})
	a.rest("GET", "/services?filter=name:nosuch", "").expect(t, 200, "[]").expectHeader(t, "X-Total-Count", "0")
}

func TestListsThatAreRefused(t *testing.T) {
	tests := map[string]struct{ query, property string }{
		"an offset that is no number": {"offset=x", "offset"},
		"a negative limit":            {"limit=-1", "limit"},
		"sorted by nothing known":     {"sort=nosuch", "sort"},
		"sorted by something nested":  {"sort=endpoints.name", "sort"},
		"sorted in no direction":      {"sort=name:up", "sort"},
		"a bad escape":                {"filter=%zz", "filter"},
	}
	a := start(t, emulator.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := a.rest("GET", "/services?"+test.query, "").expect(t, 400, "").object(t)
			problems, _ := got["errors"].([]any)
			if got["errorCode"] != "400" || len(problems) != 1 || problems[0].(map[string]any)["property"] != test.property {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFieldsOfAnObject(t *testing.T) {
	const first = "/services?limit=1"
	a := start(t, emulator.Options{})
	id := a.rest("GET", first, "").list(t)[0]["id"].(string)
	tests := map[string]struct{ query, want string }{
		"unasked, the implicit ones": {
			"", `{"created":"2019-03-04T10:01:10.194+0000","id":"` + id + `","name":"Billing Accounts API","updated":"2019-05-05T17:01:10.194+0000"}`,
		},
		"those named":                      {"fields=id,description", `{"description":"Accounts of the billing platform","id":"` + id + `"}`},
		"named by repeating the parameter": {"fields=id&fields=revisionNumber", `{"id":"` + id + `","revisionNumber":1}`},
		"named with the comma escaped":     {"fields=version%2Cname", `{"name":"Billing Accounts API","version":"1.9"}`},
		"inside something structured":      {"fields=cache.cacheTtl", `{"cache":{"cacheTtl":180}}`},
		"nested in other objects": {
			"fields=endpoints.name,endpoints.methods.name",
			`{"endpoints":[{"methods":[{"name":"list accounts"},{"name":"get accounts"},{"name":"create accounts"}],"name":"accounts v1"}]}`,
		},
		"known, but without a value": {"fields=robotsPolicy", `{"robotsPolicy":null}`},
		"not known at all":           {"fields=nosuch", `{}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a.rest("GET", "/services/"+id+"?"+test.query, "").expect(t, 200, test.want)
			a.rest("GET", first+"&"+test.query, "").expect(t, 200, "["+test.want+"]")
		})
	}
}

func TestTheSeedIsPlausibleAndAlwaysTheSame(t *testing.T) {
	a, b := start(t, emulator.Options{}), start(t, emulator.Options{})
	for path, least := range map[string]int{
		"/services": 250, "/members": 30, "/applications": 30, "/packageKeys": 30, "/packages": 5,
	} {
		got := a.rest("GET", path+"?limit=1000", "")
		if n := len(got.list(t)); n < least {
			t.Errorf("%s: %d, want at least %d", path, n, least)
		}
		if other := b.rest("GET", path+"?limit=1000", ""); other.body != got.body {
			t.Errorf("%s differs from one emulator to the next", path)
		}
	}
	var ids []string
	for _, service := range a.rest("GET", "/services?limit=1000&fields=id,endpoints.id,endpoints.methods.id", "").list(t) {
		ids = append(ids, service["id"].(string))
		for _, endpoint := range service["endpoints"].([]any) {
			ids = append(ids, endpoint.(map[string]any)["id"].(string))
		}
	}
	if len(ids) < 264+44 || slices.ContainsFunc(ids, func(id string) bool {
		return len(id) != 24 || strings.ToLower(id) != id
	}) {
		t.Errorf("%d ids, such as %v", len(ids), ids[:3])
	}
}
