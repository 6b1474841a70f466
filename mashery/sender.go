// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"io"
	"net/http"
	"net/url"
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
	// MaxWait is the longest time the call may wait for its slots, all in all,
	// and before it is sent again.
	MaxWait time.Duration
	// Queue names the listener that the call came in by; those of one budget
	// take turns.
	Queue string
	// Budget gives the budget the call is paced by; nil: not paced.
	Budget func(*Grant) *Budget
}

// Answer is Mashery's answer, its header cleaned of what is not for the caller.
// Its Request is nil: the one that was sent carries the credential.
type Answer struct {
	*http.Response
	// Waited is how long the call waited for its slots, pauses included.
	Waited time.Duration
	// Attempts is how many times the call was sent.
	Attempts int
}

// Sender sends calls to one pair of endpoints, and nowhere else. After this
// machine has slept, or an idle connection turned out to be lost, it uses no idle
// connection of before.
type Sender struct {
	Transport http.RoundTripper
	V2, V3    *url.URL

	sleeps sleepWatch
}

// Send takes the call through pacing and signing and returns the answer, whose
// body the caller closes. Within MaxWait all in all, a call is sent again when
// Mashery did not run it because the key was over its QPS, or took no part of it,
// as HTTP/2 can tell; once, when its grant was refused; and a few times when its
// connection was lost before a byte of an answer, unless it is one of those (POST,
// all of V2) that do more when they are done twice. Errors are the source's, *[EndpointMismatchError], *[OverQPSError],
// *[BodyError], *[UnreachableError], *[TimeoutError] or the context's.
func (s *Sender) Send(ctx context.Context, call *Call, source Source) (*Answer, error) {
	run := &sending{Sender: s, call: call, source: source, body: newReplay(call.Body, call.ContentLength)}
	answer, err := run.send(ctx)
	run.body.settle(err != nil)
	return answer, err
}

func (s *Sender) endpoint(api API) *url.URL {
	if api == V2 {
		return s.V2
	}
	return s.V3
}

func drain(resp *http.Response) {
	slow := time.AfterFunc(drainTime, func() { resp.Body.Close() })
	defer slow.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, drainLimit))
	resp.Body.Close()
}
