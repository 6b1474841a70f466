// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mashproxy/sandbox/emulator"
)

// first gives the path of the first object of a list.
func (a *area) first(list string) string {
	a.t.Helper()
	objects := a.rest("GET", list+"?limit=1", "").expect(a.t, 200, "").list(a.t)
	if len(objects) == 0 {
		a.t.Fatalf("%s is empty", list)
	}
	id := objects[0]["id"]
	if id == nil {
		id = objects[0]["serviceId"]
	}
	return list + "/" + fmt.Sprint(id)
}

// planPaths are the paths of a plan's service, its endpoint, and its method.
func (a *area) planPaths() (plan, service, endpoint, method string) {
	a.t.Helper()
	plan = a.first(a.first("/packages") + "/plans")
	service = a.first(plan + "/services")
	endpoint = a.first(service + "/endpoints")
	return plan, service, endpoint, a.first(endpoint + "/methods")
}

func TestEveryResourceHasObjectsWithTheirImplicitFields(t *testing.T) {
	a := start(t, emulator.Options{})
	service := a.first("/services")
	endpoint := a.first(service + "/endpoints")
	method := a.first(endpoint + "/methods")
	errorSet := a.first(service + "/errorSets")
	event := a.first("/scheduledMaintenanceEvents")
	plan, planService, planEndpoint, _ := a.planPaths()
	tests := map[string]struct{ list, fields string }{
		"services":                     {"/services", "created id name updated"},
		"endpoints":                    {service + "/endpoints", "created id name updated"},
		"methods":                      {endpoint + "/methods", "created id name updated"},
		"response filters":             {method + "/responseFilters", "created id name updated"},
		"error sets":                   {service + "/errorSets", "created id jsonp jsonpType name type updated"},
		"error messages":               {errorSet + "/errorMessages", "code detailHeader id responseBody status"},
		"members":                      {"/members", "areaStatus company countryCode created displayName email firstName id lastName updated username"},
		"applications":                 {"/applications", "ads commercial created description id name tags type updated uri usageModel username"},
		"package keys":                 {"/packageKeys", "apikey created id limits qpsLimitCeiling qpsLimitExempt rateLimitCeiling rateLimitExempt secret status updated"},
		"roles":                        {"/roles", "created description id isAssignable isOrgrole isPredefined name updated"},
		"organizations":                {"/organizations", "created description id name updated"},
		"packages":                     {"/packages", "created description id name notifyAdminPeriod notifyDeveloperPeriod updated"},
		"services of a plan":           {plan + "/services", "created id name updated"},
		"endpoints of a plan":          {planService + "/endpoints", "created id name updated"},
		"methods of a plan":            {planEndpoint + "/methods", "created id name updated"},
		"e-mail template sets":         {"/emailTemplateSets", "created id name type updated"},
		"e-mail templates":             {a.first("/emailTemplateSets") + "/emailTemplates", "body created from id name subject type updated"},
		"domains":                      {"/domains", "created domain id status"},
		"public domains":               {"/domains/public", "created domain id name path updated"},
		"system domains":               {"/domains/system", "created domain id name path updated"},
		"public host names":            {"/domains/public/hostnames", "address"},
		"system host names":            {"/domains/system/hostnames", "address"},
		"scheduled maintenance events": {"/scheduledMaintenanceEvents", "endDateTime endpoints id name startDateTime"},
		"endpoints of such an event":   {event + "/endpoints", "created id name updated"},
		"I/O Docs":                     {"/iodocs/services", "created defaultApi serviceId updated"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := a.rest("GET", test.list, "").expect(t, 200, "").list(t)
			if len(objects) == 0 {
				t.Fatal("none")
			}
			var fields []string
			for field := range objects[0] {
				fields = append(fields, field)
			}
			slices.Sort(fields)
			if got := strings.Join(fields, " "); got != test.fields {
				t.Errorf("got  %s\nwant %s", got, test.fields)
			}
			head := a.rest("HEAD", test.list, "").expect(t, 200, "").header.Get("X-Total-Count")
			if want := a.rest("GET", test.list+"?limit=1", "").header.Get("X-Total-Count"); head != want || head == "0" {
				t.Errorf("HEAD says %s, GET %s", head, want)
			}
			if objects[0]["id"] != nil && !strings.HasPrefix(test.list, "/domains/") && test.list != event+"/endpoints" {
				item := a.rest("GET", a.first(test.list), "").expect(t, 200, "")
				if isArray := strings.HasPrefix(item.body, "["); isArray != (test.list == plan+"/services") {
					t.Errorf("one of them: %s", item.body)
				}
			}
		})
	}
}

