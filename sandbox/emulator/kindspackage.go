// SPDX-License-Identifier: MPL-2.0

package emulator

// What is sold: packages, their plans, and what a plan gives access to.

func packageKind() *kind {
	return &kind{
		name: "packages", label: "package", access: open, newID: uuid,
		implicit: words("id created updated name description notifyDeveloperPeriod notifyAdminPeriod"),
		explicit: words(`notifyDeveloperNearQuota notifyDeveloperOverQuota notifyDeveloperOverThrottle
			notifyAdminNearQuota notifyAdminOverQuota notifyAdminOverThrottle notifyAdminEmails
			nearQuotaThreshold eav keyAdapter keyLength sharedSecretLength organization`),
		structured: words("eav"),
		refs:       []ref{{property: "organization", kind: "organizations"}},
		required:   words("name"),
		defaults:   map[string]any{"keyLength": 24, "sharedSecretLength": 10, "notifyAdminPeriod": "hour", "notifyDeveloperPeriod": "hour"},
		children:   words("plans"),
		types:      []rpcType{{name: "package", table: "packages", key: "id"}},
	}
}

func planKind() *kind {
	return &kind{
		name: "plans", label: "plan", newID: uuid,
		implicit: words(`id created updated name description selfServiceKeyProvisioningEnabled
			adminKeyProvisioningEnabled maxNumKeysAllowed numKeysBeforeReview qpsLimitCeiling qpsLimitExempt
			qpsLimitKeyOverrideAllowed rateLimitCeiling rateLimitExempt
			rateLimitKeyOverrideAllowed rateLimitPeriod responseFilterOverrideAllowed status
			emailTemplateSetId adminEmailTemplateSetId`),
		explicit:   words("eav notes roles"),
		structured: words("eav"),
		parts:      []part{{name: "roles", list: true}},
		refs:       []ref{{property: "roles", kind: "roles", many: true}},
		required:   words("name"),
		defaults: map[string]any{
			"status": "active", "rateLimitPeriod": "day", "rateLimitCeiling": 5000, "qpsLimitCeiling": 2,
			"rateLimitExempt": false, "qpsLimitExempt": false,
			"selfServiceKeyProvisioningEnabled": false, "adminKeyProvisioningEnabled": true,
		},
		children: words("planServices"),
		types:    []rpcType{{name: "plan", table: "plans", key: "id"}},
	}
}

// planServiceKind is a service that a plan gives access to. One of them is
// answered as an array [Go client, CheckPlanServiceExists].
func planServiceKind() *kind {
	return &kind{
		name: "planServices", segment: "services", label: "plan service", listed: true,
		implicit: words("id name created updated"),
		explicit: words("description version"),
		of:       "services", refer: "id",
		children: words("planEndpoints"),
		types:    []rpcType{{name: "plan_service", table: "plan_services", key: "id"}},
	}
}

func planEndpointKind() *kind {
	return &kind{
		name: "planEndpoints", segment: "endpoints", label: "plan endpoint",
		implicit: words("id name created updated"),
		explicit: words("allowUndefinedMethods"),
		defaults: map[string]any{"allowUndefinedMethods": true},
		of:       "endpoints", refer: "id",
		children: words("planMethods"),
		types:    []rpcType{{name: "plan_endpoint", table: "plan_endpoints", key: "id"}},
	}
}

func planMethodKind() *kind {
	return &kind{
		name: "planMethods", segment: "methods", label: "plan method",
		implicit: words("id name created updated"),
		of:       "methods", refer: "id",
		children: words("planFilters"),
		types:    []rpcType{{name: "plan_method", table: "plan_methods", key: "id"}},
	}
}

// planFilterKind is the one response filter of a plan's method.
func planFilterKind() *kind {
	return &kind{
		name: "planFilters", segment: "responseFilter", label: "plan method response filter", single: true,
		implicit: words("id name created updated notes xmlFilterFields jsonFilterFields"),
		server:   words("name notes xmlFilterFields jsonFilterFields"),
		of:       "responseFilters", refer: "id",
	}
}
