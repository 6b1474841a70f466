// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/armon/go-metrics"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/forward/scanner"
)

// A Handler forwards requests to Vault with one identity.
type Handler struct {
	vault    *Forwarder
	identity Identity
	log      hclog.Logger
	telling  atomic.Bool // Identity.Invalid is being called
}

// ServeHTTP forwards r, through the lease cache if there is one.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.forward(w, r, h.vault.cached) }

// Direct forwards past the lease cache: what it cannot read (the lists of a
// secrets engine's own proxy mode are JSON arrays) and what must not wait for
// another request to the same path.
func (h *Handler) Direct() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.forward(w, r, nil) })
}

func (h *Handler) forward(w http.ResponseWriter, r *http.Request, through cache.Proxier) {
	began := time.Now()
	c, refusal := h.newCall(r)
	if refusal != nil {
		h.refuse(w, r, refusal)
		return
	}
	if through == nil || c.stream != nil {
		through, c.takesBody = h.vault.direct, true
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer c.close()
	c.await(h.vault.timeout, func() { cancel(errTimeout) })

	response, err := c.send(ctx, through)
	if h.lacksToken(c, response) && h.reauthorize(ctx, c) {
		response, err = c.send(ctx, through)
	}
	if response == nil {
		metrics.IncrCounter([]string{"agent", "proxy", "error"}, 1)
		h.refuse(w, r, h.failure(ctx, err))
		return
	}
	count(response)
	h.answer(w, r, c, newAnswer(c, response))
	h.log.Debug("forwarded", "method", r.Method, "path", r.URL.Path,
		"status", response.Response.StatusCode, "took", time.Since(began))
}

// answer passes a on, unless it holds the own token.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, c *call, a *answer) {
	secrets := h.secrets(c)
	search := scannerFor(secrets)
	if search.Searches() && a.decode() != nil && r.Method != http.MethodHead {
		h.withhold(w, r)
		return
	}
	text, complete, err := a.start()
	if err != nil {
		h.refuse(w, r, h.failure(r.Context(), err))
		return
	}
	if a.status == http.StatusForbidden && h.refused(w, r, c, text) {
		return
	}
	if a.status == http.StatusOK && complete && len(text) > 0 && c.asksForOwnToken(secrets) {
		text = withoutToken(text)
		a.header.Set("Content-Length", strconv.Itoa(len(text)))
	}
	safe, found := search.Next(text)
	if found || search.InHeader(a.header) {
		h.withhold(w, r)
		return
	}
	a.cacheHeaders()
	h.writeHeader(w, a)
	_, _ = w.Write(safe)
	if !complete {
		h.stream(w, r, search, a.body)
	}
	_, _ = w.Write(search.Rest())
}

// stream passes on the rest of a body as it comes. An answer that has begun
// can only be cut off, which the client sees.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, search *scanner.Scanner, body io.Reader) {
	flusher := http.NewResponseController(w)
	chunk := make([]byte, 32<<10)
	for {
		_ = flusher.Flush()
		n, err := body.Read(chunk)
		safe, found := search.Next(chunk[:n])
		if found {
			h.log.Warn("cut off an answer of Vault's that held the auto-auth token", "path", r.URL.Path)
			panic(http.ErrAbortHandler)
		}
		if _, failed := w.Write(safe); failed != nil {
			return
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// secrets are the tokens an answer to c may not hold.
func (h *Handler) secrets(c *call) []string {
	tokens := []string{h.identity.Token(), h.identity.Previous()}
	if c.own { // a long request may be two tokens old
		tokens = append(tokens, c.token)
	}
	return tokens
}

func (h *Handler) withhold(w http.ResponseWriter, r *http.Request) {
	h.log.Warn("withheld an answer of Vault's that held the auto-auth token", "method", r.Method, "path", r.URL.Path)
	h.refuse(w, r, withheld(http.StatusBadGateway))
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err *apierror.Error) {
	h.log.Debug("not forwarded", "method", r.Method, "path", r.URL.Path, "code", err.Code)
	if h.vault.mashery {
		w.Header().Set(apierror.SourceHeader, apierror.FromMashproxy)
	}
	apierror.Write(w, err)
}

func (h *Handler) writeHeader(w http.ResponseWriter, a *answer) {
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	if h.vault.mashery {
		header.Set(apierror.SourceHeader, apierror.FromVault)
	}
	w.WriteHeader(a.status)
}

// failure says why there is no answer of Vault's.
func (h *Handler) failure(ctx context.Context, err error) *apierror.Error {
	var (
		timeout net.Error
		body    bodyError
	)
	switch {
	case errors.As(err, &body):
		return brokenBody(body)
	case errors.Is(context.Cause(ctx), errTimeout),
		errors.As(err, &timeout) && timeout.Timeout() && !isDial(err):
		return apierror.New(http.StatusGatewayTimeout, apierror.Timeout, "Vault at %s did not answer in time", h.vault.address)
	case context.Cause(ctx) == apierror.ErrDraining:
		return apierror.ErrDraining
	case ctx.Err() != nil:
		return apierror.New(http.StatusServiceUnavailable, apierror.VaultUnavailable, "the request was ended before Vault answered").After(time.Second)
	}
	var request *url.Error // it would name the query
	if errors.As(err, &request) {
		err = request.Err
	}
	return apierror.New(http.StatusServiceUnavailable, apierror.VaultUnavailable,
		"Vault at %s cannot be reached: %s", h.vault.address, h.vault.redactor.clean(err.Error())).After(time.Second)
}

func isDial(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// count keeps Vault Proxy's counters (cache.ProxyHandler).
func count(response *cache.SendResponse) {
	if response.Response.StatusCode >= http.StatusBadRequest {
		metrics.IncrCounter([]string{"agent", "proxy", "client_error"}, 1)
		return
	}
	metrics.IncrCounter([]string{"agent", "proxy", "success"}, 1)
	switch {
	case response.CacheMeta == nil:
	case response.CacheMeta.Hit:
		metrics.IncrCounter([]string{"agent", "cache", "hit"}, 1)
	default:
		metrics.IncrCounter([]string{"agent", "cache", "miss"}, 1)
	}
}