func TestAPlanGivesAccessToServices(t *testing.T) {
	a := start(t, emulator.Options{})
	service := a.rest("POST", "/services?fields=id,endpoints.id,endpoints.methods.id,endpoints.methods.responseFilters.id",
		`{"name":"S","endpoints":[{"name":"E","methods":[{"name":"M","responseFilters":[{"name":"F"}]}]}]}`).expect(t, 200, "").object(t)
	s := service["id"].(string)
	endpoint := service["endpoints"].([]any)[0].(map[string]any)
	method := endpoint["methods"].([]any)[0].(map[string]any)
	filter := method["responseFilters"].([]any)[0].(map[string]any)["id"].(string)
	e, m := endpoint["id"].(string), method["id"].(string)

	plans := a.first("/packages") + "/plans"
	plan := plans + "/" + a.rest("POST", plans, `{"name":"P"}`).expect(t, 200, "").object(t)["id"].(string)
	a.rest("GET", plan+"/services/"+s, "").expect(t, 404, `{"errorCode":"404","errorMessage":"Unable to find plan service."}`)
	a.rest("POST", plan+"/services?fields=id,name", `{"id":"`+s+`"}`).expect(t, 200, `{"id":"`+s+`","name":"S"}`)
	a.rest("POST", plan+"/services", `{"id":"`+s+`"}`).expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create plan service.","errors":[{"property":"id","message":"Property 'id' must be unique."}]}`)
	a.rest("POST", plan+"/services", `{"id":"nosuch"}`).expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create plan service.","errors":[{"property":"id","message":"There is no service definition of that id."}]}`)

	// One service is answered as an array, one endpoint as an object.
	a.rest("GET", plan+"/services/"+s+"?fields=id", "").expect(t, 200, `[{"id":"`+s+`"}]`).expectHeader(t, "X-Total-Count", "1")
	endpoints := plan + "/services/" + s + "/endpoints"
	a.rest("GET", endpoints, "").expect(t, 200, "[]")
	other := a.rest("GET", a.first("/services")+"/endpoints", "").list(t)[0]["id"].(string)
	a.rest("POST", endpoints, `{"id":"`+other+`"}`).expect(t, 400, "")
	a.rest("POST", endpoints, `{"id":"`+e+`"}`).expect(t, 200, "")
	a.rest("GET", endpoints+"/"+e+"?fields=id,name", "").expect(t, 200, `{"id":"`+e+`","name":"E"}`)

	methods := endpoints + "/" + e + "/methods"
	a.rest("POST", methods+"?fields=id,name", `{"id":"`+m+`"}`).expect(t, 200, `{"id":"`+m+`","name":"M"}`)
	single := methods + "/" + m + "/responseFilter"
	a.rest("GET", single, "").expect(t, 404, `{"errorCode":"404","errorMessage":"Unable to find plan method response filter."}`)
	a.rest("DELETE", single, "").expect(t, 404, "")
	a.rest("POST", single+"?fields=id,name", `{"id":"`+filter+`"}`).expect(t, 200, `{"id":"`+filter+`","name":"F"}`)
	a.rest("POST", single, `{"id":"`+filter+`"}`).expect(t, 400, "")
	a.rest("GET", single+"?fields=name", "").expect(t, 200, `{"name":"F"}`)
	a.rest("GET", methods+"?fields=responseFilter.name", "").expect(t, 200, `[{"responseFilter":{"name":"F"}}]`)
	a.rest("DELETE", single, "").expect(t, 200, "")
	a.rest("GET", methods+"?fields=responseFilter", "").expect(t, 200, `[{"responseFilter":null}]`)

	// What is renamed is renamed in the plan; what is deleted is gone from it.
	a.rest("PUT", "/services/"+s, `{"name":"T"}`).expect(t, 200, "")
	a.rest("GET", plan+"/services?fields=name", "").expect(t, 200, `[{"name":"T"}]`)
	a.rest("DELETE", "/services/"+s+"/endpoints/"+e, "").expect(t, 200, "")
	a.rest("GET", endpoints, "").expect(t, 200, "[]").expectHeader(t, "X-Total-Count", "0")
	a.rest("DELETE", "/services/"+s, "").expect(t, 200, "")
	a.rest("GET", plan+"/services", "").expect(t, 200, "[]")
	a.rest("GET", endpoints, "").expect(t, 404, "")

	// A plan with all of it at once.
	service2 := a.first("/services")
	id, nested := strings.TrimPrefix(service2, "/services/"), strings.TrimPrefix(a.first(service2+"/endpoints"), service2+"/endpoints/")
	whole := fmt.Sprintf(`{"name":"W","services":[{"id":%q,"endpoints":[{"id":%q}]}]}`, id, nested)
	a.rest("POST", plans+"?fields=name,services.id,services.endpoints.id", whole).
		expect(t, 200, fmt.Sprintf(`{"name":"W","services":[{"endpoints":[{"id":%q}],"id":%q}]}`, nested, id))
	wrong := fmt.Sprintf(`{"name":"W","services":[{"id":%q,"endpoints":[{"id":"nosuch"}]}]}`, id)
	a.rest("POST", plans, wrong).expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create plan.","errors":[{"property":"services[0].endpoints[0].id","message":"There is no service definition endpoint of that id."}]}`)
}

