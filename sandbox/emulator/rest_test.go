// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mashproxy/sandbox/emulator"
)

func TestAServiceFromItsCreationToItsEnd(t *testing.T) {
	a := start(t, emulator.Options{})
	fresh := a.rest("POST", "/services", `{"name":"New API","id":"mine","created":"never","nosuch":1,"qpsLimitOverall":12345678901234567890}`).
		expect(t, 200, "").object(t)
	id := fresh["id"].(string)
	if len(id) != 24 || fresh["name"] != "New API" || fresh["created"] != "2026-03-01T12:00:00.000+0000" || fresh["updated"] != fresh["created"] {
		t.Errorf("created: %v", fresh)
	}
	a.rest("HEAD", "/services", "").expectHeader(t, "X-Total-Count", "265")

	a.clock.move(90 * time.Second)
	path := "/services/" + id
	a.rest("PUT", path+"?fields=id,updated,revisionNumber", `{"id":"`+id+`","description":"changed","revisionNumber":99}`).
		expect(t, 200, `{"id":"`+id+`","revisionNumber":2,"updated":"2026-03-01T12:01:30.000+0000"}`)
	a.rest("GET", path+"?fields=name,description,qpsLimitOverall", "").
		expect(t, 200, `{"description":"changed","name":"New API","qpsLimitOverall":12345678901234567890}`)

	a.rest("HEAD", path, "").expect(t, 200, "")
	a.rest("DELETE", path, "").expect(t, 200, "").expectHeader(t, "Content-Length", "0")
	a.rest("GET", path, "").expect(t, 404, `{"errorCode":"404","errorMessage":"Unable to find service definition."}`)
	a.rest("DELETE", path, "").expect(t, 404, "")
	a.rest("HEAD", "/services", "").expectHeader(t, "X-Total-Count", "264")
}

func TestNestedObjects(t *testing.T) {
	a := start(t, emulator.Options{})
	service := a.rest("POST", "/services?fields=id,endpoints", `{"name":"S","endpoints":[{"name":"E1","methods":[{"name":"M1"}]},{"name":"E2"}]}`).
		expect(t, 200, "").object(t)
	path := "/services/" + service["id"].(string) + "/endpoints"
	endpoints := a.rest("GET", path, "").expectHeader(t, "X-Total-Count", "2")
	if endpoints.names(t) != "E1, E2" {
		t.Errorf("created with the service: %s", endpoints.body)
	}
	e1 := path + "/" + endpoints.list(t)[0]["id"].(string)
	a.rest("GET", e1+"?fields=name,methods.name,inboundSslRequired", "").
		expect(t, 200, `{"inboundSslRequired":true,"methods":[{"name":"M1"}],"name":"E1"}`)

	e3 := path + "/" + a.rest("POST", path, `{"name":"E3","publicDomains":[{"address":"api.acme.example"}]}`).expect(t, 200, "").object(t)["id"].(string)
	a.rest("PUT", e3+"?fields=name,publicDomains.address", `{"name":"E3b"}`).
		expect(t, 200, `{"name":"E3b","publicDomains":[{"address":"api.acme.example"}]}`)
	method := a.rest("POST", e3+"/methods", `{"name":"M2"}`).expect(t, 200, "").object(t)["id"].(string)
	if len(method) != 36 {
		t.Errorf("a method's id is a UUID, not %s", method)
	}
	a.rest("POST", e3+"/methods/"+method+"/responseFilters?fields=name,notes", `{"name":"F","notes":"n"}`).expect(t, 200, `{"name":"F","notes":"n"}`)

	// A parent's PUT changes the children it names and makes the others.
	a.rest("PUT", e3+"?fields=methods.name", `{"methods":[{"id":"`+method+`","name":"M2b"},{"name":"M3"}]}`).
		expect(t, 200, `{"methods":[{"name":"M2b"},{"name":"M3"}]}`)

	// A child that is not there is not made: its id may hold a typing error.
	a.rest("PUT", e3, `{"methods":[{"name":"M4"},{"id":"nosuch","name":"M5"}]}`).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update service definition endpoint.","errors":[{"property":"methods[1].id","message":"There is no service definition method of that id."}]}`)
	a.rest("GET", e3+"/methods", "").expectHeader(t, "X-Total-Count", "2")
	a.rest("POST", path+"?fields=methods.name", `{"name":"E4","methods":[{"id":"nosuch","name":"M5"}]}`).expect(t, 200, `{"methods":[{"name":"M5"}]}`)

	// Children are found below their own parent only, and go with it.
	other := a.rest("GET", "/services?limit=1", "").list(t)[0]["id"].(string)
	a.rest("GET", strings.Replace(e3, service["id"].(string), other, 1), "").expect(t, 404, "")
	a.rest("DELETE", "/services/"+service["id"].(string), "").expect(t, 200, "")
	a.rest("GET", e3, "").expect(t, 404, "")
	a.rest("GET", path, "").expect(t, 404, `{"errorCode":"404","errorMessage":"Unable to find service definition endpoint."}`)
}

