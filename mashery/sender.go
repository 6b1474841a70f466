// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What is spent on reading an answer that is not passed on, so that its
// connection can be used again.
const (
	drainLimit = 64 << 10
	drainTime  = time.Second
)

// Call is one call to Mashery, as its caller made it.
type Call struct {
	API API
	// Method is the verb, in upper case.
	Method string
	// Path is V3's, escaped as received, after the endpoint and without a
	// leading slash. V2 has none: the area is the grant's.
	Path string
	// RawQuery is V3's, as received; ForceQuery keeps a lone "?".
	RawQuery   string
	ForceQuery bool
	// Header is as received; what is not for Mashery is not sent.
	Header http.Header
	// Body streams; nil: none. ContentLength is its length, -1: unknown, 0: no
	// body. A read that is under way when Send returns an error may still end
	// after that; no other begins.
	Body          io.Reader
	ContentLength int64
	// MaxWait is the longest time the call may wait for its slots, all in all.
	MaxWait time.Duration
	// Budget gives the budget the call is paced by; nil: not paced.
	Budget func(*Grant) *Budget
}

// Answer is Mashery's answer, its header cleaned of what is not for the caller.
// Its Request is nil: the one that was sent carries the credential.
type Answer struct {
	*http.Response
	// Waited is how long the call waited for its slots, pauses included.
	Waited time.Duration
}

// Sender sends calls to one pair of endpoints, and nowhere else.
type Sender struct {
	Transport http.RoundTripper
	V2, V3    *url.URL
}

// sending is the state of one call under way.
type sending struct {
	*Sender
	call    *Call
	source  Source
	body    *replay
	budget  *Budget
	waited  time.Duration
	refused time.Time // when the key was last over its QPS; zero: not since the last slot
	renewed bool      // a dead grant was replaced once
}

// Send takes the call through pacing and signing and returns the answer, whose
// body the caller closes. A call that Mashery did not run because the key was
// over its QPS waits and is sent again, within MaxWait; one refused for its
// grant is sent again once. Errors are the source's, *[OverQPSError],
// *[UnreachableError], *[TimeoutError] or the context's.
func (s *Sender) Send(ctx context.Context, call *Call, source Source) (*Answer, error) {
	run := &sending{Sender: s, call: call, source: source, body: newReplay(call.Body, call.ContentLength)}
	answer, err := run.send(ctx)
	run.body.settle(err != nil)
	return answer, err
}

// send sends the call until there is an answer to pass on.
func (s *sending) send(ctx context.Context) (*Answer, error) {
	for {
		grant, err := s.slot(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := s.Transport.RoundTrip(s.request(ctx, grant))
		if err != nil {
			return nil, sendError(ctx, s.endpoint(s.call.API).Host, err)
		}
		if !s.resend(ctx, grant, resp) {
			cleanAnswerHeader(s.call.API, resp.Header)
			resp.Request = nil
			return &Answer{Response: resp, Waited: s.waited}, nil
		}
		drain(resp)
	}
}

// slot holds the call for its slot and returns the grant to sign with: asked
// for anew after the wait, in which the first may have ended.
func (s *sending) slot(ctx context.Context) (*Grant, error) {
	grant, err := s.source.Grant(ctx)
	if err != nil || s.call.Budget == nil {
		return grant, err
	}
	s.budget = s.call.Budget(grant)
	if !s.refused.IsZero() {
		s.waited += time.Since(s.refused)
		s.refused = time.Time{}
	}
	waited, err := s.budget.Wait(ctx, s.call.MaxWait-s.waited)
	s.waited += waited
	if err != nil {
		return nil, err
	}
	return s.source.Grant(ctx)
}

// request makes the signed request: a clone of the caller's, the credential last.
func (s *sending) request(ctx context.Context, grant *Grant) *http.Request {
	endpoint := s.endpoint(s.call.API)
	// Opaque is sent as it is; Path would be escaped anew.
	u := &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Opaque: endpoint.EscapedPath() + "/"}
	if s.call.API == V2 {
		u.Opaque += strconv.FormatInt(grant.AreaNID, 10)
	} else {
		u.Opaque += unspaced(s.call.Path)
		u.RawQuery, u.ForceQuery = unspaced(s.call.RawQuery), s.call.ForceQuery
	}
	r := &http.Request{
		Method: s.call.Method, URL: u, Host: endpoint.Host, Header: cleanRequestHeader(s.call.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if s.body != nil {
		r.Body, r.ContentLength = s.body.current, s.call.ContentLength
		r.GetBody = func() (io.ReadCloser, error) { return s.bodyAgain(ctx) }
	}
	grant.sign(r)
	return r.WithContext(ctx)
}

// bodyAgain is for the transport, which begins anew by itself where an idle
// connection turns out to be closed and nothing was sent.
func (s *sending) bodyAgain(ctx context.Context) (io.ReadCloser, error) {
	if !s.body.again(ctx) {
		return nil, errors.New("too much of the body was sent to begin anew")
	}
	return s.body.current, nil
}

// resend tells whether the call is to be sent again instead of passing resp on.
func (s *sending) resend(ctx context.Context, grant *Grant, resp *http.Response) bool {
	switch judge(s.call.API, resp) {
	case overQPS:
		if s.budget == nil {
			return false
		}
		now := time.Now()
		pause := retryAfter(resp.Header, now)
		s.budget.Pause(min(pause, s.call.MaxWait))
		s.refused = now
		return pause <= s.call.MaxWait-s.waited && s.body.again(ctx)
	case deadGrant:
		s.source.Dead(grant)
		if s.renewed {
			return false
		}
		s.renewed = true
		return s.body.again(ctx)
	}
	return false
}

func (s *Sender) endpoint(api API) *url.URL {
	if api == V2 {
		return s.V2
	}
	return s.V3
}

// unspaced escapes the one byte that a request may bring (over HTTP/2) but
// that would end the address in a request line.
func unspaced(s string) string { return strings.ReplaceAll(s, " ", "%20") }

func drain(resp *http.Response) {
	slow := time.AfterFunc(drainTime, func() { resp.Body.Close() })
	defer slow.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, drainLimit))
	resp.Body.Close()
}

// sendError names why no answer came. The caller's own leaving stays what it
// is, and a body of the caller's that came too slowly is not Mashery's delay.
func sendError(ctx context.Context, host string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var (
		own  *bodyError
		slow net.Error
	)
	if !errors.As(err, &own) && errors.As(err, &slow) && slow.Timeout() {
		return &TimeoutError{Host: host, cause: err}
	}
	return &UnreachableError{Host: host, cause: err}
}