func TestPartsOfAnObjectHavePathsOfTheirOwn(t *testing.T) {
	a := start(t, emulator.Options{})
	service := "/services/" + a.rest("POST", "/services", `{"name":"S"}`).object(t)["id"].(string)
	a.rest("GET", service+"/cache", "").expect(t, 404, `{"errorCode":"404","errorMessage":"Unable to find cache."}`)
	a.rest("DELETE", service+"/cache", "").expect(t, 404, "")
	a.rest("PUT", service+"/cache", `{"cacheTtl":5,"x":1}`).expect(t, 200, `{"cacheTtl":5,"x":1}`)
	a.rest("PUT", service+"/cache?fields=cacheTtl", `{"cacheTtl":6}`).expect(t, 200, `{"cacheTtl":6}`)
	a.rest("GET", service+"/cache", "").expect(t, 200, `{"cacheTtl":6,"x":1}`)
	a.rest("POST", service+"/cache", `{"cacheTtl":7}`).expect(t, 200, `{"cacheTtl":7}`)
	a.rest("GET", service+"?fields=cache", "").expect(t, 200, `{"cache":{"cacheTtl":7}}`)
	a.rest("PUT", service+"/cache", `[]`).expect(t, 400, `{"errorCode":"400","errorMessage":"The body is not an object."}`)
	a.rest("DELETE", service+"/cache", "").expect(t, 200, "")
	a.rest("GET", service+"/cache", "").expect(t, 404, "")

	a.rest("PUT", service+"/securityProfile/oauth", `{"accessTokenTtl":60}`).expect(t, 200, `{"accessTokenTtl":60}`)
	a.rest("PUT", service+"/securityProfile", `{"more":true}`).expect(t, 200, `{"more":true,"oauth":{"accessTokenTtl":60}}`)
	a.rest("DELETE", service+"/securityProfile/oauth", "").expect(t, 200, "")
	a.rest("GET", service+"/securityProfile", "").expect(t, 200, `{"more":true}`)
	a.rest("GET", service+"/securityProfile/oauth", "").expect(t, 404, "")
	a.rest("GET", service+"/securityProfile/nosuch", "").expect(t, 404, `{"errorCode":"404","errorMessage":"The resource does not exist."}`)

	endpoint := a.first(a.first("/services") + "/endpoints")
	for _, part := range []string{"cache", "cors", "systemDomainAuthentication", "scheduledMaintenanceEvent"} {
		a.rest("GET", endpoint+"/"+part, "").expect(t, 200, "")
		a.rest("DELETE", endpoint+"/"+part, "").expect(t, 200, "")
		a.rest("GET", endpoint+"/"+part, "").expect(t, 404, "")
	}
	a.rest("PATCH", service+"/cache", "").expect(t, 405, "").expectHeader(t, "Allow", "GET, HEAD, POST, PUT, DELETE")
}

func TestAPlansNotesAreShownWhenTheyAreNamed(t *testing.T) {
	a := start(t, emulator.Options{})
	plans := a.first("/packages") + "/plans"
	plan := a.rest("POST", plans, `{"name":"P","notes":"n","eav":{"a":"b"}}`).expect(t, 200, "").object(t)
	if plan["notes"] != nil || plan["eav"] != nil || plan["status"] != "active" {
		t.Errorf("unasked: %v", plan)
	}
	a.rest("GET", plans+"/"+plan["id"].(string)+"?fields=notes,eav", "").expect(t, 200, `{"eav":{"a":"b"},"notes":"n"}`)
}

