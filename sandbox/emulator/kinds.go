// SPDX-License-Identifier: MPL-2.0

package emulator

import "strings"

// masherySchema is what Mashery's objects look like [V3 docs, resource pages;
// field lists of the V3 Go client]. Which properties are implicit is documented
// for most; for methods and their filters it is chosen after the others.
func masherySchema() schema {
	return newSchema(
		serviceKind(), endpointKind(), methodKind(), responseFilterKind(), errorSetKind(), errorMessageKind(),
		memberKind(), applicationKind(), packageKeyKind(), roleKind(), organizationKind(), suborganizationKind(),
		packageKind(), planKind(), planServiceKind(), planEndpointKind(), planMethodKind(), planFilterKind(),
		emailTemplateSetKind(), emailTemplateKind(),
		domainKind(), publicDomainKind(), systemDomainKind(), hostnameKind("publicDomains"), hostnameKind("systemDomains"),
		maintenanceEventKind(), maintainedEndpointKind(), ioDocKind(),
		developerClassKind(), methodOverrideKind(), accessRuleKind(),
	)
}

func words(s string) []string { return strings.Fields(s) }

func serviceKind() *kind {
	return &kind{
		name: "services", label: "service definition", access: open, newID: shortID,
		implicit: words("id name created updated"),
		explicit: words(`description version editorHandle revisionNumber robotsPolicy crossdomainPolicy
			qpsLimitOverall rfc3986Encode securityProfile cache organization roles`),
		required: words("name"),
		parts: []part{
			{name: "cache"},
			{name: "securityProfile", parts: []part{{name: "oauth"}}},
			{name: "roles", list: true, wrapped: true},
		},
		refs: []ref{
			{property: "organization", kind: "organizations"},
			{property: "roles", kind: "roles", many: true},
		},
		server:   words("editorHandle revisionNumber robotsPolicy crossdomainPolicy"),
		defaults: map[string]any{"version": "1", "rfc3986Encode": false, "revisionNumber": 1, "description": ""},
		children: words("endpoints errorSets"),
		types: []rpcType{
			{name: "service", table: "services", key: "service_key", property: "id"},
			{name: "service_definition", table: "service_definitions", key: "id"},
		},
	}
}

func endpointKind() *kind {
	return &kind{
		name: "endpoints", label: "service definition endpoint", newID: shortID,
		implicit: words("id name created updated"),
		explicit: words(`allowMissingApiKey apiKeyValueLocationKey apiKeyValueLocations
			apiMethodDetectionKey apiMethodDetectionLocations cache
			connectionTimeoutForSystemDomainRequest connectionTimeoutForSystemDomainResponse
			cookiesDuringHttpRedirectsEnabled cors customRequestAuthenticationAdapter
			dropApiKeyFromIncomingCall forceGzipOfBackendCall gzipPassthroughSupportEnabled
			headersToExcludeFromIncomingCall highSecurity hostPassthroughIncludedInBackendCallHeader
			inboundSslRequired inboundMsslRequired jsonpCallbackParameter jsonpCallbackParameterValue
			scheduledMaintenanceEvent forwardedHeaders returnedHeaders numberOfHttpRedirectsToFollow
			outboundRequestTargetPath outboundRequestTargetQueryParameters outboundTransportProtocol
			processor publicDomains requestAuthenticationType requestPathAlias requestProtocol
			oauthGrantTypes rateLimitHeadersEnabled stringsToTrimFromApiKey supportedHttpMethods
			systemDomainAuthentication systemDomains trafficManagerDomain useSystemDomainCredentials
			systemDomainCredentialKey systemDomainCredentialSecret errorSet
			userControlledErrorLocation userControlledErrorLocationKey`),
		required:   words("name"),
		structured: words("publicDomains systemDomains processor"),
		lists:      map[string]string{"publicDomains": "address", "systemDomains": "address"},
		parts: []part{
			{name: "cache"}, {name: "cors"}, {name: "systemDomainAuthentication"}, {name: "scheduledMaintenanceEvent"},
		},
		refs: []ref{
			{property: "scheduledMaintenanceEvent", kind: "scheduledMaintenanceEvents"},
			{property: "errorSet", kind: "errorSets"},
		},
		defaults: map[string]any{
			"allowMissingApiKey": false, "inboundSslRequired": true, "highSecurity": false,
			"requestAuthenticationType": "apiKey", "requestProtocol": "rest",
			"outboundTransportProtocol": "https", "numberOfHttpRedirectsToFollow": 0,
		},
		children: words("methods"),
		types:    []rpcType{{name: "service_definition_endpoint", table: "service_definition_endpoints", key: "id"}},
	}
}

func methodKind() *kind {
	return &kind{
		name: "methods", label: "service definition method", newID: uuid,
		implicit: words("id name created updated"),
		explicit: words("sampleJsonResponse sampleXmlResponse"),
		required: words("name"),
		children: words("responseFilters"),
		types:    []rpcType{{name: "service_definition_method", table: "service_definition_methods", key: "id"}},
	}
}

func responseFilterKind() *kind {
	return &kind{
		name: "responseFilters", label: "response filter", newID: uuid,
		implicit: words("id name created updated"),
		explicit: words("notes xmlFilterFields jsonFilterFields"),
		required: words("name"),
		types:    []rpcType{{name: "service_definition_response", table: "service_definition_responses", key: "id"}},
	}
}

func errorSetKind() *kind {
	return &kind{
		name: "errorSets", label: "error set", newID: uuid,
		implicit: words("id name created updated type jsonp jsonpType"),
		defaults: map[string]any{"type": "text/xml", "jsonp": false, "jsonpType": "application/json"},
		children: words("errorMessages"),
	}
}

// errorMessageKind is one of the messages the gateway has [V3 docs,
// ErrorMessages]. One that a set does not hold is as preset, and can be PUT all
// the same [Terraform provider, which creates a set and then PUTs its messages].
func errorMessageKind() *kind {
	return &kind{
		name: "errorMessages", label: "error message",
		implicit: words("id code status detailHeader responseBody"),
		server:   words("code"),
		presets:  errorMessages(),
	}
}
