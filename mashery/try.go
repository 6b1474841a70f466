// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	// mostLosses is how many lost connections a call outlives.
	mostLosses = 2
	// backOff is the longest time before the first resend; it doubles so often.
	backOff      = 100 * time.Millisecond
	manyBackOffs = 2
)

// errBegunAnew keeps the transport from sending a call again by itself, unpaced
// and uncounted.
var errBegunAnew = errors.New("the connection ended before the answer")

// errNotTaken does the same where Mashery said, as HTTP/2 can, that it did
// nothing for the call: it closes the connection in good order, or has too many
// streams; or where the connection ended while the call waited for its slot. That
// is so for any verb.
var errNotTaken = errors.New("Mashery took no part of the call")

// noAnswer is the status of an answer that is none: no status is below 200 but
// those on the way to an answer, and nobody asked for another protocol.
type noAnswer int

func (status noAnswer) Error() string {
	return fmt.Sprintf("it answered with status %d, which is no answer", int(status))
}

// repeatable tells whether the call does no more when it is done twice.
func (c *Call) repeatable() bool {
	if c.API == V2 {
		return false
	}
	switch c.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// try is one sending of a call, as the transport sees it, and the context of its
// request. What is not atomic is written before the transport writes anything.
type try struct {
	context.Context
	trace    httptrace.ClientTrace
	run      *sending
	grant    *Grant
	url      *url.URL // of the request
	budget   *Budget  // nil: not paced
	slot     ticket
	conn     net.Conn
	reused   bool          // the connection was used before
	refusal  error         // why it must not be sent (any more); nil: it may
	handed   time.Time     // to the transport
	kept     time.Duration // how long it had to wait there for another slot
	late     bool          // it had to wait for its connection
	took     atomic.Int64  // from then until it left, in ns; 0: it has not
	answered atomic.Bool   // a byte of an answer was seen
}

// tryKey is the key of a request's try in its context.
type tryKey struct{}

// Value implements context.Context.
func (t *try) Value(key any) any {
	if key == (tryKey{}) {
		return t
	}
	return t.Context.Value(key)
}

// watch begins the next try, for a request to u.
func (s *sending) watch(ctx context.Context, grant *Grant, u *url.URL) *try {
	t := &try{run: s, grant: grant, url: u, budget: s.budget, slot: s.ticket, handed: time.Now()}
	s.try = t
	t.trace.GotConn, t.trace.WroteHeaders = t.connected, t.wrote
	if s.call.repeatable() {
		t.trace.GotFirstResponseByte = func() { t.answered.Store(true) }
	}
	t.Context = httptrace.WithClientTrace(ctx, &t.trace)
	return t
}

// left is when the call left this machine, or was to: connections that are made
// first, and a busy machine, say nothing of the way.
func (t *try) left() time.Time { return t.handed.Add(time.Duration(t.took.Load())) }

// wrote is called when the call's header was written.
func (t *try) wrote() {
	t.took.Store(max(1, int64(time.Since(t.handed))))
	if t.budget != nil {
		t.budget.left(t.slot, t.left(), t.late)
	}
}

// connected is called when there is a connection, before a byte is written to
// it. That may have taken long: who has a slot no more waits for another here.
func (t *try) connected(info httptrace.GotConnInfo) {
	if t.begunAnew() == nil {
		t.conn, t.reused = info.Conn, info.Reused
		t.took.Store(0)
		if t.run.body != nil && !t.http2() { // which closes the body itself
			t.run.body.current.gone = endOf(t.conn)
		}
		t.refusal = t.keepSlot()
	}
	if t.refusal != nil {
		// A hook cannot say no, and over HTTP/1 the context is not asked before the
		// first byte. What has no valid address is not written.
		t.url.Opaque = "\x7f"
	}
}

// keepSlot sees to it that the call leaves with a slot, by a connection that stays
// there meanwhile.
func (t *try) keepSlot() error {
	now := time.Now()
	if t.budget == nil || now.Sub(t.handed) < staleSlot {
		return nil
	}
	if t.late = true; t.budget.keep(t.slot, now) {
		return nil
	}
	ctx, stop := context.WithCancelCause(t)
	defer stop(nil)
	go func() {
		select {
		case <-endOf(t.conn):
			stop(errNotTaken)
		case <-ctx.Done():
		}
	}()
	before := t.run.waited
	err := t.run.wait(ctx, t.grant, true)
	t.kept = t.run.waited - before
	t.budget, t.slot = t.run.budget, t.run.ticket
	return err
}

// begunAnew is asked before each attempt of the transport, which makes some by
// itself: of any call of which nothing was written, or of which Mashery says by
// HTTP/2 that it did nothing; and of some verbs, where a connection used before
// ends, even after that. What was written once is sent again from here only,
// with a slot of its own. See [cleanRequestHeader] for the verbs that are not
// repeatable: over HTTP/1 nothing can have been written of them.
func (t *try) begunAnew() error {
	switch {
	case t.refusal != nil || t.took.Load() == 0:
	case t.http2():
		t.refusal = errNotTaken
	case t.run.call.repeatable():
		t.refusal = errBegunAnew
	}
	return t.refusal
}

// http2 tells whether that was spoken on the connection.
func (t *try) http2() bool {
	conn, secure := t.conn.(*tls.Conn)
	return secure && conn.ConnectionState().NegotiatedProtocol == "h2"
}

// onlyOnce is asked for each request, before a connection is looked for.
func onlyOnce(r *http.Request) error {
	if t, watched := r.Context().Value(tryKey{}).(*try); watched {
		return t.begunAnew()
	}
	return nil
}

// lost tells whether a call that failed is to be sent again, and waits a little
// before that. What Mashery did not take goes at once, the first time; and all
// that it took to learn that is time the call waits.
func (s *sending) lost(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	s.suspect(err)
	since, pause := time.Now(), time.Duration(0)
	switch {
	case errors.Is(err, errNotTaken) && (s.budget != nil || s.untaken < mostLosses):
		since = s.try.handed.Add(s.try.kept) // that was counted
		if s.untaken > 0 {
			pause = pauseAfter(s.untaken - 1)
		}
		s.untaken++
	case s.call.repeatable() && s.losses < mostLosses && !s.try.answered.Load() && isLoss(err):
		pause = pauseAfter(s.losses)
		s.losses++
	default:
		return false
	}
	if s.budget != nil && pause > max(0, s.call.MaxWait-s.waited-time.Since(since)) || !s.body.again() {
		return false
	}
	s.resent(ResentLost)
	s.refused = since
	return sleep(ctx, pause) == nil
}

// pauseAfter is how long to wait when it went wrong n times before.
func pauseAfter(n int) time.Duration {
	most := backOff << min(n, manyBackOffs)
	return most/2 + rand.N(most/2)
}

// isLoss tells the loss of a connection, or a refused one, from what would go
// wrong the next time, too, and from what took its time already.
func isLoss(err error) bool {
	var (
		own         *BodyError
		late        *OverQPSError
		status      noAnswer
		slow        net.Error
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		clear       tls.RecordHeaderError
		network     *net.OpError
	)
	switch {
	case errors.Is(err, errNotTaken), errors.As(err, &status), errors.As(err, &own), errors.As(err, &late), errors.As(err, &name), errors.As(err, &certificate), errors.As(err, &clear):
		return false
	case errors.As(err, &slow) && slow.Timeout():
		return false
	case errors.As(err, &network) && network.Op == askingEgress:
		return false
	}
	return true
}
