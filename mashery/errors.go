// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// OverQPSError says that a call would have to wait for its slot longer than
// it may. Mashery ran nothing of it.
type OverQPSError struct {
	// RetryAfter is when a call that comes again is likely to get a slot, in
	// whole seconds.
	RetryAfter time.Duration
	// Full says that it is not for the time, but because too many wait.
	Full bool
}

func (e *OverQPSError) Error() string {
	if e.Full {
		return fmt.Sprintf("too many calls wait for a slot of the API key; try again in %s, make fewer calls at once, or raise max_queue", e.RetryAfter)
	}
	return fmt.Sprintf("the API key has no free slot within the longest wait allowed; try again in %s, make fewer calls at once, or raise max_wait", e.RetryAfter)
}

// UnreachableError says that Mashery gave no answer.
type UnreachableError struct {
	Host  string
	cause error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from Mashery at %s: %s", e.Host, reason(e.cause))
}

func (e *UnreachableError) Unwrap() error { return e.cause }

// TimeoutError says that Mashery took too long to answer.
type TimeoutError struct {
	Host  string
	cause error
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("Mashery at %s did not answer in time", e.Host)
}

func (e *TimeoutError) Unwrap() error { return e.cause }

// BodyError says that the call's own body broke off, and why: nothing Mashery did.
type BodyError struct{ Cause error }

func (e *BodyError) Error() string {
	return fmt.Sprintf("the call's own body could not be read to its end: %v", e.Cause)
}

func (e *BodyError) Unwrap() error { return e.Cause }

// EndpointMismatchError says that the grant is for another address than the one
// this sender sends to. Nothing was sent.
type EndpointMismatchError struct {
	API                 API
	Granted, Configured string
}

func (e *EndpointMismatchError) Error() string {
	return fmt.Sprintf("the role's %s grant is for %q, but %s_endpoint here is %q; make them the same", e.API, e.Granted, e.API, e.Configured)
}

// sendError names why no answer came. The caller's own leaving stays what it
// is, and so does a body of the caller's that broke off or came too slowly.
func sendError(ctx context.Context, host string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var (
		own  *BodyError
		late *OverQPSError
		slow net.Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &late):
		return late
	case errors.As(err, &slow) && slow.Timeout():
		return &TimeoutError{Host: host, cause: err}
	}
	return &UnreachableError{Host: host, cause: err}
}

// reason says what went wrong on the way, without repeating anything that the
// other side sent: that might be the request, with the credential in it.
func reason(err error) string {
	var (
		network     *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		status      noAnswer
	)
	switch {
	case errors.As(err, &status):
		return status.Error()
	case errors.As(err, &name):
		return "its name could not be resolved; check the endpoint"
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.Is(err, errNotTaken):
		return "it closed the connection, or refused the stream, before it took any part of the call"
	case ended(err):
		return "the connection ended before the answer"
	case errors.As(err, &network):
		return network.Error()
	}
	return "the exchange failed before an answer could be read; is it an HTTP server, and the right scheme?"
}

// ended tells whether a connection that stood went away, as the end of its
// stream, as a reset, as one that was closed here because of these (which end sees
// which is a matter of timing), or as HTTP/2 says it.
func ended(err error) bool {
	for _, one := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed, errBegunAnew} {
		if errors.Is(err, one) {
			return true
		}
	}
	return endedHTTP2(err)
}

// endedHTTP2 tells whether an exchange over HTTP/2 ended: its stream was reset,
// or its connection said that it goes, or went.
func endedHTTP2(err error) bool {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if strings.HasPrefix(inner.Error(), "http2: ") { // net/http names these no other way
			return true
		}
	}
	return errors.As(err, new(streamError))
}

// streamError has the fields of net/http's own error of a stream, which fills in
// whatever has the same (net/http/h2_error.go).
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string {
	return fmt.Sprintf("stream %d was reset with code %d", e.StreamID, e.Code)
}
