// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"
	vaulthttp "github.com/hashicorp/vault/http"
)

const (
	retryFor   = time.Second            // all retries of one request, when no count was set
	retryEvery = 100 * time.Millisecond // between two of them
)

// wsaConnRefused is Windows' ECONNREFUSED, which package syscall does not have.
const wsaConnRefused = syscall.Errno(10061)

// A retrier sends a request again when that can help. It is the only layer that
// does: the client under it makes one attempt.
type retrier struct {
	next cache.Proxier

	// counted is set when the number of retries is, by file or environment:
	// then they are made as Vault Proxy makes them. Otherwise only what Vault
	// did not look at is sent again (412, connection refused), for retryFor.
	counted          bool
	retries          int
	waitMin, waitMax time.Duration

	// leaves412 leaves it to the client to ask again when Vault does not have
	// the state yet that the API proxy asked for (when_inconsistent = "fail").
	leaves412 bool
}

// Send is cache.Proxier's.
func (r *retrier) Send(ctx context.Context, request *cache.SendRequest) (*cache.SendResponse, error) {
	e := exchangeOf(ctx)
	end := time.Now().Add(retryFor)
	for attempt := 0; ; attempt++ {
		response, err := r.next.Send(ctx, once(request))
		e.last = response
		if !e.resendable() || !r.again(ctx, request.Request, response, err) {
			return response, err
		}
		wait, ok := r.wait(attempt, end, response)
		if !ok || !sleep(ctx, wait) {
			return response, err
		}
	}
}

// once copies request for one attempt: the API proxy writes into its header.
func once(request *cache.SendRequest) *cache.SendRequest {
	attempt := *request
	attempt.Request = request.Request.Clone(request.Request.Context())
	return &attempt
}

// again says whether another attempt can help.
func (r *retrier) again(ctx context.Context, request *http.Request, response *cache.SendResponse, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if response == nil {
		return refused(err) || r.counted && retryable(ctx, nil, err)
	}
	if response.Response.StatusCode == http.StatusPreconditionFailed {
		return !r.leaves412 || asksForState(request)
	}
	return r.counted && retryable(ctx, response.Response.Response, nil)
}

// wait is how long to wait before the next attempt; false: there is none.
func (r *retrier) wait(attempt int, end time.Time, response *cache.SendResponse) (time.Duration, bool) {
	if !r.counted {
		return retryEvery, time.Now().Add(retryEvery).Before(end)
	}
	var answer *http.Response
	if response != nil {
		answer = response.Response.Response
	}
	return retryablehttp.RateLimitLinearJitterBackoff(r.waitMin, r.waitMax, attempt, answer), attempt < r.retries
}

func retryable(ctx context.Context, response *http.Response, err error) bool {
	again, _ := retryablehttp.DefaultRetryPolicy(ctx, response, err)
	return again
}

func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaConnRefused)
}

// asksForState says whether the client takes care of consistency itself; then
// the API proxy does not (cache.APIProxy).
func asksForState(request *http.Request) bool {
	return request.Header.Get(vaulthttp.VaultIndexHeaderName) != "" ||
		request.Header.Get(vaulthttp.VaultForwardHeaderName) != "" ||
		request.Header.Get(vaulthttp.VaultInconsistentHeaderName) != ""
}

func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
