// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// staleSlot is how long after its slot a call may be sent; later, it might come
// together with others.
const staleSlot = 10 * time.Millisecond

// sending is the state of one call under way.
type sending struct {
	*Sender
	call     *Call
	source   Source
	body     *replay
	try      *try
	budget   *Budget
	ticket   ticket // of the slot it has
	waited   time.Duration
	refused  time.Time // since when it waits for another slot; zero: it does not
	attempts int
	losses   int  // of connections
	untaken  int  // times that Mashery did not take it
	renewed  bool // a dead grant was replaced once
}

// send sends the call until there is an answer to pass on.
func (s *sending) send(ctx context.Context) (*Answer, error) {
	for {
		grant, err := s.slot(ctx)
		if err != nil {
			return nil, err
		}
		s.attempts++
		s.wake(time.Now())
		resp, err := s.roundTrip(s.request(ctx, grant))
		if err != nil {
			if s.lost(ctx, err) {
				continue
			}
			return nil, sendError(ctx, s.endpoint(s.call.API).Host, err)
		}
		found := judge(s.call.API, resp)
		if s.budget != nil {
			s.budget.hear(heard{found, s.call.kind(), s.try.handed, s.try.left(), resp.Header})
		}
		if !s.resend(grant, resp, found) {
			cleanAnswerHeader(grant, resp.Header)
			resp.Request = nil
			return &Answer{Response: resp, Waited: s.waited, Attempts: s.attempts}, nil
		}
		drain(resp)
	}
}

// roundTrip hands the request to the transport.
func (s *sending) roundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.Transport.RoundTrip(r)
	switch {
	case err != nil && s.try.refusal != nil:
		return nil, s.try.refusal
	case err == nil && resp.StatusCode < http.StatusOK:
		resp.Body.Close()
		return nil, noAnswer(resp.StatusCode)
	}
	return resp, err
}

// wake lets go of idle connections if the machine has slept: their other ends
// have long given them up.
func (s *Sender) wake(now time.Time) {
	if s.sleeps.slept(now) {
		s.closeIdle()
	}
}

// suspect lets go of idle connections if one that was used before is lost: what
// forgets one, as a firewall that restarts, most often forgets them all, and
// each would cost a call.
func (s *sending) suspect(err error) {
	if s.try.reused && isLoss(err) && !errors.As(err, new(streamError)) {
		s.closeIdle()
	}
}

func (s *Sender) closeIdle() {
	if pool, has := s.Transport.(interface{ CloseIdleConnections() }); has {
		pool.CloseIdleConnections()
	}
}

// slot holds the call for its slot and returns the grant to sign with: asked
// for anew after a wait, in which the first may have ended. If that takes its
// time, so that calls would go together, there is one other slot to wait for.
func (s *sending) slot(ctx context.Context) (*Grant, error) {
	grant, err := s.grant(ctx)
	if err != nil || s.call.Budget == nil {
		return grant, err
	}
	before := s.waited
	if err := s.wait(ctx, grant, s.attempts > 0); err != nil {
		return nil, err
	}
	if s.waited == before {
		return grant, nil
	}
	due := time.Now()
	if grant, err = s.grant(ctx); err != nil || time.Since(due) < staleSlot {
		return grant, err
	}
	s.refused = due
	if err := s.wait(ctx, grant, true); err != nil {
		return nil, err
	}
	return s.grant(ctx)
}

// grant is the source's, if it is meant for where this sender sends.
func (s *sending) grant(ctx context.Context) (*Grant, error) {
	grant, err := s.source.Grant(ctx)
	if err != nil {
		return nil, err
	}
	if endpoint := s.endpoint(s.call.API); !sameEndpoint(endpoint, grant.Endpoint) {
		return nil, &EndpointMismatchError{API: s.call.API, Granted: grant.Endpoint, Configured: endpoint.String()}
	}
	return grant, nil
}

// wait waits for a slot of the grant's budget.
func (s *sending) wait(ctx context.Context, grant *Grant, again bool) error {
	s.budget = s.call.Budget(grant)
	if !s.refused.IsZero() {
		s.waited += time.Since(s.refused)
		s.refused = time.Time{}
	}
	slot, waited, err := s.budget.wait(ctx, s.call.Queue, s.call.MaxWait-s.waited, again)
	s.ticket = slot
	s.waited += waited
	return err
}

// resend tells whether the call is to be sent again instead of passing resp on.
func (s *sending) resend(grant *Grant, resp *http.Response, found verdict) bool {
	switch found {
	case overQPS:
		if s.budget == nil {
			return false
		}
		now := time.Now()
		pause := retryAfter(resp.Header, now)
		s.budget.pause(now.Add(min(pause, s.call.MaxWait)))
		s.refused = now
		return pause <= s.call.MaxWait-s.waited && s.body.again() && s.resent(ResentOverQPS)
	case deadGrant:
		another := s.source.Dead(grant, mayBeOfCall(s.call.API, resp))
		if s.renewed || !another {
			return false
		}
		s.renewed = true
		return s.body.again() && s.resent(ResentDeadGrant)
	}
	return false
}

// resent tells that the call is sent again.
func (s *sending) resent(reason string) bool {
	if s.budget != nil {
		s.budget.observer.resent(reason)
	}
	return true
}
