// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
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

// By these headers a caller that passes a request on, such as mashproxy, says of
// a write what Vault does not: that it was a PUT, of which Vault makes one
// operation with POST, and its query, which Vault drops.
const (
	methodHeader = "X-Mashproxy-Method"
	queryHeader  = "X-Mashproxy-Query"
	// queryMax is the longest query taken from its header, in bytes.
	queryMax = 8 << 10
)

// RequestHeaders are the headers a mount must pass on (passthrough_request_headers)
// for a forwarded write to be sent with its verb and query.
func RequestHeaders() []string { return []string{methodHeader, queryHeader} }

// saysPut tells whether the request came with the method header of a PUT.
func saysPut(headers map[string][]string) bool {
	return strings.EqualFold(http.Header(headers).Get(methodHeader), http.MethodPut)
}

// saidQuery is the query in the query header; "" where there is none.
func saidQuery(headers map[string][]string) (string, error) {
	said := http.Header(headers).Values(queryHeader)
	if len(said) == 0 {
		return "", nil
	}
	unfit := func(c rune) bool { return c <= ' ' || c > '~' || c == '#' }
	if query := said[0]; len(said) == 1 && len(query) <= queryMax && !strings.ContainsFunc(query, unfit) {
		return query, nil
	}
	return "", fmt.Errorf("%s is no query: it must be one, escaped and of at most %d bytes", queryHeader, queryMax)
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
