// SPDX-License-Identifier: MPL-2.0

package emulator

import "strings"

// domains are those endpoints may use, and whether they are approved yet.
var domains = [][2]string{
	{"api.acme.example", "active"}, {"backend.acme.example", "active"}, {"sandbox.acme.example", "waiting"},
}

// maintenance is when some endpoints rest.
var maintenance = [][3]string{
	{"Database upgrade", "2026-04-11T22:00:00.000+0000", "2026-04-12T02:00:00.000+0000"},
	{"Move to the new data centre", "2026-06-06T20:00:00.000+0000", "2026-06-07T06:00:00.000+0000"},
}

// traffic makes what governs the calls to endpoints: response filters, error
// sets, OAuth settings, domains, maintenance, I/O Docs.
func (sd *seeder) traffic() {
	for _, domain := range domains {
		sd.add("domains", nil, map[string]any{"domain": domain[0], "status": domain[1]})
	}
	for i, service := range sd.all["services"] {
		if endpoints := service.children["endpoints"]; len(endpoints) > 0 {
			sd.errors(service, endpoints)
			sd.filters(endpoints[0].children["methods"])
		}
		if i%12 == 0 {
			sd.oauth(service)
			sd.ioDocs(service)
		}
	}
	endpoints := sd.all["endpoints"]
	for i, event := range maintenance {
		e := sd.add("scheduledMaintenanceEvents", nil, map[string]any{"name": event[0], "startDateTime": event[1], "endDateTime": event[2]})
		for _, endpoint := range endpoints[3*i : 3*i+3] {
			sd.refersTo(endpoint, "scheduledMaintenanceEvent", e)
		}
	}
	for i, endpoint := range endpoints {
		endpoint.props["cache"] = map[string]any{"clientSurrogateControlEnabled": false, "contentCacheKeyHeaders": []any{"Accept"}, "cacheTTLOverride": 60 * (i % 3)}
		if i%5 == 0 {
			endpoint.props["systemDomainAuthentication"] = map[string]any{"type": "httpBasic", "username": "mashery", "password": shortID(sd.ids)[:12]}
		}
		if i%7 == 0 {
			endpoint.props["processor"] = map[string]any{
				"adapter": "com.acme.mashery.Headers", "preProcessEnabled": true, "postProcessEnabled": false,
				"preInputs": map[string]any{"header": "X-Acme-Caller"}, "postInputs": map[string]any{},
			}
		}
	}
}

func (sd *seeder) errors(service *object, endpoints []*object) {
	set := sd.add("errorSets", service, map[string]any{"name": text(service.props["name"]) + " errors"})
	for _, id := range words("ERR_403_DEVELOPER_INACTIVE ERR_403_DEVELOPER_OVER_QPS ERR_403_DEVELOPER_OVER_RATE ERR_403_NOT_AUTHORIZED ERR_504_GATEWAY_TIMEOUT") {
		sd.add("errorMessages", set, map[string]any{"id": id})
	}
	for _, endpoint := range endpoints {
		sd.refersTo(endpoint, "errorSet", set)
	}
}

func (sd *seeder) filters(methods []*object) {
	for _, method := range methods[:2] {
		sd.add("responseFilters", method, map[string]any{
			"name": "No personal data", "notes": "For partners",
			"jsonFilterFields": "/customer/email,/customer/phone", "xmlFilterFields": "/customer/email,/customer/phone",
		})
	}
}

func (sd *seeder) oauth(service *object) {
	service.props["securityProfile"] = map[string]any{"oauth": map[string]any{
		"accessTokenTtlEnabled": true, "accessTokenTtl": 3600, "accessTokenType": "bearer",
		"allowMultipleToken": true, "authorizationCodeTtl": 300, "forwardedHeaders": []any{"user-context"},
		"grantTypes":             []any{"authorization_code", "implicit", "password", "client_credentials"},
		"masheryTokenApiEnabled": true, "refreshTokenEnabled": true, "enableRefreshTokenTtl": false,
		"forceOauthRedirectUrl": false, "forceSslRedirectUrlEnabled": false, "secureTokensEnabled": false,
	}}
}

func (sd *seeder) ioDocs(service *object) {
	name := text(service.props["name"])
	sd.add("iodocs", nil, map[string]any{
		"serviceId": service.id(),
		"definition": map[string]any{
			"name": name, "version": service.props["version"], "basePath": "https://api.acme.example",
			"resources": map[string]any{strings.Fields(name)[1]: map[string]any{"methods": map[string]any{}}},
		},
	})
}
