// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"net/http"
	"time"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/agentext/policy"
	"mashproxy/mashery"
)

// Judgement is what is to become of a request, and why.
type Judgement struct {
	// Refusal is the answer to a request that is refused here; nil otherwise.
	Refusal *apierror.Error
	// Unknown says why it cannot be told at this moment; nil otherwise.
	Unknown error
	// Block and Role are those of a call to Mashery. Any other request has no
	// block, and goes on to Vault unless it is refused.
	Block *config.Mashery
	Role  string
	// Cause and Reason say why a call to Mashery is left to Vault; they are ""
	// where it is not.
	Cause, Reason string
	// Decision is that of Vault's policies, where they were asked.
	Decision policy.Decision

	began  time.Time
	waited time.Duration // for Vault's policies

	call  *route // nil for what is no call to Mashery
	ahead *ahead // what body reads; nil: there is none
	body  *policy.Body
	out   *mashery.Call // what is to be sent; nil if nothing is
}

// Judge tells what is to become of a request that comes in by a listener. It
// reads the request's body where it must, and sends nothing.
func (h *Handler) Judge(l *Listener, r *http.Request) *Judgement {
	j := &Judgement{began: time.Now()}
	var call *route
	if call, j.Refusal = h.read(l, r); call == nil {
		return j
	}
	j.call, j.Block, j.Role = call, call.mount.Mashery, call.role
	if j.ahead = newAhead(r, &h.ahead); j.ahead != nil {
		j.body = policy.NewBody(j.ahead)
	}
	if j.Refusal = call.narrow(r, j.body); j.Refusal != nil {
		return j
	}
	if left, why := h.leftToVault(call); left {
		j.leave(why)
		return j
	}
	if j.Decision, j.Unknown = h.decide(r, j); j.Unknown != nil {
		return j
	}
	switch j.Refusal = j.Decision.Refusal(); {
	case j.Refusal != nil:
	case j.Decision.Verdict == policy.Undecidable:
		j.leave(warning{string(j.Decision.Cause), j.Decision.Text})
	default:
		j.out, j.Refusal = h.callOf(r, call, j.body)
	}
	return j
}

// leave leaves the call to Vault.
func (j *Judgement) leave(why warning) { j.Cause, j.Reason = why.cause, why.text }

// leftToVault tells whether the role is one whose calls Vault serves.
func (h *Handler) leftToVault(c *route) (bool, warning) {
	switch {
	case c.mount.Forwards(c.role):
		return true, warning{"forward_roles", "the file says so (forward_roles)"}
	case h.Grants.Refusal(c.key()) != nil:
		return true, forcedWarning
	}
	return false, warning{}
}

// decide applies Vault's policies, unless the block turns them off.
func (h *Handler) decide(r *http.Request, j *Judgement) (policy.Decision, error) {
	c := j.call
	if !c.mount.enforces() {
		return policy.Decision{Verdict: policy.Allowed}, nil
	}
	asked := time.Now()
	rules, err := h.Rules.Current(r.Context(), c.mount.PolicyMaxStale)
	j.waited = time.Since(asked)
	if err != nil {
		return policy.Decision{}, err
	}
	request := &policy.Request{
		Method: c.outer, Mount: c.mount.PolicyMount(), Role: c.role, Path: c.below,
		RawQuery: r.URL.RawQuery, Header: r.Header, Body: j.body,
	}
	if c.named {
		request.Verb = c.verb
	}
	return rules.Decide(request), nil
}
