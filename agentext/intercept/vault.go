// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
	"mashproxy/mashery"
)

// What Vault does not tell the engine of a forwarded write these headers do,
// where the mount passes them on: that it was a PUT, and its query.
const (
	headerMethod = "X-Mashproxy-Method"
	headerQuery  = "X-Mashproxy-Query"
	// longestQuery is the longest query that the engine takes from its header, in
	// bytes.
	longestQuery = 8 << 10
)

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

// deniedWarning is about a grant that was refused although the rules allowed it,
// as where they have changed since they were read.
var deniedWarning = warning{string(policy.NoGrant), "Vault does not allow the grant to be read; " + policy.NoGrant.Hint()}

// askVault forwards a local call to the engine's own proxy path: Vault decides
// it and the engine makes it. It spends the role's budget where the block
// gives one.
func (h *Handler) askVault(w http.ResponseWriter, r *http.Request, j *Judgement, why warning) {
	c := j.call
	if _, before := h.warned.LoadOrStore(told{c.mount, why.cause}, true); !before {
		h.Logger.Warn("calls are left to Vault, which makes them slower", "mount", c.mount.Path(), "cause", why.cause, "reason", why.text)
	}
	h.left.leave(c, why)
	out := r.Clone(r.Context())
	if refusal := c.tellEngine(out.Header, r.URL.RawQuery); refusal != nil {
		h.turnDown(w, r, j, refusal)
		return
	}
	if c.mount.QPS > 0 {
		waited, err := h.enginesBudget(c).Wait(r.Context(), c.listener.Name, c.mount.MaxWait)
		if err != nil {
			h.refuse(w, r, j, err)
			return
		}
		h.setWait(w.Header(), waited)
	}
	h.Logger.Debug("left to Vault", "id", idOf(w), "method", c.outer, "role", c.role, "path", c.below, "why", why.cause)
	w.Header().Del(headerMode) // the engine names its own
	w.Header().Set(apierror.SourceHeader, apierror.FromVault)
	out.Method = c.outer
	out.Body = io.NopCloser(j.body.Reader())
	h.Vault.ServeHTTP(w, out)
	if w.Header().Get(apierror.SourceHeader) == apierror.FromMashproxy && hasLeft(r) {
		w.Header().Del(apierror.SourceHeader) // an error that nobody was told
	}
}

// tellEngine sets the headers for the engine; callers have no say in them.
func (c *route) tellEngine(header http.Header, query string) *apierror.Error {
	header.Del(headerMethod)
	header.Del(headerQuery)
	if c.api != mashery.V3 || c.outer != http.MethodPost && c.outer != http.MethodPut {
		return nil
	}
	for _, line := range header["Connection"] { // by which a caller has headers dropped on the way
		for name := range strings.SplitSeq(line, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name == headerMethod || name == headerQuery {
				return badRequest("the Connection header must not name %s", name)
			}
		}
	}
	if c.outer == http.MethodPut && !c.named {
		header.Set(headerMethod, http.MethodPut) // Vault makes one operation of PUT and POST
	}
	switch query = inHeader(query); {
	case query == "":
	case len(query) > longestQuery:
		return badRequest("Vault makes this call, and hands its engine a query of a write of at most %d bytes; make it shorter", longestQuery)
	default:
		header.Set(headerQuery, query)
	}
	return nil
}

// inHeader is a query with everything escaped that a header may not hold.
func inHeader(query string) string {
	var out strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c > '~' {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
