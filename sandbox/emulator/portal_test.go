// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"mashproxy/sandbox/emulator"
)

func TestOrganizations(t *testing.T) {
	a := start(t, emulator.Options{})
	create := func(body string) string {
		return a.rest("POST", "/organizations", body).expect(t, 200, "").object(t)["id"].(string)
	}
	top := create(`{"name":"Top"}`)
	below := create(`{"name":"Below","parent":{"id":"` + top + `"}}`)
	a.rest("GET", "/organizations/"+top+"?fields=name,suborganizations.name", "").expect(t, 200, `{"name":"Top","suborganizations":[{"name":"Below"}]}`)
	a.rest("GET", "/organizations/"+below+"?fields=parent", "").expect(t, 200, `{"parent":{"id":"`+top+`","name":"Top"}}`)
	service := "/services/" + a.rest("POST", "/services", `{"name":"S","organization":{"id":"`+below+`"}}`).expect(t, 200, "").object(t)["id"].(string)
	a.rest("GET", service+"?fields=organization", "").expect(t, 200, `{"organization":{"id":"`+below+`","name":"Below"}}`)
	a.rest("PUT", "/organizations/"+below, `{"name":"Renamed"}`).expect(t, 200, "")
	a.rest("GET", service+"?fields=organization.name", "").expect(t, 200, `{"organization":{"name":"Renamed"}}`)
	a.rest("PUT", service+"?fields=organization", `{"organization":{"id":null,"name":"Area Level"}}`).expect(t, 200, `{"organization":null}`)
	a.rest("PUT", service, `{"organization":{"id":"nosuch"}}`).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update service definition.","errors":[{"property":"organization","message":"There is no organization of that id."}]}`)
	a.rest("PUT", service, `{"organization":{"id":"`+below+`"}}`).expect(t, 200, "")
	a.rest("DELETE", "/organizations/"+below, "").expect(t, 200, "")
	a.rest("GET", service+"?fields=organization", "").expect(t, 200, `{"organization":null}`)
}

func TestAnOrganizationIsNotBelowItself(t *testing.T) {
	a := start(t, emulator.Options{})
	top := a.rest("POST", "/organizations", `{"name":"Top"}`).expect(t, 200, "").object(t)["id"].(string)
	below := a.rest("POST", "/organizations", `{"name":"Below","parent":{"id":"`+top+`"}}`).expect(t, 200, "").object(t)["id"].(string)
	for _, parent := range []string{top, below} {
		a.rest("PUT", "/organizations/"+top, `{"parent":{"id":"`+parent+`"}}`).
			expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update organization.","errors":[{"property":"parent","message":"That organization is this one, or below it."}]}`)
		a.rest("POST", "/organizations/"+parent+"/suborganizations", `{"id":"`+top+`"}`).
			expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create organization.","errors":[{"property":"id","message":"This organization is that one, or below it."}]}`)
	}
	a.rest("PUT", "/organizations/"+below+"?fields=parent.name", `{"parent":{"id":"`+top+`"}}`).expect(t, 200, `{"parent":{"name":"Top"}}`)
}

func TestMaintenanceEventsAndTheirEndpoints(t *testing.T) {
	a := start(t, emulator.Options{})
	endpoint := a.first(a.first("/services") + "/endpoints")
	id := endpoint[strings.LastIndex(endpoint, "/")+1:]
	a.rest("POST", "/scheduledMaintenanceEvents", `{"name":"E"}`).expect(t, 400, "")
	event := a.rest("POST", "/scheduledMaintenanceEvents", `{"name":"E","startDateTime":"2026-04-11T22:00:00.000+0000","endDateTime":"2026-04-12","endpoints":[{"id":"`+id+`"}]}`).
		expect(t, 200, "").object(t)["id"].(string)
	path := "/scheduledMaintenanceEvents/" + event + "/endpoints"
	a.rest("GET", path+"?fields=id", "").expect(t, 200, `[{"id":"`+id+`"}]`)
	a.rest("GET", endpoint+"/scheduledMaintenanceEvent", "").expect(t, 200, `{"id":"`+event+`","name":"E"}`)
	a.rest("DELETE", path+"/"+id, "").expect(t, 200, "")
	a.rest("GET", path, "").expect(t, 200, "[]")
	a.rest("GET", endpoint, "").expect(t, 200, "") // only the event has let it go
	a.rest("POST", path+"?fields=id", `{"id":"`+id+`"}`).expect(t, 200, `{"id":"`+id+`"}`)
	a.rest("POST", path, `{"id":"nosuch"}`).expect(t, 400, "")
	a.rest("PUT", path, `[]`).expect(t, 405, "").expectHeader(t, "Allow", "GET, HEAD, POST, DELETE")
	a.rest("DELETE", path, "").expect(t, 200, "")
	a.rest("PUT", endpoint+"/scheduledMaintenanceEvent", `{"id":"`+event+`"}`).expect(t, 200, "")
	a.rest("DELETE", "/scheduledMaintenanceEvents/"+event, "").expect(t, 200, "")
	a.rest("GET", endpoint+"/scheduledMaintenanceEvent", "").expect(t, 404, "")
}