func TestMembersApplicationsAndKeys(t *testing.T) {
	a := start(t, emulator.Options{})
	member := a.rest("POST", "/members", `{"username":"new.one","email":"n@x.example","displayName":"New One"}`).expect(t, 200, "").object(t)
	if member["areaStatus"] != "active" {
		t.Errorf("member: %v", member)
	}
	applications := "/members/" + member["id"].(string) + "/applications"
	a.rest("GET", applications, "").expect(t, 200, "[]").expectHeader(t, "X-Total-Count", "0")
	application := a.rest("POST", applications, `{"name":"App","costCentre":"4711"}`).expect(t, 200, "").object(t)
	if application["username"] != "new.one" || application["costCentre"] != "4711" {
		t.Errorf("an application has its member's name and extended attributes: %v", application)
	}
	path := "/applications/" + application["id"].(string)
	key := a.rest("POST", path+"/packageKeys", `{"secret":"s3cret"}`).expect(t, 200, "").object(t)
	if len(key["apikey"].(string)) != 24 || key["status"] != "active" {
		t.Errorf("key: %v", key)
	}
	a.rest("GET", path+"?fields=name,packageKeys.secret", "").expect(t, 200, `{"name":"App","packageKeys":[{"secret":"s3cret"}]}`)
	a.rest("GET", applications+"?filter=packageKeys.secret:s3cret&fields=name", "").expect(t, 200, `[{"name":"App"}]`)
	a.rest("PUT", path, `{"name":"App 2"}`).expect(t, 200, "")
	taken := a.rest("GET", "/packageKeys?limit=1", "").list(t)[0]["apikey"]
	for _, other := range []any{"another", taken} { // the key stays what it is
		a.rest("PUT", "/packageKeys/"+key["id"].(string)+"?fields=apikey,status", fmt.Sprintf(`{"apikey":%q,"status":"waiting"}`, other)).
			expect(t, 200, fmt.Sprintf(`{"apikey":%q,"status":"waiting"}`, key["apikey"]))
	}
	a.rest("POST", "/applications", `{"name":"no member"}`).expect(t, 405, "").expectHeader(t, "Allow", "GET, HEAD, PUT, DELETE")
	a.rest("DELETE", path, "").expect(t, 200, "")
	a.rest("GET", "/packageKeys/"+key["id"].(string), "").expect(t, 404, "")
}

func TestAllApplicationsAtOnce(t *testing.T) {
	a := start(t, emulator.Options{})
	id := a.rest("GET", "/applications?limit=1", "").list(t)[0]["id"]
	a.rest("PUT", "/applications?fields=name", fmt.Sprintf(`[{"id":%q,"name":"Renamed"}]`, id)).expect(t, 200, `[{"name":"Renamed"}]`)
	a.rest("DELETE", "/applications", "").expect(t, 200, "")
	a.rest("HEAD", "/packageKeys", "").expect(t, 200, "").expectHeader(t, "X-Total-Count", "0")
	a.rest("HEAD", "/members", "").expect(t, 200, "").expectHeader(t, "X-Total-Count", "36")
}

