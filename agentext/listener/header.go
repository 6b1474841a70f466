// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"net/http"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/internalshared/configutil"

	"mashproxy/agentext/apierror"
)

// RequireHeader lets only requests with "X-Vault-Request: true" through to
// next, if config says require_request_header; a page cannot send it across
// origins, nor can most tricks by which servers are made to call others. As
// Vault Proxy does (verifyRequestHeader in command/agent.go), but for every
// path next serves.
func RequireHeader(next http.Handler, config *configutil.Listener) http.Handler {
	if !config.RequireRequestHeader {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values := r.Header[api.RequestHeaderName]; len(values) != 1 || values[0] != "true" {
			apierror.Write(w, apierror.New(http.StatusPreconditionFailed, "", "missing %q header", api.RequestHeaderName))
			return
		}
		next.ServeHTTP(w, r)
	})
}
