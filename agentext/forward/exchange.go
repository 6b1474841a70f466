// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/command/agentproxyshared/cache"

	"mashproxy/agentext/redirect"
)

// An exchange is one forwarded request as the transport sees it, under Vault's
// API proxy and lease cache. These know bodies as bytes in memory only; what an
// exchange carries goes past them, so that long bodies stream both ways.
type exchange struct {
	kept   []byte    // the request's body, when it is short enough to be kept
	stream io.Reader // the request's body otherwise; read once
	length int64     // of stream; -1 when unknown
	sent   bool      // stream was handed out

	takesBody bool                // the answer's body is wanted as a stream
	body      io.ReadCloser       // the answer's body, taken off the answer
	location  string              // the Location of a redirect that was not followed
	last      *cache.SendResponse // what Vault answered, whatever the lease cache made of it

	patience *time.Timer   // ends the request when Vault does not answer in time
	timeout  time.Duration // how long Vault has; 0: for ever
	answered atomic.Bool
}

type exchangeKey struct{}

func withExchange(ctx context.Context, e *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// resendable says whether the request's body can be sent once more.
func (e *exchange) resendable() bool { return e.stream == nil || !e.sent }

// attach gives request its body.
func (e *exchange) attach(request *http.Request) {
	request.GetBody = nil
	switch {
	case e.stream != nil:
		e.sent = true
		request.Body = io.NopCloser(e)
		request.ContentLength = e.length
	case len(e.kept) > 0:
		request.Body = io.NopCloser(bytes.NewReader(e.kept))
		request.ContentLength = int64(len(e.kept))
		request.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(e.kept)), nil
		}
	default:
		request.Body = http.NoBody
		request.ContentLength = 0
	}
}

// Read reads the streamed body. As long as it moves, Vault has time to answer.
func (e *exchange) Read(p []byte) (int, error) {
	if e.patience != nil && !e.answered.Load() {
		e.patience.Reset(e.timeout)
	}
	n, err := e.stream.Read(p)
	if err != nil && err != io.EOF {
		err = bodyError{err}
	}
	return n, err
}

// A bodyError says that the client's body broke off, not Vault's connection.
type bodyError struct{ error }

func (e bodyError) Unwrap() error { return e.error }

// await calls expired when Vault has not answered within timeout; 0: never.
func (e *exchange) await(timeout time.Duration, expired func()) {
	if timeout <= 0 {
		return
	}
	e.timeout = timeout
	e.patience = time.AfterFunc(timeout, func() {
		// The rest of a body may still be moving when the answer is there.
		if !e.answered.Load() {
			expired()
		}
	})
}

// close ends what the exchange holds.
func (e *exchange) close() {
	if e.patience != nil {
		e.patience.Stop()
	}
	if e.body != nil {
		_ = e.body.Close()
	}
}

// A carrier is the transport under the API proxy. It sends and takes the
// bodies an exchange carries, and keeps the Vault token where it belongs:
// api.Client follows redirects to any host, and takes the token along.
type carrier struct {
	next http.RoundTripper
}

func (c carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	e := exchangeOf(request.Context())
	if e == nil { // a renewal of the lease cache
		return redirect.Guard{Next: c.next}.RoundTrip(request)
	}
	sent := request.Clone(request.Context())
	e.attach(sent)
	response, err := c.next.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	if location := response.Header.Get("Location"); location != "" && !e.follows(sent, response) {
		// Without a Location api.Client returns the redirect as it is.
		e.location = location
		response.Header.Del("Location")
	}
	if e.takesBody && response.StatusCode < 300 {
		e.body, response.Body = response.Body, http.NoBody
	}
	return response, nil
}

// follows says whether a redirect is Vault's own, and the request can be sent
// once more. Any other could come from behind a secrets engine.
func (e *exchange) follows(request *http.Request, response *http.Response) bool {
	return e.resendable() && redirect.IsVaults(request, response)
}
