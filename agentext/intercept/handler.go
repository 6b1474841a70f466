// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// Headers of answers to local calls.
const (
	headerMode      = "X-Proxy-Mode"
	headerRequestID = "X-Request-Id"
	headerWait      = "X-Mashproxy-Wait-Ms"
)

// Rules yields the rules of the application's current token, not older than
// maxStale while Vault is away; 0 is any age.
type Rules interface {
	Current(ctx context.Context, maxStale time.Duration) (*policy.Rules, error)
}

// Grants are the application's leased grants.
type Grants = *cache.Grants[*mashery.Grant]

// Config is what a handler needs.
type Config struct {
	Mounts []*Mount
	// RevealsTokenCreation says that callers may create Vault tokens.
	RevealsTokenCreation bool
	// PrependNamespace is the configured namespace when the file says
	// prepend_configured_namespace; "" otherwise.
	PrependNamespace string
	// VaultAddress tells the budgets of several Vaults apart.
	VaultAddress string
	Rules        Rules
	Grants       Grants
	// GrantRefused is told when Vault does not allow a grant to be read, which
	// the rules had promised; nil tells nobody.
	GrantRefused func()
	Budgets      *mashery.Budgets
	// Vault takes local calls that Vault must decide, to the engine's own
	// proxy path.
	Vault   http.Handler
	Version string
	Logger  hclog.Logger
}

// Handler serves the local calls of one application.
type Handler struct {
	Config
	places  []place // of the mounts, longest first
	prepend string
	buffers sync.Pool
	forced  *forcedRoles
	warned  sync.Map // of causes, so that each is told once
}

// New makes a handler.
func New(c Config) *Handler {
	h := &Handler{Config: c, places: placesOf(c.Mounts), forced: newForcedRoles()}
	if namespace := strings.Trim(c.PrependNamespace, "/"); namespace != "" {
		h.prepend = namespace + "/"
	}
	h.buffers.New = func() any { return new([copyBuffer]byte) }
	return h
}

// Listener is a door that calls come in by.
type Listener struct {
	// Name tells it from the others of the process: the waiting calls of
	// several listeners take turns.
	Name string
}

// Before returns the handler of a listener: it serves local calls and passes
// every other request on to next, unless it refuses it.
func (h *Handler) Before(l *Listener, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, refusal := h.read(r)
		switch {
		case refusal != nil:
			h.begin(w)
			apierror.Write(w, refusal)
		case call != nil:
			call.listener = l
			h.begin(w)
			h.serve(w, r, call)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// read tells a local call from the others, and what is refused on any path.
func (h *Handler) read(r *http.Request) (*route, *apierror.Error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, badRequest("%s", err)
	}
	return h.recognise(t, r)
}

// begin sets the headers of an answer made here.
func (h *Handler) begin(w http.ResponseWriter) {
	w.Header().Set(headerRequestID, rand.Text())
	w.Header().Set(headerMode, "mashproxy/"+h.Version)
	w.Header().Set(apierror.SourceHeader, apierror.FromMashproxy)
}

// idOf is the id of the answer, for the log.
func idOf(w http.ResponseWriter) string { return w.Header().Get(headerRequestID) }

// serve takes a local call through policy, grant, pacing and signing.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, c *route) {
	start := time.Now()
	body := policy.NewBody(r.Body)
	if left, cause := h.leftToVault(c); left {
		h.askVault(w, r, c, body, cause)
		return
	}
	decision, err := h.decide(r, c, body)
	if err != nil {
		h.refuse(w, r, c, err)
		return
	}
	if refusal := decision.Refusal(); refusal != nil {
		apierror.Write(w, refusal)
		return
	}
	if decision.Verdict == policy.Undecidable {
		h.askVault(w, r, c, body, warning{string(decision.Cause), decision.Text})
		return
	}
	if h.send(w, r, c, body) {
		h.Logger.Debug("served", "id", idOf(w), "method", c.verb, "role", c.role, "path", c.below, "took", time.Since(start))
	}
}

// leftToVault tells whether the role is one whose calls Vault serves.
func (h *Handler) leftToVault(c *route) (bool, warning) {
	switch {
	case c.mount.Forwards(c.role):
		return true, warning{"forward_roles", "the file says so (forward_roles)"}
	case h.forced.has(c.key()):
		return true, forcedWarning
	}
	return false, warning{}
}

// decide applies Vault's policies, unless the block turns them off.
func (h *Handler) decide(r *http.Request, c *route, body *policy.Body) (policy.Decision, error) {
	if !c.mount.enforces() {
		return policy.Decision{Verdict: policy.Allowed}, nil
	}
	rules, err := h.Rules.Current(r.Context(), c.mount.PolicyMaxStale)
	if err != nil {
		return policy.Decision{}, err
	}
	asked := &policy.Request{
		Method: c.outer, Mount: c.mount.PolicyMount(), Role: c.role, Path: c.below,
		RawQuery: r.URL.RawQuery, Header: r.Header, Body: body,
	}
	if c.named {
		asked.Verb = c.verb
	}
	return rules.Decide(asked), nil
}

// send sends the call to Mashery and passes the answer on. It is false when
// there was none to pass on.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, c *route, body *policy.Body) bool {
	call, refusal := h.callOf(r, c, body)
	if refusal != nil {
		apierror.Write(w, refusal)
		return false
	}
	source := &source{grants: h.Grants, key: c.key()}
	answer, err := c.mount.Sender.Send(r.Context(), call, source)
	if err == nil {
		h.pass(w, c, answer)
		return true
	}
	if isForced(err) {
		h.forced.add(c.key())
		if canReplay(call, body) {
			h.askVault(w, r, c, body, forcedWarning)
			return false
		}
	}
	if isDenied(err) && h.GrantRefused != nil {
		h.GrantRefused()
	}
	h.refuse(w, r, c, err)
	return false
}

// canReplay tells whether the body can still be sent whole: where the grant was
// refused before anything was sent, or the body is in memory.
func canReplay(call *mashery.Call, body *policy.Body) bool {
	return call.Body == nil || body.IsWhole() || !call.Body.(*watchedBody).read.Load()
}
