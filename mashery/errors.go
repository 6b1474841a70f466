// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// OverQPSError says that a call would have to wait for its slot longer than
// it may. Mashery ran nothing of it.
type OverQPSError struct {
	// RetryAfter is when a call that comes again is likely to get a slot, in
	// whole seconds.
	RetryAfter time.Duration
}

func (e *OverQPSError) Error() string {
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

// reason says what went wrong on the way, without repeating anything that the
// other side sent: that might be the request, with the credential in it.
func reason(err error) string {
	var (
		body        *bodyError
		network     *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &body):
		return body.Error()
	case errors.As(err, &name):
		return "its name could not be resolved; check the endpoint"
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &network):
		return network.Error()
	case errors.Is(err, errEgressProxy):
		return errEgressProxy.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer"
	}
	return "the exchange failed before an answer could be read; is it an HTTP server, and the right scheme?"
}

// bodyError says that the call's own body broke off.
type bodyError struct{ cause error }

func (e *bodyError) Error() string {
	return fmt.Sprintf("the call's own body could not be read to its end: %v", e.cause)
}

func (e *bodyError) Unwrap() error { return e.cause }
