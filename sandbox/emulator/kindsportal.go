// SPDX-License-Identifier: MPL-2.0

package emulator

// The objects of the developer portal: who calls, with which key, in which role.

func memberKind() *kind {
	return &kind{
		name: "members", label: "member", access: open, newID: uuid,
		implicit: words(`id username created updated email displayName uri blog im imsvc phone
			company address1 address2 locality region postalCode countryCode firstName lastName
			areaStatus externalId`),
		explicit:  words("roles"),
		writeOnly: words("passwdNew"),
		required:  words("username email displayName"),
		unique:    words("username"),
		retained:  words("username"),
		fixed:     words("username"),
		defaults:  map[string]any{"areaStatus": "active"},
		refs:      []ref{{property: "roles", kind: "roles", many: true}},
		children:  words("applications"),
		through:   map[string][2]string{"packageKeys": {"applications", "packageKeys"}},
		types:     []rpcType{{name: "member", table: "members", key: "username", property: "username"}},
	}
}

func applicationKind() *kind {
	return &kind{
		name: "applications", label: "application", access: shown, newID: uuid,
		implicit: words(`id name created updated username description type commercial ads
			adsSystem usageModel tags notes howDidYouHear preferredProtocol preferredOutput
			externalId uri oauthRedirectUri`),
		required:  words("name"),
		inherited: words("username"),
		defaults:  map[string]any{"commercial": false, "ads": false},
		extended:  true,
		children:  words("packageKeys"),
		types:     []rpcType{{name: "application", table: "applications", key: "id"}},
	}
}

func packageKeyKind() *kind {
	return &kind{
		name: "packageKeys", label: "package key", access: shown, newID: uuid,
		implicit: words(`id apikey secret created updated rateLimitCeiling rateLimitExempt
			qpsLimitCeiling qpsLimitExempt status expires limits`),
		explicit:   words("package plan"),
		structured: words("limits"),
		required:   words("secret"),
		unique:     words("apikey"),
		fixed:      words("package"),
		lasting:    words("apikey"),
		generated:  words("apikey"),
		// V2's sample creates a key without a secret.
		rpcGenerated: words("secret"),
		refs: []ref{
			{property: "package", kind: "packages", holds: true},
			{property: "plan", kind: "plans", holds: true, below: "package"},
		},
		defaults: map[string]any{
			"status": "active", "rateLimitCeiling": 5000, "rateLimitExempt": false,
			"qpsLimitCeiling": 2, "qpsLimitExempt": false,
		},
		computed: map[string]func(*object) any{"limits": keyLimits},
		// What V2 calls keys are those of services that are in no package; here they
		// are the same objects.
		types: []rpcType{
			{name: "key", table: "keys", key: "id"},
			{name: "package_key", table: "package_keys", key: "id"},
		},
	}
}

// keyLimits are the limits of a key to which nobody gave any: its ceilings (chosen).
func keyLimits(key *object) any {
	limit := func(period, ceiling string) any {
		return map[string]any{"period": period, "source": "plan", "ceiling": key.props[ceiling]}
	}
	return []any{limit("second", "qpsLimitCeiling"), limit("day", "rateLimitCeiling")}
}

// roleKind is read-only in V3; V2 changes roles.
func roleKind() *kind {
	return &kind{
		name: "roles", label: "role", access: readOnly, newID: uuid,
		implicit: words("id created updated name description isPredefined isAssignable isOrgrole"),
		required: words("name"),
		unique:   words("name"),
		server:   words("isPredefined"),
		defaults: map[string]any{"description": "", "isPredefined": false, "isAssignable": true, "isOrgrole": false},
		types:    []rpcType{{name: "role", table: "roles", key: "id"}},
	}
}

func organizationKind() *kind {
	return &kind{
		name: "organizations", label: "organization", access: open, newID: uuid,
		implicit: words("id created updated name description parent"),
		required: words("name"),
		refs:     []ref{{property: "parent", kind: "organizations"}},
		children: words("suborganizations"),
	}
}

// suborganizationKind lists the organizations whose parent is the one.
func suborganizationKind() *kind {
	return &kind{
		name: "suborganizations", label: "organization",
		implicit: words("id name"),
		of:       "organizations", refer: "id", links: "parent",
	}
}

func emailTemplateSetKind() *kind {
	return &kind{
		name: "emailTemplateSets", label: "email template set", access: open, newID: uuid,
		implicit: words("id created updated name type"),
		required: words("name"),
		children: words("emailTemplates"),
		types:    []rpcType{{name: "email_template_set", table: "email_template_sets", key: "id"}},
	}
}

func emailTemplateKind() *kind {
	return &kind{
		name: "emailTemplates", label: "email template", newID: uuid,
		implicit: words("id created updated name type from subject body"),
		required: words("from"),
		types:    []rpcType{{name: "email_template", table: "email_templates", key: "id"}},
	}
}

// developerClassKind, and the two after it, are V2's alone.
func developerClassKind() *kind {
	return &kind{
		name: "developerClasses", label: "developer class", newID: uuid,
		implicit: words("id created updated name description rateLimitOverrideAllowed qpsLimitOverrideAllowed blockCalls"),
		required: words("name"),
		defaults: map[string]any{"description": "", "rateLimitOverrideAllowed": false, "qpsLimitOverrideAllowed": false, "blockCalls": false},
		types:    []rpcType{{name: "developer_class", table: "developer_classes", key: "id"}},
	}
}

func methodOverrideKind() *kind {
	return &kind{
		name: "methodOverrides", label: "method override", newID: uuid,
		implicit: words("id created updated name rateLimitCeiling rateLimitExempt rateLimitPeriod qpsLimitCeiling qpsLimitExempt"),
		required: words("name"),
		defaults: map[string]any{"rateLimitExempt": false, "qpsLimitExempt": false, "rateLimitPeriod": "day"},
		types:    []rpcType{{name: "method_override", table: "method_overrides", key: "id"}},
	}
}

func accessRuleKind() *kind {
	return &kind{
		name: "accessRules", label: "access rule", newID: uuid,
		implicit: words("id created updated name description status"),
		required: words("name"),
		defaults: map[string]any{"description": "", "status": "active"},
		types:    []rpcType{{name: "access_rule", table: "access_rules", key: "id"}},
	}
}
