// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"fmt"
	"time"
)

// OverQPSError says that a call would have to wait for its slot longer than
// it may. Nothing was sent.
type OverQPSError struct {
	// RetryAfter is when a slot is likely to be free, in whole seconds.
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
	return fmt.Sprintf("no answer from Mashery at %s: %v", e.Host, e.cause)
}

func (e *UnreachableError) Unwrap() error { return e.cause }

// TimeoutError says that Mashery took too long to answer.
type TimeoutError struct {
	Host  string
	cause error
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("Mashery at %s did not answer in time: %v", e.Host, e.cause)
}

func (e *TimeoutError) Unwrap() error { return e.cause }