func TestDomains(t *testing.T) {
	a := start(t, emulator.Options{})
	fresh := a.rest("POST", "/domains", `{"domain":"new.example","status":"active"}`).expect(t, 200, "").object(t)
	if fresh["domain"] != "new.example" || fresh["status"] != "active" {
		t.Errorf("got %v", fresh)
	}
	a.rest("POST", "/domains", `{"domain":"new.example"}`).expect(t, 400, "")
	a.rest("GET", "/domains/public/hostnames", "").expect(t, 200, `[{"address":"api.acme.example"}]`)
	a.rest("POST", a.first("/services")+"/endpoints", `{"name":"E","publicDomains":[{"address":"new.example"}]}`).expect(t, 200, "")
	a.rest("GET", "/domains/public/hostnames", "").expect(t, 200, `[{"address":"api.acme.example"},{"address":"new.example"}]`)
	a.rest("GET", "/domains/public?filter=domain:new&fields=name,domain", "").expect(t, 200, `[{"domain":"new.example","name":"E"}]`)
	for _, path := range []string{"/domains/public", "/domains/system/hostnames"} {
		a.rest("DELETE", path, "").expect(t, 405, "").expectHeader(t, "Allow", "GET, HEAD")
		a.rest("GET", path+"/nosuch", "").expect(t, 404, "")
	}
	if calls := a.Counts().Calls; calls["GET domains/public/hostnames"] != 2 {
		t.Errorf("calls: %v", calls)
	}
}

func TestIODocs(t *testing.T) {
	a := start(t, emulator.Options{})
	id := a.rest("POST", "/services", `{"name":"S"}`).object(t)["id"].(string)
	path := "/iodocs/services/" + id
	a.rest("GET", path, "").expect(t, 404, `{"errorCode":"404","errorMessage":"Unable to find I/O Docs definition."}`)
	a.rest("POST", "/iodocs/services?fields=serviceId,defaultApi,definition", `{"serviceId":"`+id+`","definition":{"a":1}}`).
		expect(t, 200, `{"defaultApi":false,"definition":{"a":1},"serviceId":"`+id+`"}`)
	a.rest("POST", "/iodocs/services", `{"serviceId":"`+id+`","definition":{}}`).expect(t, 400, "")
	a.rest("POST", "/iodocs/services", `{"serviceId":"nosuch","definition":{}}`).expect(t, 400, "")
	a.rest("PUT", path+"?fields=definition", `{"definition":{"b":2}}`).expect(t, 200, `{"definition":{"b":2}}`)
	a.rest("DELETE", "/services/"+id, "").expect(t, 200, "")
	a.rest("GET", path, "").expect(t, 404, "")
	a.rest("GET", "/iodocs", "").expect(t, 404, `{"errorCode":"404","errorMessage":"The resource does not exist."}`)
}

func TestWhatIsInUseIsNotDeleted(t *testing.T) {
	a := start(t, emulator.Options{})
	pkg := a.rest("POST", "/packages?fields=id,plans.id", `{"name":"P","plans":[{"name":"Q"}]}`).expect(t, 200, "").object(t)
	id, plan := pkg["id"].(string), pkg["plans"].([]any)[0].(map[string]any)["id"].(string)
	key := "/packageKeys/" + a.rest("POST", a.first("/applications")+"/packageKeys",
		fmt.Sprintf(`{"secret":"s","package":{"id":%q},"plan":{"id":%q}}`, id, plan)).expect(t, 200, "").object(t)["id"].(string)
	a.rest("GET", key+"?fields=plan,package.name", "").expect(t, 200, `{"package":{"name":"P"},"plan":{"id":"`+plan+`","name":"Q"}}`)
	a.rest("PUT", key, `{"package":{"id":"`+id+`"}}`).expect(t, 200, "")
	other := strings.TrimPrefix(a.first("/packages"), "/packages/")
	a.rest("PUT", key, `{"package":{"id":"`+other+`"}}`).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update package key.","errors":[{"property":"package","message":"Property 'package' cannot be changed."}]}`)
	a.rest("DELETE", "/packages/"+id, "").
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to delete package.","errors":[{"property":"id","message":"There is a package key of it."}]}`)
	a.rest("DELETE", "/packages/"+id+"/plans", "").expect(t, 400, "")
	a.rest("DELETE", key, "").expect(t, 200, "")
	a.rest("DELETE", "/packages/"+id, "").expect(t, 200, "")
	a.rest("GET", "/packages/"+id+"/plans/"+plan, "").expect(t, 404, "")
}

