// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	// mostLosses is how many lost connections a call outlives.
	mostLosses = 2
	// backOff is the longest time before the first resend; it doubles.
	backOff = 100 * time.Millisecond
)

// errBegunAnew keeps the transport from sending a call again by itself, unpaced
// and uncounted.
var errBegunAnew = errors.New("the connection ended before the answer")

// errSwitched is an answer that is none: nobody asked for another protocol.
var errSwitched = errors.New("an answer of 101")

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

// try is one sending of a call, as the transport sees it.
type try struct {
	trace    httptrace.ClientTrace
	handed   time.Time    // to the transport
	took     atomic.Int64 // from then until it left, in ns; 0: it has not
	begun    atomic.Bool  // the transport has begun to send it
	answered atomic.Bool  // a byte of an answer was seen
}

// left is when the call left this machine, or was to: connections that are made
// first, and a busy machine, say nothing of the way.
func (t *try) left() time.Time { return t.handed.Add(time.Duration(t.took.Load())) }

// tryKey is the key of a request's try in its context.
type tryKey struct{}

// watch begins the next try, and returns the context of its request.
func (s *sending) watch(ctx context.Context) context.Context {
	t := &try{handed: time.Now()}
	s.try = t
	if budget, slot := s.budget, s.ticket; budget != nil {
		t.trace.WroteHeaders = func() {
			t.took.Store(int64(time.Since(t.handed)))
			budget.left(slot, t.left())
		}
	}
	t.trace.GotFirstResponseByte = func() { t.answered.Store(true) }
	ctx = httptrace.WithClientTrace(ctx, &t.trace)
	if !s.call.repeatable() {
		return ctx
	}
	return context.WithValue(ctx, tryKey{}, t)
}

// onlyOnce is asked before each attempt of the transport. It makes a few by
// itself: of any call while nothing of it was written, and of some verbs, where
// a connection used before ends, even after that. Those that may be repeated are
// repeated here, with a slot of their own; see [cleanRequestHeader] for the
// others.
func onlyOnce(r *http.Request) error {
	if t, watched := r.Context().Value(tryKey{}).(*try); watched && t.begun.Swap(true) {
		return errBegunAnew
	}
	return nil
}

// lost tells whether a call that failed is to be sent again, and waits a little
// before that.
func (s *sending) lost(ctx context.Context, err error) bool {
	if !s.call.repeatable() || s.losses == mostLosses || s.try.answered.Load() || !isLoss(ctx, err) {
		return false
	}
	failed, pause := time.Now(), backOff<<s.losses/2+rand.N(backOff<<s.losses/2)
	if s.budget != nil && pause > s.call.MaxWait-s.waited || !s.again(ctx) {
		return false
	}
	s.losses++
	s.resent(ResentLost)
	s.refused = failed
	return sleep(ctx, pause) == nil
}

// isLoss tells the loss of a connection, or a refused one, from what would go
// wrong the next time, too, and from what took its time already.
func isLoss(ctx context.Context, err error) bool {
	var (
		own         *BodyError
		slow        net.Error
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		clear       tls.RecordHeaderError
		network     *net.OpError
	)
	switch {
	case ctx.Err() != nil, errors.Is(err, errSwitched), errors.As(err, &own), errors.As(err, &name), errors.As(err, &certificate), errors.As(err, &clear):
		return false
	case errors.As(err, &slow) && slow.Timeout():
		return false
	case errors.As(err, &network) && network.Op == askingEgress:
		return false
	}
	return true
}
