// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/autoauth"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// soon is what Retry-After says when nothing better is known.
const soon = time.Second

// forcedProxyMode is how the engine refuses the grant of a role whose
// credentials may not leave it [engine, path_role_grant].
const forcedProxyMode = "requires proxy mode"

// refuse answers a call that could not be made.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, c *route, err error) {
	if r.Context().Err() != nil {
		return // the caller has left; nobody reads an answer
	}
	refusal, from := refusalOf(err, c)
	w.Header().Set(headerSource, from)
	h.Logger.Debug("not served", "method", c.verb, "role", c.role, "path", c.below, "error", err)
	apierror.Write(w, refusal)
}

// refusalOf names what went wrong, and whose answer it is.
func refusalOf(err error, c *route) (*apierror.Error, string) {
	var (
		overQPS     *mashery.OverQPSError
		unreachable *mashery.UnreachableError
		slow        *mashery.TimeoutError
		refused     *api.ResponseError
	)
	switch {
	case errors.As(err, &overQPS):
		return apierror.New(http.StatusForbidden, apierror.OverQPS, "%s", err).
			After(overQPS.RetryAfter).With(mashery.HeaderErrorCode, mashery.ErrDeveloperOverQPS), fromMashproxy
	case errors.As(err, &slow):
		return apierror.New(http.StatusGatewayTimeout, apierror.Timeout, "%s", err), fromMashproxy
	case errors.As(err, &unreachable):
		return apierror.New(http.StatusBadGateway, apierror.MasheryUnreachable, "%s", err), fromMashproxy
	case errors.Is(err, autoauth.ErrNoToken), errors.Is(err, policy.ErrNotReady), autoauth.IsInvalidToken(err):
		return apierror.New(http.StatusServiceUnavailable, apierror.NotReady, "%s", err).After(soon), fromMashproxy
	case errors.Is(err, cache.ErrUnusable):
		return apierror.New(http.StatusBadGateway, apierror.GrantRefused, "%s", err), fromVault
	case errors.As(err, &refused) && !away(refused.StatusCode):
		return grantRefused(refused, c), fromVault
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, cache.ErrSlow):
		return apierror.New(http.StatusServiceUnavailable, apierror.VaultUnavailable, "Vault did not answer in time, and there is no live grant to sign with").After(soon), fromVault
	}
	return apierror.New(http.StatusServiceUnavailable, apierror.VaultUnavailable, "no live grant to sign with, and Vault gives none: %s", err).After(soon), fromVault
}

// away tells Vault's being sealed, on standby, busy or broken from its "no".
func away(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusPreconditionFailed
}

func grantRefused(refused *api.ResponseError, c *route) *apierror.Error {
	said := strings.Join(refused.Errors, "; ")
	if refused.StatusCode == http.StatusNotFound && said == "" {
		said = "there is no such role, or no Mashery secrets engine on this mount; check the name in the path"
	}
	return apierror.New(http.StatusBadGateway, apierror.GrantRefused,
		"Vault refused the %s grant of role %q on mount %q with status %d: %s", c.api, c.role, c.mount.Mashery.Mount, refused.StatusCode, said)
}

// isForced tells the engine's word that the role's credentials may not leave it.
func isForced(err error) bool {
	var refused *api.ResponseError
	return errors.As(err, &refused) && refused.StatusCode == http.StatusBadRequest &&
		strings.Contains(strings.Join(refused.Errors, " "), forcedProxyMode)
}
