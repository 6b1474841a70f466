// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
)

// ErrSlow says that Vault has not given the grant yet. The fetch goes on.
var ErrSlow = errors.New("Vault has not given the grant in time; it is still being asked, try again")

// ErrUnusable says that Vault answered, but not with a grant that can be used.
var ErrUnusable = errors.New("Vault gave no usable grant")

// ErrNoToken says that there is no token to ask Vault with, and was none for as
// long as a call waits.
var ErrNoToken = errors.New("not logged in to Vault")

// ErrClosed says that the grants are no longer kept.
var ErrClosed = errors.New("the grants are closed")

// RefusedError says that Mashery refuses the grants that Vault gives for a role,
// the last of which has ended.
type RefusedError struct {
	// After is in how long the next is asked for.
	After time.Duration
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("Mashery refuses the grants that Vault gives for this role; is its API key active, its user allowed? The next grant is asked for in %s", e.After.Round(time.Second))
}

// refused tells Vault's "no" from its being away, sealed, on standby or too busy.
func refused(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusTooManyRequests:
		return false
	}
	return answer.StatusCode >= 400 && answer.StatusCode < 500
}

// away is err when by it Vault could not be reached; nil when it answered.
func away(err error) error {
	if err == nil || refused(err) || errors.Is(err, ErrUnusable) {
		return nil
	}
	return err
}

// absent tells that there is no such role, or mount.
func absent(err error) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// broken tells an error of the server's over one request from its being away: a
// fault of its own, or its engine's word that Mashery is away. What stands before
// Vault says that of Vault itself, but in no words of Vault's.
func broken(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusInternalServerError:
		return true
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return !answer.RawError
	}
	return false
}

// leaseGone tells Vault's word that there is nothing any more to be renewed
// [vault/expiration.go, renewable].
func leaseGone(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	said := strings.Join(answer.Errors, " ")
	switch answer.StatusCode {
	case http.StatusBadRequest:
		return strings.Contains(said, "lease not found") || strings.Contains(said, "lease expired") || strings.Contains(said, "lease is not renewable")
	case http.StatusForbidden:
		return strings.Contains(said, "invalid token")
	}
	return false
}

// brief is an error in one line, without the address that Vault's client puts
// before it.
func brief(err error) string {
	var (
		answer  *api.ResponseError
		request *url.Error
	)
	switch {
	case errors.As(err, &answer):
		return fmt.Sprintf("status %d: %s", answer.StatusCode, strings.Join(strings.Fields(strings.Join(answer.Errors, "; ")), " "))
	case errors.Is(err, context.DeadlineExceeded):
		return "Vault did not answer in time"
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return err.Error()
}
