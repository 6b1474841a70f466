// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"mashproxy/sandbox/emulator"
)

// call calls a V2 method with parameters as JSON, in version 2.0.
func (a *area) call(method, params string) answer {
	a.t.Helper()
	return a.rpc(fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":%s,"id":1}`, method, params))
}

// result is the result of a call that succeeds.
func (a *area) result(method, params string) any {
	a.t.Helper()
	return a.call(method, params).expect(a.t, 200, "").object(a.t)["result"]
}

// created is the object that a call makes.
func (a *area) created(method, params string) map[string]any {
	a.t.Helper()
	o, ok := a.result(method, params).(map[string]any)
	if !ok {
		a.t.Fatalf("%s %s made no object", method, params)
	}
	return o
}

// failure is the error of a call that is refused.
func (a *area) failure(status int, method, params, want string) {
	a.t.Helper()
	a.call(method, params).expect(a.t, status, `{"error":`+want+`,"id":1,"jsonrpc":"2.0"}`)
}

func TestV2ObjectsFromTheirCreationToTheirEnd(t *testing.T) {
	a := start(t, emulator.Options{})
	role := a.created("role.create", `[{"name":"example_role_name","nosuch":1,"is_predefined":true}]`)
	id := fmt.Sprint(role["id"])
	if want := fmt.Sprintf("map[created:2026-03-01T12:00:00Z description: id:%s is_assignable:true is_orgrole:false is_predefined:false "+
		"name:example_role_name object_type:role updated:2026-03-01T12:00:00Z uuid:%s]", id, role["uuid"]); fmt.Sprint(role) != want {
		t.Errorf("got  %v\nwant %s", role, want)
	}
	for name, params := range map[string]string{"an id": `[` + id + `]`, "an object": `[{"id":` + id + `}]`, "a name": `{"id":` + id + `}`, "a named object": `{"role":` + id + `}`} {
		if got := a.created("role.fetch", params); got["name"] != "example_role_name" {
			t.Errorf("fetched by %s: %v", name, got)
		}
	}
	a.clock.move(5e9)
	if got := a.created("role.update", `[{"id":`+id+`,"description":"d"}]`); got["description"] != "d" || got["name"] != "example_role_name" || got["updated"] != "2026-03-01T12:00:05Z" {
		t.Errorf("updated: %v", got)
	}
	a.rest("GET", "/roles/"+role["uuid"].(string)+"?fields=name,description", "").expect(t, 200, `{"description":"d","name":"example_role_name"}`)
	a.call("role.delete", `[`+id+`]`).expect(t, 200, `{"id":1,"jsonrpc":"2.0","result":null}`)
	a.call("role.delete", `[`+id+`]`).expect(t, 200, `{"id":1,"jsonrpc":"2.0","result":null}`)
	a.call("role.fetch", `[`+id+`]`).expect(t, 200, `{"id":1,"jsonrpc":"2.0","result":null}`)
	a.rest("GET", "/roles/"+role["uuid"].(string), "").expect(t, 404, "")
}

func TestV2AndV3ShowTheSameObjects(t *testing.T) {
	a := start(t, emulator.Options{})
	member := a.created("member.create", `[{"username":"example","email":"e@x.example","display_name":"Example"}]`)
	application := a.created("application.create", `[{"name":"App","member":{"username":"example"}}]`)
	if application["username"] != "example" || application["object_type"] != "application" {
		t.Errorf("application: %v", application)
	}
	a.rest("GET", "/members/"+member["uuid"].(string)+"/applications?fields=name", "").expect(t, 200, `[{"name":"App"}]`)
	a.rest("PUT", "/applications/"+application["uuid"].(string), `{"costCentre":"4711"}`).expect(t, 200, "")
	if got := a.created("application.fetch", fmt.Sprintf(`[%v]`, application["id"])); got["cost_centre"] != "4711" {
		t.Errorf("an extended attribute: %v", got)
	}
	pkg := a.created("package.create", `[{"name":"P","notify_developer_period":"day","plans":[{"name":"Q","rate_limit_ceiling":7}]}]`)
	plan := a.result("object.query", fmt.Sprintf(`["SELECT * FROM plans REQUIRE RELATED package WITH id = %v"]`, pkg["id"])).(map[string]any)["items"].([]any)[0].(map[string]any)
	if plan["name"] != "Q" || plan["rate_limit_ceiling"] != 7.0 {
		t.Errorf("plan: %v", plan)
	}
	key := a.created("package_key.create", fmt.Sprintf(`[{"application":{"id":%v},"package":{"id":%v},"plan":{"id":%v}}]`, application["id"], pkg["id"], plan["id"]))
	if key["object_type"] != "package_key" || len(key["apikey"].(string)) != 24 || key["secret"] == "" {
		t.Errorf("key: %v", key)
	}
	a.rest("GET", "/packageKeys/"+key["uuid"].(string)+"?fields=package.name,plan.name,apikey", "").
		expect(t, 200, `{"apikey":"`+key["apikey"].(string)+`","package":{"name":"P"},"plan":{"name":"Q"}}`)
	if got := a.created("key.fetch", fmt.Sprintf(`[%v]`, key["id"])); got["apikey"] != key["apikey"] || got["object_type"] != "key" {
		t.Errorf("the same as a key: %v", got)
	}
	service := "3wh56tphn3e87eshyjgjeqrp"
	if got := a.created("service.fetch", `["`+service+`"]`); got["name"] != "Billing Accounts API" || got["service_key"] != service {
		t.Errorf("service: %v", got)
	}
	a.created("service.update", `[{"service_key":"`+service+`","name":"Renamed"}]`)
	a.rest("GET", "/services/"+service+"?fields=name", "").expect(t, 200, `{"name":"Renamed"}`)

	// A plan's endpoint brings the service it is of along.
	endpoint := a.result("object.query", `["SELECT id, service.service_key FROM service_definition_endpoints ITEMS 1"]`).(map[string]any)["items"].([]any)[0].(map[string]any)
	made := a.result("plan_endpoint.create", fmt.Sprintf(`[[{"plan":{"id":%v},"service_definition_endpoint":{"id":%v},"allow_undefined_methods":true}]]`, plan["id"], endpoint["id"])).([]any)
	if len(made) != 1 || made[0].(map[string]any)["allow_undefined_methods"] != true {
		t.Errorf("made: %v", made)
	}
	got := a.rest("GET", fmt.Sprintf("/packages/%s/plans/%s?fields=services.name,services.endpoints.name", pkg["uuid"], plan["uuid"]), "").expect(t, 200, "").object(t)
	if want := "map[services:[map[endpoints:[map[name:accounts v1]] name:Renamed]]]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	a.failure(500, "package.delete", fmt.Sprintf(`[%v]`, pkg["id"]), `{"message":"Delete Failed","code":2003}`)
	a.result("key.delete", fmt.Sprintf(`[[%v]]`, key["id"]))
	a.result("package.delete", fmt.Sprintf(`[%v]`, pkg["id"]))
	a.rest("GET", "/packages/"+pkg["uuid"].(string), "").expect(t, 404, "")
}

func TestV2CallsThatAreRefused(t *testing.T) {
	a := start(t, emulator.Options{})
	tests := map[string]struct {
		method, params string
		status         int
		want           string
	}{
		"what is required is missing": {
			"member.create", `[{"username":"x","email":"e"}]`, 400,
			`{"message":"Missing Required Field","code":1002,"data":[{"field":"display_name","message":"Property 'display_name' is required."}]}`,
		},
		"the parent is missing": {
			"application.create", `[{"name":"A"}]`, 400,
			`{"message":"Missing Required Field","code":1002,"data":[{"field":"member","message":"Property 'member' is required."}]}`,
		},
		"the parent is not there": {
			"application.create", `[{"name":"A","member":{"username":"nosuch"}}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"member","message":"There is no member of that username."}]}`,
		},
		"it is there already": {
			"member.create", `[{"username":"li.na","email":"e","display_name":"d"}]`, 400,
			`{"message":"Duplicate Object","code":1001,"data":[{"field":"username","message":"Property 'username' must be unique."}]}`,
		},
		"several things are wrong": {
			"member.create", `[{"username":"li.na","email":"e"}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"display_name","message":"Property 'display_name' is required."},{"field":"username","message":"Property 'username' must be unique."}]}`,
		},
		"what it refers to is not there": {
			"package_key.update", `[{"id":713,"plan":{"id":1}}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"plan","message":"There is no plan of that id."}]}`,
		},
		"what it stands for is not there": {
			"plan_service.create", `[{"plan":{"id":676},"service_definition":{"id":1}}]`, 400, "",
		},
		"nothing to update": {
			"role.update", `[{"id":99999,"name":"x"}]`, 400,
			`{"message":"Object \"role\" with \"id\" of \"99999\" could not be found","code":5000}`,
		},
		"nobody knows what to update": {
			"service.update", `[{"name":"x"}]`, 400, `{"message":"Field \"service_key\" is required.","code":1002}`,
		},
		"something nested is wrong": {
			"package.create", `[{"name":"P","plans":[{"name":""}]}]`, 400,
			`{"message":"Missing Required Field","code":1002,"data":[{"field":"plans[0].name","message":"Property 'name' is required."}]}`,
		},
		"something nested is not there": {
			"package.update", `[{"id":689,"plans":[{"id":1,"name":"P"}]}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"plans[0].id","message":"There is no plan of that id."}]}`,
		},
		"a name that is a number": {
			"role.create", `[{"name":5}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"name","message":"Property 'name' is not a text."}]}`,
		},
		"an object that is not valid": {
			"role.validate", `[{"name":" "}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"name","message":"Property 'name' is required."}]}`,
		},
		"a parent that is not there": {
			"application.validate", `[{"name":"A","member":{"username":"nosuch"}}]`, 400,
			`{"message":"Invalid Object","code":1000,"data":[{"field":"member","message":"There is no member of that username."}]}`,
		},
		"no parameter to create":       {"role.create", `[]`, 500, `{"message":"Invalid params","code":-32602}`},
		"a text to create":             {"role.create", `["x"]`, 500, `{"message":"Invalid params","code":-32602}`},
		"a text to validate":           {"role.validate", `["x"]`, 500, `{"message":"Invalid params","code":-32602}`},
		"a list to fetch":              {"role.fetch", `[[1]]`, 500, `{"message":"Invalid params","code":-32602}`},
		"nothing to fetch":             {"role.fetch", `[]`, 500, `{"message":"Invalid params","code":-32602}`},
		"nothing to delete":            {"role.delete", `[[null]]`, 500, `{"message":"Invalid params","code":-32602}`},
		"an unknown type":              {"nosuch.fetch", `[1]`, 404, `{"message":"Method not found","code":-32601}`},
		"an unknown verb":              {"role.nosuch", `[1]`, 404, `{"message":"Method not found","code":-32601}`},
		"a type without a verb":        {"role", `[1]`, 404, `{"message":"Method not found","code":-32601}`},
		"a type that V3 alone has":     {"domain.fetch", `[1]`, 404, `{"message":"Method not found","code":-32601}`},
		"a description of no list":     {"object.describe", `["role"]`, 500, `{"message":"Invalid params","code":-32602}`},
		"a role of nobody":             {"member.addRole", `["nosuch",1]`, 400, `{"message":"Object \"member\" with \"username\" of \"nosuch\" could not be found","code":5000}`},
		"a role that is not there":     {"member.removeRole", `{"member":"li.na","role":1}`, 400, `{"message":"Object \"role\" with \"id\" of \"1\" could not be found","code":5000}`},
		"a role without its id":        {"member.addRole", `["li.na",{}]`, 400, `{"message":"Field \"id\" is required.","code":1002}`},
		"a member without a name":      {"member.addRole", `[{},{"id":1}]`, 400, `{"message":"Field \"username\" is required.","code":1002}`},
		"required objects of no such":  {"object.query", `["SELECT * FROM members REQUIRE RELATED username"]`, 400, ""},
		"a field too far away":         {"object.query", `["SELECT applications.member.applications.member.applications FROM members"]`, 400, ""},
		"a related object's no field":  {"object.query", `["SELECT id FROM applications WHERE member.nosuch = 1"]`, 400, ""},
		"a related object's no field'": {"object.query", `["SELECT id FROM applications REQUIRE RELATED member WITH nosuch = 1"]`, 400, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := a.call(test.method, test.params).expect(t, test.status, ""); test.want != "" {
				got.expect(t, test.status, `{"error":`+test.want+`,"id":1,"jsonrpc":"2.0"}`)
			}
		})
	}
}

