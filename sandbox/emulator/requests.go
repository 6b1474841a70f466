// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"io"
	"net/http"
	"slices"
	"sync"
)

// requestMemory and bodyMemory bound what is remembered: the last requests, and
// the beginning of each one's body.
const (
	requestMemory = 128
	bodyMemory    = 64 << 10
)

// Request is a request as it arrived, to the byte. It holds the credentials it
// came with: do not print one outside of tests.
type Request struct {
	Method     string
	RequestURI string
	Host       string
	Header     http.Header
	// ContentLength is -1 when it was not told.
	ContentLength int64
	// Body is what was read of the body, its first 64 KiB at most; Truncated
	// tells that more was read.
	Body      []byte
	Truncated bool
}

// String names the request without its credentials.
func (r Request) String() string { return r.Method + " request to the emulated Mashery" }

// Requests gives the last requests, oldest first, 128 at most.
func (e *Emulator) Requests() []Request { return e.recorder.copy() }

// recorder remembers the last requests.
type recorder struct {
	mu   sync.Mutex
	last []*Request
}

// record remembers r, and its body as it is read.
func (rec *recorder) record(r *http.Request) {
	seen := &Request{
		Method: r.Method, RequestURI: r.RequestURI, Host: r.Host,
		Header: r.Header.Clone(), ContentLength: r.ContentLength,
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.last) == requestMemory {
		rec.last = slices.Delete(rec.last, 0, 1)
	}
	rec.last = append(rec.last, seen)
	if r.Body == nil { // a request no server read
		r.Body = http.NoBody
	}
	r.Body = &recordedBody{ReadCloser: r.Body, rec: rec, seen: seen}
}

func (rec *recorder) copy() []Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	requests := make([]Request, len(rec.last))
	for i, seen := range rec.last {
		requests[i] = *seen
		requests[i].Header = seen.Header.Clone()
		requests[i].Body = slices.Clone(seen.Body)
	}
	return requests
}

// recordedBody copies the beginning of what is read from a body.
type recordedBody struct {
	io.ReadCloser
	rec  *recorder
	seen *Request
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.rec.mu.Lock()
		defer b.rec.mu.Unlock()
		kept := min(n, bodyMemory-len(b.seen.Body))
		b.seen.Body = append(b.seen.Body, p[:kept]...)
		b.seen.Truncated = b.seen.Truncated || kept < n
	}
	return n, err
}
