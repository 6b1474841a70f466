// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"io"
	"net/http"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
	"mashproxy/mashery"
)

// headerMethod tells the engine, where the mount passes it on, that a
// forwarded write was a PUT.
const headerMethod = "X-Mashproxy-Method"

// warning is why calls are left to Vault, told once a mount.
type warning struct{ cause, text string }

// told names a warning that was given.
type told struct {
	mount *Mount
	cause string
}

// endpointMismatch is the cause of calls whose grant is for another Mashery
// than the block's.
const endpointMismatch = "endpoint_mismatch"

var forcedWarning = warning{"forced_proxy_mode", "the role requires the engine's own proxy mode; set forced_proxy_mode=false on it to serve its calls here"}

// askVault forwards a local call to the engine's own proxy path: Vault decides
// it and the engine makes it. It spends the role's budget where the block
// gives one.
func (h *Handler) askVault(w http.ResponseWriter, r *http.Request, c *route, body *policy.Body, why warning) {
	if _, before := h.warned.LoadOrStore(told{c.mount, why.cause}, true); !before {
		h.Logger.Warn("calls are left to Vault, which makes them slower", "mount", c.mount.Path(), "cause", why.cause, "reason", why.text)
	}
	h.leave(c, why)
	if c.mount.QPS > 0 {
		waited, err := h.enginesBudget(c).Wait(r.Context(), c.listener.Name, c.mount.MaxWait)
		if err != nil {
			h.refuse(w, r, c, err)
			return
		}
		setWait(w.Header(), waited)
	}
	w.Header().Del(headerMode) // the engine names its own
	w.Header().Set(apierror.SourceHeader, apierror.FromVault)
	out := r.Clone(r.Context())
	out.Method = c.outer
	out.Header.Del(headerMethod)
	if c.outer == http.MethodPut && c.api == mashery.V3 && !c.named {
		out.Header.Set(headerMethod, http.MethodPut) // Vault makes one operation of PUT and POST
	}
	out.Body = io.NopCloser(body.Reader())
	h.Vault.ServeHTTP(w, out)
}