func TestSeveralObjectsAtOnce(t *testing.T) {
	a := start(t, emulator.Options{})
	path := "/services/" + a.rest("POST", "/services", `{"name":"S","endpoints":[{"name":"E1"},{"name":"E2"}]}`).object(t)["id"].(string) + "/endpoints"
	list := a.rest("GET", path, "").list(t)
	one, two := list[0]["id"], list[1]["id"]
	a.rest("PUT", path, fmt.Sprintf(`[{"id":%q,"name":"changed"},{"id":%q,"name":""}]`, one, two)).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update service definition endpoint.","errors":[{"property":"[1].name","message":"Property 'name' is required."}]}`)
	if names := a.rest("GET", path, "").names(t); names != "E1, E2" {
		t.Errorf("some were changed although one could not be: %s", names)
	}
	a.rest("PUT", path, `[{"name":"nobody"}]`).expect(t, 400, "")
	a.rest("PUT", path+"?fields=name", fmt.Sprintf(`[{"id":%q,"name":"A"},{"id":%q,"name":"B"}]`, one, two)).expect(t, 200, `[{"name":"A"},{"name":"B"}]`)
	a.rest("DELETE", path, "").expect(t, 200, "")
	a.rest("GET", path, "").expect(t, 200, "[]")
}

func TestRESTCallsThatAreRefused(t *testing.T) {
	a := start(t, emulator.Options{})
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"a name is missing": {
			"POST", "/services", `{"description":"d"}`, 400,
			`{"errorCode":"400","errorMessage":"Unable to create service definition.","errors":[{"property":"name","message":"Property 'name' is required."}]}`,
		},
		"several things are missing": {
			"POST", "/members", `{"username":" "}`, 400,
			`{"errorCode":"400","errorMessage":"Unable to create member.","errors":[{"property":"username","message":"Property 'username' is required."},{"property":"email","message":"Property 'email' is required."},{"property":"displayName","message":"Property 'displayName' is required."}]}`,
		},
		"a user name is taken": {
			"POST", "/members", `{"username":"li.na","email":"e","displayName":"d"}`, 400,
			`{"errorCode":"400","errorMessage":"Unable to create member.","errors":[{"property":"username","message":"Property 'username' must be unique."}]}`,
		},
		"something nested is wrong": {
			"POST", "/services", `{"name":"S","endpoints":[{"name":"E"},{"methods":[7]}]}`, 400,
			`{"errorCode":"400","errorMessage":"Unable to create service definition.","errors":[{"property":"endpoints[1].name","message":"Property 'name' is required."},{"property":"endpoints[1].methods[0]","message":"Property 'endpoints[1].methods[0]' is not an object."}]}`,
		},
		"domains of any shape but one": {
			"POST", "/services/3wh56tphn3e87eshyjgjeqrp/endpoints", `{"name":"E","publicDomains":"x","systemDomains":[{"address":"a"},1,{"address":" "},{"address":7},null]}`, 400,
			`{"errorCode":"400","errorMessage":"Unable to create service definition endpoint.","errors":[{"property":"publicDomains","message":"Property 'publicDomains' is not an array."},` +
				`{"property":"systemDomains[1]","message":"Property 'systemDomains' is not an object with a text 'address'."},{"property":"systemDomains[2]","message":"Property 'systemDomains' is not an object with a text 'address'."},` +
				`{"property":"systemDomains[3]","message":"Property 'systemDomains' is not an object with a text 'address'."},{"property":"systemDomains[4]","message":"Property 'systemDomains' is not an object with a text 'address'."}]}`,
		},
		"a date that is none": {
			"POST", "/scheduledMaintenanceEvents", `{"name":"E","startDateTime":"garbage","endDateTime":7}`, 400,
			`{"errorCode":"400","errorMessage":"Unable to create scheduled maintenance event.","errors":[{"property":"endDateTime","message":"Property 'endDateTime' is not a text."},` +
				`{"property":"startDateTime","message":"Property 'startDateTime' is not a date."},{"property":"endDateTime","message":"Property 'endDateTime' is not a date."}]}`,
		},
		"a name that is a number":         {"POST", "/services", `{"name":5}`, 400, `{"errorCode":"400","errorMessage":"Unable to create service definition.","errors":[{"property":"name","message":"Property 'name' is not a text."}]}`},
		"children that are no array":      {"POST", "/services", `{"name":"S","endpoints":{}}`, 400, ""},
		"a body that is no JSON":          {"POST", "/services", `{"name"`, 400, ""},
		"more than Mashery takes":         {"POST", "/services", `"` + strings.Repeat("x", 8<<20) + `"`, 413, `{"errorCode":"413","errorMessage":"The body is longer than 8388608 bytes."}`},
		"two JSON values":                 {"POST", "/services", `{"name":"S"} {}`, 400, `{"errorCode":"400","errorMessage":"The body is not JSON: something follows the JSON value"}`},
		"no body":                         {"POST", "/services", ``, 400, ""},
		"a list where an object is due":   {"POST", "/services", `[]`, 400, `{"errorCode":"400","errorMessage":"The body is not an object."}`},
		"an object where a list is due":   {"PUT", "/services", `{}`, 400, `{"errorCode":"400","errorMessage":"The body is not an array."}`},
		"an object that is not there":     {"PUT", "/services/nosuch", `{}`, 404, ""},
		"a parent that is not there":      {"POST", "/services/nosuch/endpoints", `{"name":"E"}`, 404, ""},
		"a resource that is not there":    {"GET", "/nosuch", "", 404, `{"errorCode":"404","errorMessage":"The resource does not exist."}`},
		"a nested kind at the root":       {"GET", "/endpoints", "", 404, ""},
		"a slash at the end":              {"GET", "/services/", "", 404, ""},
		"no resource at all":              {"GET", "", "", 404, ""},
		"a climbing path":                 {"GET", "/services/%2e%2e/members", "", 404, ""},
		"an escaped slash is no slash":    {"GET", "/services%2Fnosuch", "", 404, `{"errorCode":"404","errorMessage":"The resource does not exist."}`},
		"an escaped slash within an id":   {"GET", "/services/a%2Fb", "", 404, `{"errorCode":"404","errorMessage":"Unable to find service definition."}`},
		"a semicolon belongs to the id":   {"GET", "/services/a;b", "", 404, `{"errorCode":"404","errorMessage":"Unable to find service definition."}`},
		"a name that is an object":        {"POST", "/services", `{"name":{"a":1},"endpoints":[{"name":["x"]}]}`, 400, `{"errorCode":"400","errorMessage":"Unable to create service definition.","errors":[{"property":"name","message":"Property 'name' is not a text."},{"property":"endpoints[0].name","message":"Property 'name' is not a text."}]}`},
		"a verb in lower case":            {"post", "/services", `{"name":"S"}`, 405, `{"errorCode":"405","errorMessage":"The method is not allowed here."}`},
		"a verb of Vault's":               {"LIST", "/services", "", 405, ""},
		"a POST to an object":             {"POST", "/members/nosuch", "{}", 405, ""},
		"a bad escape in an item's query": {"GET", "/services/x?fields=%zz", "", 404, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := a.rest(test.method, test.path, test.body).expect(t, test.status, test.want).
				expectHeader(t, "Content-Type", "application/json;charset=UTF-8").
				expectHeader(t, "X-Mashery-Error-Code", "")
			if code, isText := got.object(t)["errorCode"].(string); !isText || code != fmt.Sprint(test.status) {
				t.Errorf("errorCode is %v", code)
			}
		})
	}
	a.rest("HEAD", "/services", "").expectHeader(t, "X-Total-Count", "264")
}

func TestEscapesInAPathAreData(t *testing.T) {
	a := start(t, emulator.Options{})
	id := a.rest("GET", "/services?limit=1", "").list(t)[0]["id"].(string)
	a.rest("GET", "/s%65rvices/"+fmt.Sprintf("%%%x", id[0])+id[1:], "").expect(t, 200, "")
}

func TestManyCallersAtOnce(t *testing.T) {
	a := start(t, emulator.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := a.rest("POST", "/services", fmt.Sprintf(`{"name":"S%d"}`, i)).object(t)["id"].(string)
			a.rest("GET", "/services?fields=name,endpoints.methods&sort=name&limit=20", "")
			a.rpc(`{"method":"object.query","params":["SELECT * FROM services"],"id":1}`)
			a.rest("PUT", "/services/"+id, `{"name":"T","endpoints":[{"name":"E"}]}`)
			a.requestToken(passwordForm())
			a.rest("DELETE", "/services/"+id, "").expect(t, 200, "")
			a.Counts()
			a.Requests()
		})
	}
	all.Wait()
	a.rest("HEAD", "/services", "").expectHeader(t, "X-Total-Count", "264")
}