func TestRolesOfServicesAndPlans(t *testing.T) {
	a := start(t, emulator.Options{})
	role := a.rest("GET", "/roles?filter=name:Partners", "").list(t)[0]["id"].(string)
	service := "/services/" + a.rest("POST", "/services", `{"name":"S"}`).object(t)["id"].(string)
	a.rest("GET", service+"/roles", "").expect(t, 200, "[]").expectHeader(t, "X-Total-Count", "0")
	one := fmt.Sprintf(`[{"action":"read","id":%q,"name":"Partners"}]`, role)
	a.rest("PUT", service+"/roles", fmt.Sprintf(`{"roles":[{"id":%q,"action":"read"}]}`, role)).expect(t, 200, one)
	a.rest("PUT", service+"/roles", "["+one+"]").expect(t, 400, `{"errorCode":"400","errorMessage":"The body is not an object with an array 'roles'."}`)
	a.rest("PUT", service+"/roles", `{"roles":[{"id":"nosuch"}]}`).expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to update roles.","errors":[{"property":"roles[0]","message":"There is no role of that id."}]}`)
	a.rest("GET", service+"/roles", "").expect(t, 200, one).expectHeader(t, "X-Total-Count", "1")
	a.rest("GET", service+"?fields=roles.name", "").expect(t, 200, `{"roles":[{"name":"Partners"}]}`)
	a.rest("DELETE", service+"/roles", "").expect(t, 200, "")
	a.rest("GET", service+"/roles", "").expect(t, 200, "[]").expectHeader(t, "X-Total-Count", "0")
	a.rest("GET", service+"?fields=roles", "").expect(t, 200, `{"roles":[]}`)
	a.rest("POST", service+"/roles", one).expect(t, 405, "").expectHeader(t, "Allow", "GET, HEAD, PUT, DELETE")

	plan := a.first(a.first("/packages") + "/plans")
	many := fmt.Sprintf(`[{"action":"register_keys","id":%q,"name":"Partners"}]`, role)
	a.rest("PUT", plan+"/roles", many).expect(t, 200, many)
	a.rest("PUT", plan+"/roles", `{"roles":[]}`).expect(t, 400, `{"errorCode":"400","errorMessage":"The body is not an array."}`)
	a.rest("PUT", plan+"/roles", `[]`).expect(t, 200, "[]")
	a.rest("PUT", plan+"/roles", many).expect(t, 200, many)
	a.rest("DELETE", plan+"/roles", "").expect(t, 200, "")
	a.rest("GET", plan+"/roles", "").expect(t, 200, "[]")

	for verb, path := range map[string]string{"POST": "/roles", "PUT": "/roles/" + role, "DELETE": "/roles/" + role} {
		a.rest(verb, path, `{"name":"R"}`).expect(t, 405, "").expectHeader(t, "Allow", "GET, HEAD")
	}
}

func TestErrorSetsHoldMasherysMessages(t *testing.T) {
	a := start(t, emulator.Options{})
	service := a.first("/services")
	set := service + "/errorSets/" + a.rest("POST", service+"/errorSets", `{"name":"Mine","errorMessages":[{"id":"ERR_504_GATEWAY_TIMEOUT","responseBody":"late"}]}`).
		expect(t, 200, "").object(t)["id"].(string)
	a.rest("GET", set+"/errorMessages", "").expect(t, 200, `[{"code":504,"detailHeader":"Gateway Timeout","id":"ERR_504_GATEWAY_TIMEOUT","responseBody":"late","status":"Gateway Timeout"}]`)
	a.rest("POST", set+"/errorMessages?fields=code,detailHeader", `{"id":"ERR_403_DEVELOPER_INACTIVE","code":7}`).expect(t, 200, `{"code":403,"detailHeader":"Account Inactive"}`)
	a.rest("POST", set+"/errorMessages", `{"id":"ERR_403_DEVELOPER_INACTIVE"}`).expect(t, 400, "")
	a.rest("POST", set+"/errorMessages", `{"id":"ERR_418"}`).expect(t, 400, `{"errorCode":"400","errorMessage":"Unable to create error message.","errors":[{"property":"id","message":"There is no error message of that id."}]}`)
	message := set + "/errorMessages/ERR_403_DEVELOPER_INACTIVE"
	a.rest("PUT", message+"?fields=status", `{"status":"Who?"}`).expect(t, 200, `{"status":"Who?"}`)
	a.rest("PUT", set+"?fields=errorMessages.status", `{"errorMessages":[{"id":"ERR_504_GATEWAY_TIMEOUT","status":"Late"}]}`).
		expect(t, 200, `{"errorMessages":[{"status":"Late"},{"status":"Who?"}]}`)
	a.rest("DELETE", message, "").expect(t, 200, "")
	a.rest("GET", message, "").expect(t, 404, "")
	a.rest("PUT", message, `[]`).expect(t, 400, "")
	a.rest("PUT", message, `{"id":"ERR_504_GATEWAY_TIMEOUT","status":"Inactive"}`).
		expect(t, 200, `{"code":403,"detailHeader":"Account Inactive","id":"ERR_403_DEVELOPER_INACTIVE","responseBody":"<h1>Account Inactive</h1>","status":"Inactive"}`)
	a.rest("GET", message+"?fields=status", "").expect(t, 200, `{"status":"Inactive"}`)
	a.rest("PUT", set+"/errorMessages/ERR_418", `{"status":"Teapot"}`).expect(t, 404, "")
	a.rest("GET", a.first(service+"/errorSets")+"/errorMessages/ERR_403_DEVELOPER_INACTIVE", "").expect(t, 200, "")
}
