// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
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
	// LocalRules are in force until others are given to Narrow.
	LocalRules config.LocalRules
	// RevealsTokenCreation says that callers may create Vault tokens.
	RevealsTokenCreation bool
	// PrependNamespace is the configured namespace when the file says
	// prepend_configured_namespace; "" otherwise.
	PrependNamespace string
	// HasNamespaces tells whether Vault is known to have namespaces, which is to
	// be Enterprise; nil: it is not known.
	HasNamespaces func() bool
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
	Vault http.Handler
	// Observe is told of every call that was answered here: whose answer it was
	// (apierror.FromMashery and its like) and the code of an error made here, ""
	// if there was none. nil tells nobody.
	Observe func(source, code string)
	Version string
	Logger  hclog.Logger
}

// Handler serves the local calls of one application.
type Handler struct {
	Config
	places   []place // of the mounts, longest first
	rulebook atomic.Pointer[rulebook]
	prepend  string
	buffers  sync.Pool
	warned   sync.Map // of causes, so that each is told once
	left     departures
	ahead    atomic.Int64 // what is set aside for bodies that are read ahead, in bytes

	// Values of headers of every answer: shared, so never changed.
	mode, ours, theirs, noWait []string
}

// New makes a handler.
func New(c Config) *Handler {
	h := &Handler{
		Config: c, places: placesOf(c.Mounts),
		mode: []string{"mashproxy/" + c.Version}, ours: []string{apierror.FromMashproxy}, theirs: []string{apierror.FromMashery}, noWait: []string{"0"},
	}
	h.Narrow(c.LocalRules)
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
	// Number is its place among the listeners of the file, by which its local
	// rules are found.
	Number int
}

// Before returns the handler of a listener: it serves local calls and passes
// every other request on to next, unless it refuses it.
func (h *Handler) Before(l *Listener, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j := h.Judge(l, r)
		if j.call == nil && j.Refusal == nil {
			next.ServeHTTP(w, r)
			return
		}
		h.begin(w)
		if h.Observe != nil {
			defer h.observe(w.Header())
		}
		h.serve(w, r, j)
	})
}

// observe tells of the answer with that header; who left got none.
func (h *Handler) observe(header http.Header) {
	if source := header.Get(apierror.SourceHeader); source != "" {
		h.Observe(source, header.Get(apierror.CodeHeader))
	}
}

// read tells a local call from the others, and what is refused on any path.
func (h *Handler) read(l *Listener, r *http.Request) (*route, *apierror.Error) {
	t, err := readTarget(r)
	if err != nil {
		return nil, badRequest("%s", err)
	}
	return h.recognise(l, t, r)
}

// begin sets the headers of an answer made here.
func (h *Handler) begin(w http.ResponseWriter) {
	header := w.Header()
	header[headerRequestID] = []string{rand.Text()}
	header[headerMode], header[apierror.SourceHeader] = h.mode, h.ours
}

// idOf is the id of the answer, for the log.
func idOf(w http.ResponseWriter) string { return w.Header().Get(headerRequestID) }

// serve does with a request what it was judged to deserve.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, j *Judgement) {
	c := j.call
	switch {
	case j.Unknown != nil:
		h.refuse(w, r, j, j.Unknown)
		return
	case j.Refusal != nil:
		h.turnDown(w, r, j, j.Refusal)
		return
	}
	r, done := j.ahead.watch(r)
	defer done()
	switch {
	case j.Cause != "":
		h.askVault(w, r, j, warning{j.Cause, j.Reason})
	case h.send(w, r, j) && h.Logger.IsDebug():
		h.Logger.Debug("served", "id", idOf(w), "method", c.verb, "role", c.role, "path", c.below, "took", time.Since(j.began))
	}
}

// send sends the call to Mashery and passes the answer on. It is false when
// there was none to pass on.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, j *Judgement) bool {
	call, c := j.out, j.call
	source := &source{grants: h.Grants, key: c.key(), waited: j.waited}
	answer, err := c.mount.Sender.Send(r.Context(), call, source)
	if err == nil {
		source.answered(answer.StatusCode)
		h.left.stay(c)
		h.pass(w, r, j, answer)
		return true
	}
	if isDenied(err) && h.GrantRefused != nil {
		h.GrantRefused()
	}
	if why, left := leftBy(err); left && canReplay(call, j.body) {
		h.askVault(w, r, j, why)
		return false
	}
	h.refuse(w, r, j, err)
	return false
}

// canReplay tells whether the body can still be sent whole: where the grant was
// refused before anything was sent, or the body is in memory.
func canReplay(call *mashery.Call, body *policy.Body) bool {
	return call.Body == nil || body.IsWhole() || !call.Body.(*watchedBody).read.Load()
}
