// SPDX-License-Identifier: MPL-2.0

package emulator

import "strings"

// masherySchema is what Mashery's objects look like [V3 docs, resource pages;
// field lists of the V3 Go client]. Which properties are implicit is documented
// for services, applications, package keys and packages; for the others it is
// chosen after them.
func masherySchema() schema {
	return newSchema(
		serviceKind(), endpointKind(), methodKind(), responseFilterKind(),
		memberKind(), applicationKind(), packageKeyKind(),
		packageKind(), planKind(),
	)
}

func words(s string) []string { return strings.Fields(s) }

func serviceKind() *kind {
	return &kind{
		name: "services", label: "service definition", access: open, newID: shortID,
		implicit: words("id name created updated"),
		explicit: words(`description version editorHandle revisionNumber robotsPolicy crossdomainPolicy
			errorSets qpsLimitOverall rfc3986Encode securityProfile cache organization roles`),
		required:   words("name"),
		structured: words("errorSets securityProfile cache organization roles"),
		server:     words("editorHandle revisionNumber robotsPolicy crossdomainPolicy"),
		defaults:   map[string]any{"version": "1", "rfc3986Encode": false, "revisionNumber": 1, "description": ""},
		children:   words("endpoints"),
		object:     "service", tables: words("services"), keyed: "service_key",
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
		required: words("name"),
		defaults: map[string]any{
			"allowMissingApiKey": false, "inboundSslRequired": true, "highSecurity": false,
			"requestAuthenticationType": "apiKey", "requestProtocol": "rest",
			"outboundTransportProtocol": "https", "numberOfHttpRedirectsToFollow": 0,
		},
		children: words("methods"),
	}
}

func methodKind() *kind {
	return &kind{
		name: "methods", label: "service definition method", newID: uuid,
		implicit: words("id name created updated"),
		explicit: words("sampleJsonResponse sampleXmlResponse"),
		required: words("name"),
		children: words("responseFilters"),
	}
}

func responseFilterKind() *kind {
	return &kind{
		name: "responseFilters", label: "response filter", newID: uuid,
		implicit: words("id name created updated"),
		explicit: words("notes xmlFilterFields jsonFilterFields"),
		required: words("name"),
	}
}

func memberKind() *kind {
	return &kind{
		name: "members", label: "member", access: open, newID: uuid,
		implicit: words(`id username created updated email displayName uri blog im imsvc phone
			company address1 address2 locality region postalCode countryCode firstName lastName
			areaStatus externalId`),
		required: words("username email displayName"),
		unique:   words("username"),
		fixed:    words("username"),
		defaults: map[string]any{"areaStatus": "active"},
		children: words("applications"),
		object:   "member", tables: words("members"),
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
		object:    "application", tables: words("applications"),
	}
}

func packageKeyKind() *kind {
	return &kind{
		name: "packageKeys", label: "package key", access: shown, newID: uuid,
		implicit: words(`id apikey secret created updated rateLimitCeiling rateLimitExempt
			qpsLimitCeiling qpsLimitExempt status expires limits`),
		explicit:   words("package plan"),
		structured: words("limits package plan"),
		required:   words("secret"),
		unique:     words("apikey"),
		fixed:      words("apikey package"),
		generated:  words("apikey"),
		defaults: map[string]any{
			"status": "active", "rateLimitCeiling": 5000, "rateLimitExempt": false,
			"qpsLimitCeiling": 2, "qpsLimitExempt": false,
		},
		object: "key", tables: words("keys package_keys"),
	}
}

func packageKind() *kind {
	return &kind{
		name: "packages", label: "package", access: open, newID: uuid,
		implicit: words("id created updated name description notifyDeveloperPeriod notifyAdminPeriod"),
		explicit: words(`notifyDeveloperNearQuota notifyDeveloperOverQuota notifyDeveloperOverThrottle
			notifyAdminNearQuota notifyAdminOverQuota notifyAdminOverThrottle notifyAdminEmails
			nearQuotaThreshold eav keyAdapter keyLength sharedSecretLength organization`),
		structured: words("eav organization"),
		required:   words("name"),
		defaults:   map[string]any{"keyLength": 24, "sharedSecretLength": 10, "notifyAdminPeriod": "hour", "notifyDeveloperPeriod": "hour"},
		children:   words("plans"),
		object:     "package", tables: words("packages"),
	}
}

func planKind() *kind {
	return &kind{
		name: "plans", label: "plan", newID: uuid,
		implicit: words(`id created updated name description eav selfServiceKeyProvisioningEnabled
			adminKeyProvisioningEnabled notes maxNumKeysAllowed numKeysBeforeReview qpsLimitCeiling
			qpsLimitExempt qpsLimitKeyOverrideAllowed rateLimitCeiling rateLimitExempt
			rateLimitKeyOverrideAllowed rateLimitPeriod responseFilterOverrideAllowed status
			emailTemplateSetId adminEmailTemplateSetId`),
		structured: words("eav"),
		required:   words("name"),
		defaults: map[string]any{
			"status": "active", "rateLimitPeriod": "day", "rateLimitCeiling": 5000, "qpsLimitCeiling": 2,
			"rateLimitExempt": false, "qpsLimitExempt": false,
			"selfServiceKeyProvisioningEnabled": false, "adminKeyProvisioningEnabled": true,
		},
		object: "plan", tables: words("plans"),
	}
}
