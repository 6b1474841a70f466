// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"encoding/json"
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

// ErrLate says that a grant had ended before it came.
var ErrLate = errors.New("Vault's answer came too late")

// ErrNotVault says that something else has answered in Vault's place, such as a
// load balancer, a firewall or a portal. That is no word about the grant.
var ErrNotVault = errors.New("what has answered is not Vault: it gave no JSON with a request_id; what stands before Vault?")

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

// How Vault says that another node must be asked [sys/health].
const disasterSecondary, performanceStandby = 472, 473

// Refused tells Vault's "no" from its being away, sealed, on standby or too busy,
// and from the refusals of what stands before it.
func Refused(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || !inVaultsWords(answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusTooManyRequests, disasterSecondary, performanceStandby:
		return false
	}
	return answer.StatusCode >= 400 && answer.StatusCode < 500
}

// inVaultsWords tells a refusal as Vault writes them, {"errors": […]}, from a page.
func inVaultsWords(answer *api.ResponseError) bool { return !answer.RawError && answer.Errors != nil }

// away is err when by it Vault could not be reached; nil when it answered.
func away(err error) error {
	if err == nil || Refused(err) || errors.Is(err, ErrUnusable) || errors.Is(err, ErrLate) {
		return nil
	}
	return err
}

// ofVault is err, or ErrNotVault where the answer is none of Vault's: no JSON, or
// JSON without a request_id. No secret at all has nothing to say.
func ofVault(secret *api.Secret, err error) error {
	page := errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError))
	if page || err == nil && secret != nil && secret.RequestID == "" {
		return ErrNotVault
	}
	return err
}

// answered tells that somebody answered, be it Vault or a page in its place.
func answered(err error) bool {
	return errors.As(err, new(*api.ResponseError)) || errors.Is(err, ErrNotVault)
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
		return inVaultsWords(answer)
	}
	return false
}

// leaseGone tells Vault's word that there is nothing any more to be renewed
// [vault/expiration.go, renewable].
func leaseGone(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || !inVaultsWords(answer) {
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
		return fmt.Sprintf("status %d: %s", answer.StatusCode, Words(answer))
	case errors.Is(err, context.DeadlineExceeded):
		return "Vault did not answer in time"
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return err.Error()
}

// longestWords is how much is repeated of what a refusal says, in characters.
const longestWords = 500

// Words are what a refusal says, in one line: Vault's words, or the beginning of
// a page that has come in their place.
func Words(answer *api.ResponseError) string {
	said := strings.Join(strings.Fields(strings.Join(answer.Errors, "; ")), " ")
	if characters := []rune(said); len(characters) > longestWords {
		said = string(characters[:longestWords]) + "…"
	}
	switch {
	case inVaultsWords(answer):
		return said
	case said == "":
		return "not in Vault's words"
	}
	return "not in Vault's words: " + said
}