func TestAMembersRoles(t *testing.T) {
	a := start(t, emulator.Options{})
	role := a.created("role.create", `[{"name":"R"}]`)
	names := func() string {
		items := a.result("object.query", `["SELECT roles.name FROM members WHERE username = 'li.na'"]`).(map[string]any)["items"]
		return fmt.Sprint(items)
	}
	for range 2 { // the second time there is nothing to change
		if got := a.result("member.addRole", fmt.Sprintf(`["li.na",%v]`, role["id"])); got != nil || names() != "[map[roles:[map[name:API Manager] map[name:R]]]]" {
			t.Errorf("got %v, %s", got, names())
		}
	}
	a.result("role.update", fmt.Sprintf(`[{"id":%v,"name":"S"}]`, role["id"]))
	if got := names(); got != "[map[roles:[map[name:API Manager] map[name:S]]]]" {
		t.Errorf("renamed: %s", got)
	}
	for range 2 {
		if got := a.result("member.removeRole", fmt.Sprintf(`[{"username":"li.na"},{"id":%v}]`, role["id"])); got != nil || names() != "[map[roles:[map[name:API Manager]]]]" {
			t.Errorf("got %v, %s", got, names())
		}
	}
	a.result("role.delete", fmt.Sprintf(`[%v]`, role["id"]))
}

