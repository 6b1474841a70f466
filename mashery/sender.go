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
	"time"
)

// drainLimit bounds what is read of an answer that is not passed on, so that
// its connection can be used again.
const drainLimit = 64 << 10

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
	// Body streams; nil: none. ContentLength is its length, -1: unknown.
	Body          io.Reader
	ContentLength int64
	// MaxWait is the longest time the call may wait for its slots, all in all.
	MaxWait time.Duration
	// Budget gives the budget the call is paced by; nil: not paced.
	Budget func(*Grant) *Budget
}

// Answer is Mashery's answer, its header cleaned of what is not for the caller.
type Answer struct {
	*http.Response
	// Waited is how long the call waited for its slots.
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
	header  http.Header
	budget  *Budget
	waited  time.Duration
	renewed bool // a dead grant was replaced once
}

// Send takes the call through pacing and signing and returns the answer, whose
// body the caller closes. A call that Mashery did not run because the key was
// over its QPS waits and is sent again, within MaxWait; one refused for its
// grant is sent again once. Errors are the source's, *[OverQPSError],
// *[UnreachableError], *[TimeoutError] or the context's.
func (s *Sender) Send(ctx context.Context, call *Call, source Source) (*Answer, error) {
	run := &sending{Sender: s, call: call, source: source, body: newReplay(call.Body), header: cleanRequestHeader(call.Header)}
	for {
		grant, err := run.slot(ctx)
		if err != nil {
			return nil, err
		}
		attempt := run.body.attempt()
		resp, err := s.Transport.RoundTrip(run.request(ctx, grant, attempt))
		if err != nil {
			return nil, sendError(ctx, s.endpoint(call.API).Host, err)
		}
		if !run.resend(ctx, grant, resp, attempt) {
			cleanAnswerHeader(call.API, resp.Header)
			return &Answer{Response: resp, Waited: run.waited}, nil
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
	waited, err := s.budget.Wait(ctx, s.call.MaxWait-s.waited)
	s.waited += waited
	if err != nil {
		return nil, err
	}
	return s.source.Grant(ctx)
}

// request makes the signed request: a clone of the caller's, the credential last.
func (s *sending) request(ctx context.Context, grant *Grant, body io.ReadCloser) *http.Request {
	endpoint := s.endpoint(s.call.API)
	u := &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host}
	if s.call.API == V2 {
		u.Opaque = endpoint.EscapedPath() + "/" + strconv.FormatInt(grant.AreaNID, 10)
	} else {
		// Opaque is sent as it is; Path would be escaped anew.
		u.Opaque = endpoint.EscapedPath() + "/" + s.call.Path
		u.RawQuery, u.ForceQuery = s.call.RawQuery, s.call.ForceQuery
	}
	r := &http.Request{
		Method: s.call.Method, URL: u, Host: endpoint.Host, Header: s.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if s.call.Body != nil {
		r.Body, r.ContentLength = body, s.call.ContentLength
	}
	grant.sign(r)
	return r.WithContext(ctx)
}

// resend tells whether the call is to be sent again instead of passing resp on.
func (s *sending) resend(ctx context.Context, grant *Grant, resp *http.Response, sent *attempt) bool {
	switch judge(s.call.API, resp) {
	case overQPS:
		pause := retryAfter(resp.Header, time.Now())
		if s.budget == nil {
			return false
		}
		s.budget.Pause(min(pause, s.call.MaxWait))
		return s.waited+pause <= s.call.MaxWait && s.body.again(ctx, sent)
	case deadGrant:
		s.source.Dead(grant)
		if s.renewed {
			return false
		}
		s.renewed = true
		return s.body.again(ctx, sent)
	}
	return false
}

func (s *Sender) endpoint(api API) *url.URL {
	if api == V2 {
		return s.V2
	}
	return s.V3
}

func drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, drainLimit))
	resp.Body.Close()
}

// sendError names why no answer came. The caller's own leaving stays what it is.
func sendError(ctx context.Context, host string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return &TimeoutError{Host: host, cause: err}
	}
	return &UnreachableError{Host: host, cause: err}
}
