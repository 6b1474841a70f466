// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"mashproxy/mashery"
)

// Options say what an [Emulator] is. Only Credentials must be given.
type Options struct {
	// Credentials are those the emulator accepts: the API key and its secret,
	// the user V3 tokens are given to, and the area of both.
	Credentials mashery.Credentials
	// QPS is how many calls the key may make in one calendar second, V2 and V3
	// together. 0: 2, the usual starting plan; negative: no limit.
	QPS int
	// RollingQPS makes the QPS that of any second, not of the calendar second.
	// Mashery's true window is undocumented.
	RollingQPS bool
	// TokenQPS is how many token requests the key may make in one calendar
	// second. 0: no limit.
	TokenQPS int
	// DailyQuota is how many calls the key may make in one day, UTC.
	// 0: no limit, and no quota headers.
	DailyQuota int
	// TokenLife is the life of an access token. 0: 3600 s, as at Mashery.
	TokenLife time.Duration
	// DeadTokenStatus is the status by which an unknown or lapsed access token
	// is refused: 403 (as tools see it) or 401 (as the gateway's OAuth page
	// has it). 0: 403.
	DeadTokenStatus int
	// Now is the clock: of tokens, signatures, calendar seconds and the Date
	// header. nil: time.Now.
	Now func() time.Time
	// Routes replace what lies behind the gateway for paths (decoded) that
	// begin so; the longest prefix wins. Calls below /v3/rest/ and /v2/json-rpc/
	// still pass the gateway's checks first. For tests: odd answers, long streams.
	Routes map[string]http.Handler
}

// Emulator is the emulated Mashery. It is safe for concurrent use.
type Emulator struct {
	opts     Options
	keys     *keyring
	tokens   *tokens
	store    *store
	counter  *counter
	recorder *recorder
	faults   *faults
	zippers  sync.Pool
}

// New makes an Emulator filled with the same objects every time.
func New(opts Options) *Emulator {
	opts.QPS = cmp.Or(opts.QPS, 2)
	opts.TokenLife = cmp.Or(opts.TokenLife, time.Hour)
	opts.DeadTokenStatus = cmp.Or(opts.DeadTokenStatus, http.StatusForbidden)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	e := &Emulator{
		opts:     opts,
		keys:     newKeyring(),
		tokens:   newTokens(),
		store:    newStore(opts.Now),
		counter:  newCounter(),
		recorder: new(recorder),
		faults:   newFaults(),
	}
	e.AddKey(opts.Credentials, opts.QPS)
	seed(e.store)
	return e
}

// AddKey makes further credentials known, with a QPS of their own (0: 2;
// negative: no limit). A key that is known already gets the new secret and QPS.
func (e *Emulator) AddKey(c mashery.Credentials, qps int) {
	e.keys.add(&key{
		creds:  c,
		meter:  &meter{qps: cmp.Or(qps, 2), quota: e.opts.DailyQuota},
		logins: &meter{qps: cmp.Or(e.opts.TokenQPS, -1)},
	})
}

// SetQPS sets the QPS of every key; 0 and negative as in [Options].
func (e *Emulator) SetQPS(qps int) {
	for _, k := range e.keys.all() {
		k.meter.setQPS(cmp.Or(qps, 2))
	}
}

// KillTokens makes every access token given so far unknown. Refresh tokens live on.
func (e *Emulator) KillTokens() { e.tokens.kill() }

// RefuseSignatures makes the next n V2 calls be refused as wrongly signed.
func (e *Emulator) RefuseSignatures(n int) {
	if n > 0 {
		e.faults.add(Fault{Kind: FaultBadSignature, Count: n}, e.opts.Now())
	}
}

// ServeHTTP implements [http.Handler].
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.recorder.record(r)
	path := splitPath(r.URL)
	if m := e.faults.take(apiOf(path), r.URL.Path, r.Method == http.MethodPost, e.opts.Now()); m != nil {
		e.serveBadly(w, m.befall(r), path, m)
		return
	}
	e.serve(w, r, path)
}

// now is the time of Mashery's clock while it serves r.
func (e *Emulator) now(r *http.Request) time.Time { return e.opts.Now().Add(mishapOf(r).clockOff()) }

// apiOf names what a path belongs to; "" is nothing.
func apiOf(path []string) string {
	switch {
	case under(path, "v3", "rest"):
		return FaultV3
	case under(path, "v2", "json-rpc"):
		return FaultV2
	case under(path, "v3", "token") && len(path) == 2:
		return FaultToken
	}
	return ""
}

func (e *Emulator) serve(w http.ResponseWriter, r *http.Request, path []string) {
	e.stamp(w.Header(), e.now(r))
	if f, is := mishapOf(r).get(FaultError); is {
		e.fail(w, r, f.Fault)
		return
	}
	switch {
	case apiOf(path) == FaultV3:
		e.serveV3(w, r, path[2:])
	case apiOf(path) == FaultV2:
		e.serveV2(w, r, path[2:])
	case e.serveRoute(w, r):
	case apiOf(path) == FaultToken:
		e.serveToken(w, r)
	default:
		e.refuse(w, noSuchPath())
	}
}

// serveRoute serves r by the route made for it, if there is one.
func (e *Emulator) serveRoute(w http.ResponseWriter, r *http.Request) bool {
	longest := ""
	for prefix := range e.opts.Routes {
		if strings.HasPrefix(r.URL.Path, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	if longest == "" {
		return false
	}
	e.counter.call("route " + longest)
	e.opts.Routes[longest].ServeHTTP(w, r)
	return true
}

// splitPath cuts a path at the slashes that were not escaped, and decodes each
// segment: what an escape hid is data, never structure.
func splitPath(u *url.URL) []string {
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, raw := range segments {
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			return nil
		}
		segments[i] = decoded
	}
	return segments
}

func under(path []string, prefix ...string) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}