func TestAKeyStaysInItsPackage(t *testing.T) {
	a := start(t, emulator.Options{})
	one := a.rest("POST", "/packages?fields=id,plans.id,plans.name", `{"name":"P","plans":[{"name":"A"},{"name":"B"}]}`).expect(t, 200, "").object(t)
	plans := one["plans"].([]any)
	id, from, to := one["id"].(string), plans[0].(map[string]any)["id"].(string), plans[1].(map[string]any)["id"].(string)
	otherPackage := a.first("/packages")
	other := strings.TrimPrefix(a.first(otherPackage+"/plans"), otherPackage+"/plans/")

	const refused = `"errors":[{"property":"plan","message":"There is no plan of that id in the package."}]}`
	keys := a.first("/applications") + "/packageKeys"
	a.rest("POST", keys, fmt.Sprintf(`{"secret":"s","package":{"id":%q},"plan":{"id":%q}}`, id, other)).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create package key.",`+refused)
	a.rest("POST", keys, fmt.Sprintf(`{"secret":"s","plan":{"id":%q}}`, from)).expect(t, 400, "")
	fresh := a.rest("POST", keys, fmt.Sprintf(`{"secret":"s","package":{"id":%q},"plan":{"id":%q}}`, id, from)).expect(t, 200, "").object(t)
	key := "/packageKeys/" + fresh["id"].(string)
	a.rest("PUT", key, fmt.Sprintf(`{"plan":{"id":%q}}`, other)).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update package key.",`+refused)
	a.call("package_key.update", fmt.Sprintf(`[{"id":%v,"plan":{"id":%v}}]`, a.numberOf("package_keys", fresh["id"]), a.numberOf("plans", other))).
		expect(t, 400, `{"error":{"message":"Invalid Object","code":1000,"data":[{"field":"plan","message":"There is no plan of that id in the package."}]},"id":1,"jsonrpc":"2.0"}`)
	a.rest("PUT", key+"?fields=plan.name", fmt.Sprintf(`{"plan":{"id":%q}}`, to)).expect(t, 200, `{"plan":{"name":"B"}}`)
}

// numberOf is V2's id of an object.
func (a *area) numberOf(table string, uuid any) any {
	a.t.Helper()
	page := a.created("object.query", fmt.Sprintf(`["SELECT id FROM %s WHERE uuid = '%s'"]`, table, uuid))
	return page["items"].([]any)[0].(map[string]any)["id"]
}

func TestTheLimitsOfAKeyAreItsCeilingsUnlessItHasOthers(t *testing.T) {
	a := start(t, emulator.Options{})
	key := "/packageKeys/" + a.rest("POST", a.first("/applications")+"/packageKeys", `{"secret":"s","qpsLimitCeiling":3}`).expect(t, 200, "").object(t)["id"].(string)
	a.rest("GET", key+"?fields=limits", "").
		expect(t, 200, `{"limits":[{"ceiling":3,"period":"second","source":"plan"},{"ceiling":5000,"period":"day","source":"plan"}]}`)
	a.rest("PUT", key+"?fields=limits.ceiling", `{"rateLimitCeiling":7}`).expect(t, 200, `{"limits":[{"ceiling":3},{"ceiling":7}]}`)
	a.rest("PUT", key+"?fields=limits", `{"limits":[]}`).expect(t, 200, `{"limits":[]}`)
}

