// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/vault/command/agentproxyshared/cache"

	"mashproxy/agentext/apierror"
)

// tokenPatience is how long a request waits for a new token: as long as a local
// call does.
const tokenPatience = 2 * time.Second

// lacksToken tells whether Vault refused c before it looked at what it asks,
// because the own token is lost or not there yet: then a new one can help. As
// Vault Proxy does, a file without a mashery block leaves that to the client.
func (h *Handler) lacksToken(c *call, response *cache.SendResponse) bool {
	return h.vault.mashery && response != nil && response.Response.StatusCode == http.StatusForbidden &&
		c.resendable() && (!c.loggedIn || c.own && saysInvalidToken(response.ResponseBody))
}

// reauthorize waits for a new token for c, and tells whether there is one.
func (h *Handler) reauthorize(ctx context.Context, c *call) bool {
	h.tellLost(c)
	ctx, cancel := context.WithTimeout(ctx, tokenPatience)
	defer cancel()
	if h.identity.Await(ctx, c.token) == "" {
		return false
	}
	h.authorize(c)
	return true
}

// refused looks at a 403, and says whether it answered in Vault's place.
func (h *Handler) refused(w http.ResponseWriter, r *http.Request, c *call, text []byte) bool {
	lost := c.own && saysInvalidToken(text)
	if lost {
		h.tellLost(c)
	}
	if !h.vault.mashery || c.loggedIn && !lost {
		return false
	}
	h.refuse(w, r, apierror.New(http.StatusServiceUnavailable, apierror.NotReady,
		"mashproxy is not logged in to Vault yet, or logs in again: try again shortly; if that lasts, its log says why").After(time.Second))
	return true
}

// tellLost tells that the token of c is lost, if it still is the current one.
// It never waits for the identity. One telling at a time is enough: the next
// refusal tells again.
func (h *Handler) tellLost(c *call) {
	if !c.own || c.token != h.identity.Token() || !h.telling.CompareAndSwap(false, true) {
		return
	}
	token := c.token
	go func() {
		defer h.telling.Store(false)
		h.identity.Invalid(token)
	}()
}
