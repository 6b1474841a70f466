// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"slices"
	"strings"
)

// Mashery's own roles, and roles an area made [V2 docs, Permissions Required].
const (
	predefinedRoles = "Administrator,API Manager,Program Manager,Community Manager,Member"
	ownRoles        = "Partners,Beta Testers,Internal Developers"
)

// organizations are those of the area, and below which each stands.
var organizations = [][2]string{
	{"Commerce", ""}, {"Operations", ""}, {"Payments", "Commerce"}, {"Storefront", "Commerce"}, {"Logistics", "Operations"},
}

// emailTemplates are the notices of a set, by type.
var emailTemplates = [][3]string{
	{"key_activated", "Your key is ready", "Hello {{username}}, your key for {{application}} is active."},
	{"near_quota", "You are near your quota", "Hello {{username}}, {{application}} has used most of its calls."},
	{"over_quota", "You are over your quota", "Hello {{username}}, {{application}} has used all of its calls."},
}

// portal makes roles and who has them, organizations, e-mail templates, and the
// objects that V2 alone knows.
func (sd *seeder) portal(plans []*object) {
	roles := sd.roles()
	for i, member := range sd.all["members"] {
		role := roles[len(roles)-1-i%4]
		if i < 4 {
			role = roles[i]
		}
		sd.refersTo(member, "roles", role)
	}
	for i, plan := range plans {
		sd.grant(plan, "register_keys", roles[len(roles)-1-i%4])
	}
	for i, service := range sd.all["services"] {
		if i%8 == 0 {
			sd.grant(service, "read", roles[len(roles)-1-i%3])
		}
	}
	sd.organizations()
	sd.emails(plans)
	for _, name := range words("Standard Trusted Blocked") {
		sd.add("developerClasses", nil, map[string]any{"name": name, "blockCalls": name == "Blocked"})
	}
	sd.add("methodOverrides", nil, map[string]any{"name": "Slow searches", "qpsLimitCeiling": 1})
	sd.add("accessRules", nil, map[string]any{"name": "Partners only", "description": "Hides the partners' documentation from others"})
}

func (sd *seeder) roles() []*object {
	var roles []*object
	for _, name := range strings.Split(predefinedRoles+","+ownRoles, ",") {
		role := sd.add("roles", nil, map[string]any{"name": name})
		role.props["isPredefined"] = strings.Contains(predefinedRoles, name)
		roles = append(roles, role)
	}
	return roles
}

// refersTo makes a property name other objects.
func (sd *seeder) refersTo(o *object, property string, others ...*object) {
	r, _ := o.kind.ref(property)
	var list []any
	for _, other := range others {
		list = append(list, map[string]any{"id": other.id()})
	}
	if r.many {
		sd.refer(o, r, list)
	} else {
		sd.refer(o, r, list[0])
	}
}

// grant lets a role do something with an object.
func (sd *seeder) grant(o *object, action string, role *object) {
	r, _ := o.kind.ref("roles")
	sd.refer(o, r, []any{map[string]any{"id": role.id(), "action": action}})
}

func (sd *seeder) organizations() {
	byName := map[string]*object{}
	for _, organization := range organizations {
		o := sd.add("organizations", nil, map[string]any{"name": organization[0], "description": organization[0] + " division"})
		byName[organization[0]] = o
		if above := byName[organization[1]]; above != nil {
			sd.refersTo(o, "parent", above)
		}
	}
	for _, service := range sd.all["services"] {
		for subject, organization := range map[string]string{"Payment": "Payments", "Catalog": "Storefront", "Shipping": "Logistics"} {
			if strings.HasPrefix(text(service.props["name"]), subject+" ") {
				sd.refersTo(service, "organization", byName[organization])
			}
		}
	}
	for _, pkg := range sd.all["packages"] {
		if pkg.props["name"] == "Logistics" {
			sd.refersTo(pkg, "organization", byName["Logistics"])
		}
	}
}

func (sd *seeder) emails(plans []*object) {
	for i, name := range []string{"Default developer notices", "Default administrator notices"} {
		set := sd.add("emailTemplateSets", nil, map[string]any{"name": name, "type": words("developer admin")[i]})
		for _, template := range emailTemplates {
			sd.add("emailTemplates", set, map[string]any{
				"name": template[1], "type": template[0], "from": "api@acme.example", "subject": template[1], "body": template[2],
			})
		}
		for _, plan := range plans {
			plan.props[words("emailTemplateSetId adminEmailTemplateSetId")[i]] = set.id()
		}
	}
}

// access says what each plan gives access to: some services with endpoints, and
// of their endpoints all, with two methods each.
func (sd *seeder) access(plans []*object) {
	services := slices.DeleteFunc(slices.Clone(sd.all["services"]), func(o *object) bool { return len(o.children["endpoints"]) == 0 })
	for i, plan := range plans {
		for j := range 2 + i%2 {
			service := services[(i+7*j)%len(services)]
			planService := sd.add("planServices", plan, map[string]any{"id": service.id()})
			for _, endpoint := range service.children["endpoints"] {
				sd.endpointAccess(planService, endpoint)
			}
		}
	}
}

func (sd *seeder) endpointAccess(planService, endpoint *object) {
	planEndpoint := sd.add("planEndpoints", planService, map[string]any{"id": endpoint.id()})
	for _, method := range endpoint.children["methods"][:2] {
		planMethod := sd.add("planMethods", planEndpoint, map[string]any{"id": method.id()})
		if filter := firstOf(method.children["responseFilters"]); filter != nil {
			sd.add("planFilters", planMethod, map[string]any{"id": filter.id()})
		}
	}
}
