// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// permissionDenied is how Vault's policies refuse (sdk/logical,
// ErrPermissionDenied).
const permissionDenied = "permission denied"

// refuse answers a call that could not be made.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, j *Judgement, err error) {
	c := j.call
	h.Logger.Debug("not served", "id", idOf(w), "method", c.verb, "role", c.role, "path", c.below, "error", err)
	if hasLeft(r) {
		w.Header().Del(apierror.SourceHeader) // it is nobody's answer
		panic(http.ErrAbortHandler)           // returning would answer 200
	}
	refusal, from := refusalOf(err, c)
	w.Header().Set(apierror.SourceHeader, from)
	j.ahead.answer(w, r, false, func() { apierror.Write(w, refusal) })
}

// hasLeft tells whether the caller is gone, of a request that has no answer yet.
func hasLeft(r *http.Request) bool {
	left := context.Cause(r.Context())
	return left != nil && left != apierror.ErrDraining && !errors.As(left, new(*mashery.BodyError))
}

// turnDown answers a request that is not to be served. Its query is not logged:
// it may hold what nobody is to read.
func (h *Handler) turnDown(w http.ResponseWriter, r *http.Request, j *Judgement, refusal *apierror.Error) {
	h.Logger.Debug("refused", "id", idOf(w), "method", r.Method, "path", r.URL.EscapedPath(), "code", refusal.Code)
	body := j.ahead
	if body == nil { // of no call
		body = newAhead(r, &h.ahead)
	}
	body.answer(w, r, false, func() { apierror.Write(w, refusal) })
}

// refusalOf names what went wrong, and whose answer it is.
func refusalOf(err error, c *route) (*apierror.Error, string) {
	var (
		overQPS     *mashery.OverQPSError
		unreachable *mashery.UnreachableError
		slow        *mashery.TimeoutError
		own         *mashery.BodyError
		refused     *api.ResponseError
		stale       *policy.StaleError
		dead        *cache.RefusedError
	)
	switch {
	case errors.Is(err, apierror.ErrDraining):
		return apierror.ErrDraining, apierror.FromMashproxy
	case errors.As(err, &overQPS):
		return apierror.New(http.StatusForbidden, apierror.OverQPS, "%s", err).
			After(overQPS.RetryAfter).With(mashery.HeaderErrorCode, mashery.ErrDeveloperOverQPS), apierror.FromMashproxy
	case errors.As(err, &own):
		return badRequest("%s", err), apierror.FromMashproxy
	case errors.As(err, &slow):
		return apierror.New(http.StatusGatewayTimeout, apierror.Timeout, "%s", err), apierror.FromMashproxy
	case errors.As(err, &unreachable):
		return apierror.New(http.StatusBadGateway, apierror.MasheryUnreachable, "%s", err), apierror.FromMashproxy
	case errors.As(err, &stale):
		return unavailable(stale.Error() + reason(stale.Reason)), apierror.FromMashproxy
	case errors.Is(err, policy.ErrNotLoggedIn):
		return notReady(err.Error()), apierror.FromMashproxy
	case errors.Is(err, policy.ErrNotReady):
		return notReady(policy.ErrNotReady.Error() + reason(err)), apierror.FromMashproxy
	case errors.Is(err, autoauth.ErrNoToken), errors.Is(err, cache.ErrNoToken):
		return notReady(autoauth.ErrNoToken.Error()), apierror.FromMashproxy
	case autoauth.IsInvalidToken(err):
		return notReady("Vault knows this program's token no more; it logs in again"), apierror.FromMashproxy
	case errors.As(err, &dead):
		return apierror.New(http.StatusBadGateway, apierror.GrantRefused, "%s", err).After(dead.After), apierror.FromMashproxy
	case errors.Is(err, cache.ErrUnusable):
		return apierror.New(http.StatusBadGateway, apierror.GrantRefused, "%s", err), apierror.FromVault
	case errors.As(err, &refused) && cache.Refused(err):
		return grantRefused(refused, c), apierror.FromVault
	case errors.Is(err, cache.ErrSlow), errors.Is(err, cache.ErrLate):
		return unavailable(err.Error()), apierror.FromVault
	}
	return unavailable("no live grant to sign with, and Vault gives none" + reason(err)), apierror.FromVault
}

func notReady(text string) *apierror.Error {
	return apierror.New(http.StatusServiceUnavailable, apierror.NotReady, "%s", text).After(soon)
}

func unavailable(text string) *apierror.Error {
	return apierror.New(http.StatusServiceUnavailable, apierror.VaultUnavailable, "%s", text).After(soon)
}

// reason is what Vault, or the way there, has said, in one line and without the
// address that Vault's client puts before it.
func reason(err error) string {
	var (
		refused *api.ResponseError
		request *url.Error
	)
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf(": status %d: %s", refused.StatusCode, cache.Words(refused))
	case errors.Is(err, context.DeadlineExceeded):
		return ": it did not answer in time"
	case errors.As(err, &request):
		return ": " + request.Err.Error()
	}
	for _, plain := range []error{cache.ErrNotVault, io.ErrUnexpectedEOF, http.ErrNoLocation} {
		if errors.Is(err, plain) {
			return ": " + plain.Error()
		}
	}
	return ""
}

func grantRefused(refused *api.ResponseError, c *route) *apierror.Error {
	words := cache.Words(refused)
	if refused.StatusCode == http.StatusNotFound && words == "" {
		words = "there is no such role, or no Mashery secrets engine on this mount; check the name in the path"
	}
	return apierror.New(http.StatusBadGateway, apierror.GrantRefused,
		"Vault refused the %s grant of role %q on mount %q with status %d: %s", c.api, c.role, c.mount.Mashery.Mount, refused.StatusCode, words)
}

// isDenied tells Vault's word that the token may not read the grant, as opposed
// to the engine's words, and to Vault's not knowing the token.
func isDenied(err error) bool {
	var refused *api.ResponseError
	return errors.As(err, &refused) && refused.StatusCode == http.StatusForbidden && cache.Refused(err) &&
		strings.Contains(cache.Words(refused), permissionDenied) && !autoauth.IsInvalidToken(err)
}

// IsForced tells the engine's word that the role's credentials may not leave it.
func IsForced(err error) bool {
	var refused *api.ResponseError
	return errors.As(err, &refused) && refused.StatusCode == http.StatusBadRequest &&
		strings.Contains(strings.Join(refused.Errors, " "), forcedProxyMode)
}
