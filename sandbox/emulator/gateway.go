// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mashproxy/mashery"
)

// serverGateway and serverAPI are what the Server header says of answers of the
// gateway itself and of the API behind it [recorded answers].
const (
	serverGateway = "Mashery Proxy"
	serverAPI     = "Mashery API Server v1.1.0"
)

// stamp sets what every answer carries [recorded answers; customer API pages].
func (e *Emulator) stamp(h http.Header, now time.Time) {
	h.Set("Server", serverGateway)
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Mashery-Responder", "emulated-worker-1.mashery.example")
	h["X-Mashery-Message-ID"] = []string{uuid(rand.Reader)} // Mashery's spelling, not Go's
}

// refusal is an answer the gateway makes itself: not JSON, but text/xml with a
// heading [API guidelines, Rate Limiting].
type refusal struct {
	cause               Cause
	status              int
	code, title, detail string
	header              http.Header // more headers; may be nil
}

func (e *Emulator) refuse(w http.ResponseWriter, r *refusal) {
	e.counter.refused(r.cause)
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	h.Set("Content-Type", "text/xml")
	if r.code != "" {
		h.Set(mashery.HeaderErrorCode, r.code)
		h.Set("X-Error-Detail-Header", r.detail)
	}
	w.WriteHeader(r.status)
	_, _ = fmt.Fprintf(w, "<h1>%s</h1>", r.title)
}

// retryAfter sets that header as a fault has it: "" leaves it, "none" removes it.
func (r *refusal) retryAfter(value string) *refusal {
	switch value {
	case "":
	case "none":
		r.header = nil
	default:
		r.header = http.Header{"Retry-After": {value}}
	}
	return r
}

// fail answers an error that nobody but a fault is the cause of: as the gateway
// words it, or as the API does.
func (e *Emulator) fail(w http.ResponseWriter, r *http.Request, f Fault) {
	refused := gatewayError(f.Code, f.Status).retryAfter(f.RetryAfter)
	if !f.JSON {
		e.refuse(w, refused)
		return
	}
	e.counter.refused(refused.cause)
	w.Header().Set("Server", serverAPI)
	maps.Copy(w.Header(), refused.header)
	e.answer(w, r, refused.status, map[string]string{
		"errorCode": strconv.Itoa(refused.status), "errorMessage": refused.title,
	})
}

// gatewayError is an error by its id in the default error set, which a customer
// may have given another status, or by its status alone. Neither: 503.
func gatewayError(code string, status int) *refusal {
	if code == "" {
		status = cmp.Or(status, http.StatusServiceUnavailable)
		code = usualError(status)
	}
	if code == errServiceNotFound {
		refused := noSuchPath()
		refused.cause = CauseFault
		return refused
	}
	if message := errorMessages()[code]; message != nil {
		_, words, _ := strings.Cut(strings.TrimPrefix(code, "ERR_"), "_")
		return &refusal{
			cause: CauseFault, status: cmp.Or(status, message["code"].(int)),
			code: code, title: title(strings.ToLower(words)), detail: text(message["detailHeader"]),
		}
	}
	known := cmp.Or(http.StatusText(status), "Error")
	return &refusal{cause: CauseFault, status: status, title: known, detail: known}
}

// usualError is the error of the gateway's that is meant by a status alone; "":
// it has several, or none.
func usualError(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "ERR_400_BAD_REQUEST"
	case http.StatusRequestURITooLong:
		return "ERR_414_REQUEST_URI_TOO_LONG"
	case http.StatusBadGateway:
		return "ERR_502_BAD_GATEWAY"
	case http.StatusServiceUnavailable:
		return "ERR_503_SERVICE_UNAVAILABLE"
	case http.StatusGatewayTimeout:
		return "ERR_504_GATEWAY_TIMEOUT"
	case statusServiceNotFound:
		return errServiceNotFound
	}
	return ""
}

func notAuthorized(cause Cause) *refusal {
	return &refusal{
		cause: cause, status: http.StatusForbidden,
		code: mashery.ErrNotAuthorized, title: "Not Authorized", detail: "Not Authorized",
	}
}

// tokenChallenge is a 401 as the gateway's OAuth page has it; problem is the
// error attribute, "" when there was no token at all [OAuth Generated Errors].
func tokenChallenge(r *http.Request, problem string) *refusal {
	challenge := fmt.Sprintf("Bearer realm=%q", r.Host)
	if problem != "" {
		challenge += fmt.Sprintf(", error=%q", problem)
	}
	refused := notAuthorized(CauseToken)
	refused.status = http.StatusUnauthorized
	refused.header = http.Header{"WWW-Authenticate": {challenge}}
	return refused
}

// deadToken refuses an unknown or lapsed token [observed by several clients].
func deadToken(r *http.Request, status int) *refusal {
	if status == http.StatusUnauthorized {
		return tokenChallenge(r, "invalid_token")
	}
	return &refusal{
		cause: CauseToken, status: status,
		code: mashery.ErrDeveloperInactive, title: "Developer Inactive", detail: "Account Inactive",
	}
}