func TestV2DescribesItself(t *testing.T) {
	a := start(t, emulator.Options{})
	types := fmt.Sprint(a.result("object.list", `[]`))
	for _, name := range words(`member application key package_key package plan service role developer_class method_override
		plan_endpoint service_definition service_definition_endpoint service_definition_method service_definition_response
		email_template email_template_set access_rule`) {
		if !strings.Contains(types, name) {
			t.Errorf("%s is not among %s", name, types)
		}
		if got := a.created("object.query", `["SELECT * FROM `+plural(name)+` ITEMS 1"]`); got["total_items"] == 0.0 {
			t.Errorf("there is no %s", name)
		}
	}
	described := a.result("object.describe", `[["role","nosuch"],"en_US"]`).([]any)
	if len(described) != 1 || described[0].(map[string]any)["object_type"] != "role" {
		t.Fatalf("got %v", described)
	}
	schema := described[0].(map[string]any)["schema"].(map[string]any)
	properties := schema["properties"].(map[string]any)
	for name, want := range map[string]string{
		"id":            "map[readonly:true title:Id type:integer unique:true]",
		"created":       "map[format:date-time maxLength:20 readonly:true title:Created type:string]",
		"name":          "map[required:true title:Name type:string unique:true]",
		"is_assignable": "map[default:true title:Is Assignable type:boolean]",
		"members":       "map[optional:true title:Members type:array]",
	} {
		if got := fmt.Sprint(properties[name]); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	area := a.created("area.fetch", `[712]`)
	if area["id"] != 712.0 || area["uuid"] != credentials().AreaID || area["object_type"] != "area" {
		t.Errorf("area: %v", area)
	}
}

func TestV2ValidatesTheFieldsThatAreSentAndNoOthers(t *testing.T) {
	a := start(t, emulator.Options{})
	for method, params := range map[string]string{
		"role.validate":            `[{"name":"new"}]`,
		"member.validate":          `[{"username":"li.na","email":"other"}]`,
		"application.validate":     `[{"name":"new_application_name"}]`,
		"package_key.validate":     `[{"status":"active"}]`,
		"package.validate":         `[{"plans":[{"description":"d"}]}]`,
		"plan_endpoint.validate":   `[{"allow_undefined_methods":false}]`,
		"developer_class.validate": `[{}]`,
	} {
		if got := a.result(method, params); got != true {
			t.Errorf("%s %s: %v", method, params, got)
		}
	}
}

func words(s string) []string { return strings.Fields(s) }

func plural(name string) string {
	if strings.HasSuffix(name, "class") {
		return name + "es"
	}
	return name + "s"
}
