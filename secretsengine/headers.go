// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"net/http"
	"strings"
)

// proxyMode is the value of X-Proxy-Mode in answers of the engine's proxy.
const proxyMode = "vault-plugin-secrets-mashery/" + Version

// ResponseHeaders are the headers a mount must allow (allowed_response_headers)
// for Mashery's to reach the callers of its proxy paths; Vault strips all
// others and knows no wildcards (vault/router.go).
func ResponseHeaders() []string {
	return []string{
		"X-Total-Count",
		"X-Mashery-Error-Code",
		"X-Mashery-Responder",
		"X-Mashery-Message-Id",
		"X-Error-Detail-Header",
		"X-Packagekey-Qps-Allotted",
		"X-Packagekey-Qps-Current",
		"X-Packagekey-Quota-Allotted",
		"X-Packagekey-Quota-Current",
		"X-Plan-Qps-Allotted",
		"X-Plan-Qps-Current",
		"X-Plan-Quota-Allotted",
		"X-Plan-Quota-Current",
		"X-Plan-Quota-Reset",
		"Retry-After",
		"Www-Authenticate",
		"Content-Encoding",
		"Content-Language",
		"Etag",
		"Last-Modified",
		"X-Server-Date",
		"X-Proxy-Mode",
	}
}

// methodHeader is how a caller that passes a request on, such as mashproxy, says
// that a write was a PUT: Vault makes one operation of PUT and POST.
const methodHeader = "X-Mashproxy-Method"

// RequestHeaders are the headers a mount must pass on (passthrough_request_headers)
// for a forwarded PUT to be sent as a PUT.
func RequestHeaders() []string { return []string{methodHeader} }

// saysPut tells whether the request came with the method header of a PUT.
func saysPut(headers map[string][]string) bool {
	return strings.EqualFold(http.Header(headers).Get(methodHeader), http.MethodPut)
}

// answerHeader is what Vault is given of Mashery's header. Left out are what
// Vault sets itself, and where to go next: a client that follows a redirect
// might take its Vault token along.
func answerHeader(from http.Header) http.Header {
	h := from.Clone()
	if h == nil {
		h = make(http.Header)
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Date", "Cache-Control", "Location", "Refresh"} {
		h.Del(name)
	}
	h.Set("X-Proxy-Mode", proxyMode)
	return h
}