func overQPS() *refusal {
	return &refusal{
		cause: CauseOverQPS, status: http.StatusForbidden,
		code:  mashery.ErrDeveloperOverQPS,
		title: "Developer Over Qps", detail: "Account Over Queries Per Second Limit",
		header: http.Header{"Retry-After": {"1"}},
	}
}

func overQuota(wait time.Duration) *refusal {
	return &refusal{
		cause: CauseOverQuota, status: http.StatusForbidden,
		code:  mashery.ErrDeveloperOverRate,
		title: "Developer Over Rate", detail: "Account Over Rate Limit",
		header: http.Header{"Retry-After": {strconv.Itoa(int(wait/time.Second) + 1)}},
	}
}

// What matches no endpoint is refused by these, which are in no error set
// [customer API pages].
const (
	statusServiceNotFound = 596
	errServiceNotFound    = "ERR_596_SERVICE_NOT_FOUND"
)

// noSuchPath refuses what matches no endpoint.
func noSuchPath() *refusal {
	return &refusal{
		cause: CauseNoSuchPath, status: statusServiceNotFound,
		code: errServiceNotFound, title: "596 Service Not Found", detail: "Service Not Found",
	}
}

// wrongArea refuses a V2 call to another area than the key's; that it is a 404
// is observed, its body is chosen.
func wrongArea() *refusal {
	return &refusal{cause: CauseArea, status: http.StatusNotFound, title: "Not Found"}
}

// serveV3 takes a call through the gateway to the REST API.
func (e *Emulator) serveV3(w http.ResponseWriter, r *http.Request, path []string) {
	k, refused := e.keyOfToken(r)
	if refused == nil {
		refused = e.admit(w.Header(), r, k.meter)
	}
	if refused != nil {
		e.refuse(w, refused)
		return
	}
	e.counter.api(mashery.V3)
	if !e.serveRoute(w, r) {
		e.serveREST(w, r, path)
	}
}

// serveV2 takes a call through the gateway to the JSON-RPC API.
func (e *Emulator) serveV2(w http.ResponseWriter, r *http.Request, path []string) {
	k, refused := e.keyOfSignature(r)
	if refused == nil {
		refused = e.admit(w.Header(), r, k.meter)
	}
	if refused == nil && (len(path) != 1 || path[0] != strconv.FormatInt(k.creds.AreaNID, 10)) {
		refused = wrongArea()
	}
	if refused != nil {
		e.refuse(w, refused)
		return
	}
	e.counter.api(mashery.V2)
	if !e.serveRoute(w, r) {
		e.serveRPC(w, r)
	}
}

// keyOfToken finds whose access token r carries. The word Bearer is
// case-sensitive at the gateway.
func (e *Emulator) keyOfToken(r *http.Request) (*key, *refusal) {
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		return nil, tokenChallenge(r, "")
	}
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return nil, tokenChallenge(r, "invalid_request")
	}
	if f, is := mishapOf(r).get(FaultDeadToken); is {
		e.tokens.forget(token)
		return nil, deadToken(r, cmp.Or(f.Status, e.deadTokenStatus(r)))
	}
	k := e.tokens.owner(token, e.now(r))
	if k == nil {
		return nil, deadToken(r, e.deadTokenStatus(r))
	}
	return k, nil
}

// deadTokenStatus is the status by which r is refused if its token is dead.
func (e *Emulator) deadTokenStatus(r *http.Request) int {
	if mishapOf(r).has(FaultDeadAs401) {
		return http.StatusUnauthorized
	}
	return e.opts.DeadTokenStatus
}

// keyOfSignature finds the key that signed r. An unknown key and a bad, late or
// missing signature get the same answer [V2 docs, Error Codes].
func (e *Emulator) keyOfSignature(r *http.Request) (*key, *refusal) {
	query := r.URL.Query()
	if !query.Has("sig") {
		return nil, notAuthorized(CauseUnsigned)
	}
	k := e.keys.get(query.Get("apikey"))
	if k == nil || mishapOf(r).has(FaultBadSignature) || !k.signed(query.Get("sig"), e.now(r)) {
		return nil, notAuthorized(CauseSignature)
	}
	return k, nil
}

// admit counts a call, or says why it may not pass, and shows the limits in h
// [blog, API responses contain quota limit information].
func (e *Emulator) admit(h http.Header, r *http.Request, m *meter) *refusal {
	now, mishap := e.now(r), mishapOf(r)
	forced := Cause("")
	qps, isOverQPS := mishap.get(FaultOverQPS)
	quota, isOverQuota := mishap.get(FaultOverQuota)
	switch {
	case isOverQPS:
		forced = CauseOverQPS
	case isOverQuota:
		forced = CauseOverQuota
	}
	limit := -1
	if f, is := mishap.get(FaultQPS); is {
		limit = f.Calls
	}
	reading, cause := m.admit(now, e.opts.RollingQPS || mishap.has(FaultRollingQPS), limit, forced)
	reading.show(h)
	switch cause {
	case CauseOverQPS:
		return overQPS().retryAfter(qps.RetryAfter)
	case CauseOverQuota:
		return overQuota(reading.reset.Sub(now)).retryAfter(quota.RetryAfter)
	}
	return nil
}
