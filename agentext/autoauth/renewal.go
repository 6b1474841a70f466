// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// renewSelf is how Vault's handler renews the token.
	renewSelf = "/auth/token/renew-self"
	// renewalFloor is the least time between two renewals: short enough for tokens
	// that live for a second. It doubles, up to waitedBackoff, while renewals fail.
	renewalFloor = 500 * time.Millisecond
)

// renewals keeps renewals of the token apart. Vault's own code
// (api.LifetimeWatcher, v1.22.0) repeats one that failed without any pause where
// the next one would outlast the token: thousands a second, to a Vault that is
// sealed or limits its rate, until the token is nearly over.
type renewals struct {
	ended <-chan struct{} // nothing waits any more
	log   hclog.Logger

	mu    sync.Mutex
	pause time.Duration // after the last one
	next  time.Time     // none before
}

// over is the layer above the transport to Vault.
func (r *renewals) over(next http.RoundTripper) http.RoundTripper { return paced{next, r} }

// paced is a transport on which renewals are kept apart.
type paced struct {
	next     http.RoundTripper
	renewals *renewals
}

// RoundTrip implements http.RoundTripper.
func (p paced) RoundTrip(request *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(request.URL.Path, renewSelf) {
		return p.next.RoundTrip(request)
	}
	if err := p.renewals.wait(request.Context()); err != nil {
		return nil, err
	}
	answer, err := p.next.RoundTrip(request)
	p.renewals.judge(answer, err)
	return answer, err
}

// wait holds a renewal until its time has come.
func (r *renewals) wait(ctx context.Context) error {
	r.mu.Lock()
	timer := time.NewTimer(time.Until(r.next))
	r.mu.Unlock()
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.ended:
		return context.Canceled
	}
}

// judge puts off the next renewal. One that Vault does not permit is not
// repeated.
func (r *renewals) judge(answer *http.Response, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := err != nil || answer.StatusCode != http.StatusOK
	if !failed {
		r.pause = 0
	}
	r.pause = max(renewalFloor, min(2*r.pause, waitedBackoff))
	r.next = time.Now().Add(r.pause)
	switch {
	case !failed, err == nil && answer.StatusCode == http.StatusForbidden:
	case err != nil:
		r.log.Warn("the Vault token was not renewed", "error", err, "next_try_in", r.pause)
	default:
		r.log.Warn("the Vault token was not renewed", "status", answer.StatusCode, "next_try_in", r.pause)
	}
}
