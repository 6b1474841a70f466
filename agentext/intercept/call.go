// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
)

func (c *route) key() cache.Key {
	return cache.Key{
		Namespace: c.mount.namespace(), Mount: c.mount.Mashery.Mount, Role: c.role, API: int(c.api),
		Shared: c.api == mashery.V3 && c.mount.sharesTokens(),
	}
}

// callOf makes the call to Mashery of a request.
func (h *Handler) callOf(r *http.Request, c *route, body *policy.Body) (*mashery.Call, *apierror.Error) {
	call := &mashery.Call{
		API: c.api, Method: c.verb, Path: c.tail, Header: r.Header,
		MaxWait: c.mount.MaxWait, Queue: c.listener.Name,
		Budget: func(g *mashery.Grant) *mashery.Budget { return h.budget(c, g) },
	}
	if c.api == mashery.V3 {
		call.RawQuery, call.ForceQuery = r.URL.RawQuery, r.URL.ForceQuery
	}
	switch {
	case c.method != "":
		text, refusal := c.withMethod(r, body)
		if refusal != nil {
			return nil, refusal
		}
		call.Body, call.ContentLength = bytes.NewReader(text), int64(len(text))
	case c.verb == http.MethodPost, c.verb == http.MethodPut:
		// Only writes have a body: Vault reads none of the others, so nobody
		// would have judged it.
		call.Body, call.ContentLength = &watchedBody{Reader: body.Reader()}, r.ContentLength
		if body.IsWhole() {
			text, _ := body.Whole() // cannot fail: it has been read
			call.ContentLength = int64(len(text))
		}
	}
	return call, nil
}

// withMethod is the body of a V2 call, naming the method that the path names.
func (c *route) withMethod(r *http.Request, body *policy.Body) ([]byte, *apierror.Error) {
	text, err := body.Whole()
	switch {
	case errors.Is(err, policy.ErrBodyTooLarge):
		return nil, apierror.New(http.StatusRequestEntityTooLarge, apierror.TooLarge, "proxy/v2/<method> reads the body whole, which may then be 1 MiB at most; send a longer one to proxy/v2")
	case err != nil:
		return nil, badRequest("the body could not be read: %s", err)
	}
	if err := policy.CheckEncoding(r.Header, text); err != nil {
		return nil, badRequest("proxy/v2/<method> reads the body: %s, or leave the method out of the path", err)
	}
	envelope, err := c.parseEnvelope(text)
	switch {
	case err != nil:
		return nil, badRequest("the body must be one JSON-RPC envelope: %s", err)
	case !envelope.HasMethod:
		return envelope.WithMethod(c.method), nil
	case envelope.Method != c.method:
		return nil, badRequest("the path names the method %q and the body another; leave one of them out", c.method)
	}
	return text, nil
}

// leftBy tells whether a call that could not be made here is one for Vault:
// where the role's credentials may not leave the engine, or are for another
// Mashery than this block's, or the token may not have them.
func leftBy(err error) (warning, bool) {
	var mismatch *mashery.EndpointMismatchError
	switch {
	case IsForced(err):
		return forcedWarning, true
	case errors.As(err, &mismatch):
		return warning{endpointMismatch, err.Error()}, true
	case isDenied(err):
		return deniedWarning, true
	}
	return warning{}, false
}

// enginesHeadroom is left where the engine makes the calls: its answers do not
// tell of the way from there to Mashery, and it leaves room of its own.
const enginesHeadroom = 5 * time.Millisecond

// budget is what the call is paced by: one budget for all roles with the same
// API key, or the role's own when the engine does not name the key.
func (h *Handler) budget(c *route, g *mashery.Grant) *mashery.Budget {
	key := g.KeyID
	if key == "" {
		key = "role:" + c.role
	}
	m := c.mount
	return h.Budgets.Get(h.budgetID(c, key), mashery.Settings{
		Role: c.role, API: g.API, QPS: g.QPS, Cap: m.QPS, MaxQueue: m.MaxQueue,
		Headroom: m.Headroom, HeadroomFixed: !m.HeadroomAuto,
	})
}

// enginesBudget is what a call is paced by that the engine makes.
func (h *Handler) enginesBudget(c *route) *mashery.Budget {
	settings := mashery.Settings{Role: c.role, Cap: c.mount.QPS, MaxQueue: c.mount.MaxQueue, Headroom: c.mount.Headroom, HeadroomFixed: true}
	if c.mount.HeadroomAuto {
		settings.Headroom = enginesHeadroom
	}
	return h.Budgets.Get(h.budgetID(c, "role:"+c.role), settings)
}

func (h *Handler) budgetID(c *route, key string) mashery.BudgetID {
	return mashery.BudgetID{Vault: h.VaultAddress, Namespace: c.mount.namespace(), Mount: c.mount.Mashery.Mount, Key: key}
}

// watchedBody tells whether any of it was read.
type watchedBody struct {
	io.Reader
	read atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.Reader.Read(p)
}
