// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/helper/consts"
)

const (
	// renewSelf is how Vault's handler renews the token.
	renewSelf = "/auth/token/renew-self"
	// renewalFloor is the least time between two renewals: short enough for tokens
	// that live for a second. It doubles, up to waitedBackoff, while renewals fail.
	renewalFloor = 500 * time.Millisecond
)

// errReplaced ends a renewal that waited while another token came.
var errReplaced = errors.New("there is another token by now")

// renewals keeps renewals of the token apart. Vault's own code
// (api.LifetimeWatcher, v1.22.0) repeats one that failed without any pause where
// the next one would outlast the token: thousands a second, to a Vault that is
// sealed or limits its rate, until the token is nearly over.
type renewals struct {
	ended <-chan struct{} // nothing waits any more
	log   hclog.Logger

	mu       sync.Mutex
	token    string        // the last that was to be renewed; the rest is about it
	pause    time.Duration // after the last one
	next     time.Time     // none before
	followed bool          // the last answer was a redirect, and is being followed
	until    time.Time     // when the token ends, as Vault said; zero: it did not
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
	token := request.Header.Get(consts.AuthHeaderName)
	if err := p.renewals.wait(request.Context(), token); err != nil {
		return nil, err
	}
	sent := time.Now()
	answer, err := p.next.RoundTrip(request)
	p.renewals.judge(token, sent, answer, err)
	return answer, err
}

// wait holds a renewal until its time has come. Those that wait for one token go
// one by one, and none goes any more when there is another token.
func (r *renewals) wait(ctx context.Context, token string) error {
	r.begin(token)
	for {
		left, err := r.turn(token)
		if left <= 0 || err != nil {
			return err
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-r.ended:
			timer.Stop()
			return context.Canceled
		}
	}
}

// begin forgets what became of another token's renewals.
func (r *renewals) begin(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if token != r.token {
		r.token, r.pause, r.next, r.followed, r.until = token, 0, time.Time{}, false, time.Time{}
	}
}

// turn is the time until the token may be renewed. Who is told that it may has
// taken its turn.
func (r *renewals) turn(token string) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if token != r.token {
		return 0, errReplaced
	}
	left := time.Until(r.next)
	if left <= 0 {
		r.next = time.Now().Add(max(r.pause, renewalFloor))
	}
	return left, nil
}

// judge puts off the next renewal, and takes in what the last one gave. What is said
// of a token that has been replaced counts for nothing.
func (r *renewals) judge(token string, sent time.Time, answer *http.Response, err error) {
	var done *api.Secret
	if err == nil {
		done = renewed(answer)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if token != r.token {
		return
	}
	if !r.followed && err == nil && answer.StatusCode/100 == 3 {
		r.followed, r.next = true, time.Time{} // to the node that a standby names
		return
	}
	r.followed = false
	if done != nil {
		r.pause, r.next = 0, time.Now().Add(renewalFloor)
		r.extend(sent, done)
		return
	}
	r.pause = max(renewalFloor, min(2*r.pause, waitedBackoff))
	r.next = time.Now().Add(r.pause)
	r.tell(answer, err)
}

// extend takes in until when a renewal has the token live. One that gives it no
// time, or is not Vault's, says nothing.
func (r *renewals) extend(sent time.Time, renewal *api.Secret) {
	seconds := int64(renewal.Auth.LeaseDuration)
	if renewal.RequestID == "" || seconds <= 0 {
		return
	}
	if until := after(sent, seconds); until.After(r.until) {
		r.until = until
	}
}

// end is until when Vault extended a token; zero if it did not say.
func (r *renewals) end(token string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if token != r.token {
		return time.Time{}
	}
	return r.until
}

// tell warns of a renewal that failed. One that Vault does not permit is not
// repeated, so it is not told of.
func (r *renewals) tell(answer *http.Response, err error) {
	const failed = "the Vault token was not renewed"
	switch {
	case err != nil:
		r.log.Warn(failed, "error", err, "next_try_in", r.pause)
	case answer.StatusCode == http.StatusOK:
		r.log.Warn(failed+": the answer holds no token; what stands before Vault?", "next_try_in", r.pause)
	case answer.StatusCode != http.StatusForbidden || r.pause > renewalFloor:
		r.log.Warn(failed, "status", answer.StatusCode, "next_try_in", r.pause)
	}
}

// renewed is an answer that Vault's own code takes for a renewal; nil if it is none.
// It can be read once more.
func renewed(answer *http.Response) *api.Secret {
	if answer.StatusCode != http.StatusOK {
		return nil
	}
	var copied bytes.Buffer
	secret, err := api.ParseSecret(io.TeeReader(answer.Body, &copied))
	answer.Body = again{io.MultiReader(&copied, answer.Body), answer.Body}
	if err != nil || secret == nil || secret.Auth == nil {
		return nil
	}
	return secret
}

// again is a body whose beginning was read before.
type again struct {
	io.Reader
	io.Closer
}