func TestMembers(t *testing.T) {
	a := start(t, emulator.Options{})
	path := a.first("/members")
	a.rest("GET", path+"?fields=username,roles.name,packageKeys.status", "").
		expect(t, 200, `{"packageKeys":[{"status":"active"}],"roles":[{"name":"Administrator"}],"username":"amara.okafor"}`)
	role := strings.TrimPrefix(a.first("/roles"), "/roles/")
	a.rest("PUT", path+"?fields=roles.id,passwdNew", `{"passwdNew":"s3cret","roles":[{"id":"`+role+`"}]}`).expect(t, 200, `{"roles":[{"id":"`+role+`"}]}`)
	a.rest("GET", "/members?filter=roles.name:Administrator&fields=username", "").expect(t, 200, `[{"username":"amara.okafor"}]`)

	// The name of a member who is gone stays taken.
	a.rest("DELETE", path, "").expect(t, 200, "")
	a.rest("POST", "/members", `{"username":"amara.okafor","email":"e","displayName":"d"}`).
		expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create member.","errors":[{"property":"username","message":"Property 'username' must be unique."}]}`)
}

func TestRangesOfDates(t *testing.T) {
	a := start(t, emulator.Options{})
	dates := a.rest("GET", "/members?sort=created&fields=created", "").list(t)
	tenth := dates[9]["created"].(string)
	day := tenth[:len("2006-01-02")]
	tests := map[string]struct{ filter, total string }{
		"after a date":                {"created:>" + tenth[:19], "27"}, // the tenth has some milliseconds
		"from a date with an offset":  {"created:>=" + tenth[:19] + "-05:30", "26"},
		"until a date":                {"created:<" + day, "8"},
		"from a date as answers have": {"created:>=" + tenth, "27"},
		"with an offset and no colon": {"created:>=" + tenth[:19] + "-0530", "26"},
		"a plus that was not escaped": {"created:<=2119-01-01T00:00:00+02:00", "36"},
		"between two":                 {"created:>=" + day + "&filter=created:<=2119-01-01T00:00:00", "28"},
		"between two, in one filter":  {"created:>=" + day + ",created:<2119-01-01", "28"},
		"a text, as ever":             {"created:" + day, "2"},
		"of something nested":         {"applications.created:>=" + day, "28"},
		"on what is no date":          {"username:<2119-01-01", "0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a.rest("GET", "/members?limit=1&filter="+test.filter, "").expect(t, 200, "").expectHeader(t, "X-Total-Count", test.total)
		})
	}
	a.rest("GET", "/members?filter=updated:>yesterday", "").
		expect(t, 400, `{"errorCode":"400","errorMessage":"The query is not valid.","errors":[{"property":"filter","message":"'yesterday' is not a date."}]}`)
}

func TestSwaggerBecomesAService(t *testing.T) {
	const query = "/transform?sourceFormat=swagger2&targetFormat=masheryapi&publicDomain=api.acme.example"
	a := start(t, emulator.Options{})
	document := `{"swagger":"2.0","info":{"title":"Pets","version":"1.2","description":"d"},"host":"backend.example","basePath":"/v1/",
		"paths":{"/pets":{"get":{"operationId":"listPets"},"post":{}},"/odd":7}}`
	answer := a.rest("POST", query, document).expect(t, 200, "").object(t)
	if errors := answer["validationErrors"].([]any); len(errors) != 0 {
		t.Errorf("errors: %v", errors)
	}
	service := encodeJSON(t, answer["document"])
	a.rest("POST", "/services?fields=name,version,endpoints.name,endpoints.requestPathAlias,endpoints.methods.name,endpoints.publicDomains,endpoints.systemDomains", service).
		expect(t, 200, `{"endpoints":[`+
			`{"methods":[],"name":"/odd","publicDomains":[{"address":"api.acme.example"}],"requestPathAlias":"/v1/odd","systemDomains":[{"address":"backend.example"}]},`+
			`{"methods":[{"name":"listPets"},{"name":"post /pets"}],"name":"/pets","publicDomains":[{"address":"api.acme.example"}],"requestPathAlias":"/v1/pets","systemDomains":[{"address":"backend.example"}]}],`+
			`"name":"Pets","version":"1.2"}`)
	a.rest("POST", query, `{}`).expect(t, 200, `{"document":null,"validationErrors":["'swagger' must be \"2.0\".","'info.title' is required.","'paths' is required."]}`)
	a.rest("POST", query, `[]`).expect(t, 400, "")
	a.rest("POST", query, `{`).expect(t, 400, "")
	a.rest("POST", "/transform?sourceFormat=raml", document).expect(t, 400, "")
	a.rest("GET", query, "").expect(t, 405, "").expectHeader(t, "Allow", "POST")
}

func encodeJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
