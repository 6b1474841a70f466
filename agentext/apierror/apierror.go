// SPDX-License-Identifier: MPL-2.0

// Package apierror writes the errors mashproxy makes itself: Vault's own form,
// {"errors":["…"]}, so that every Vault client can read them, with a code in
// the header X-Mashproxy-Error by which a program can tell them apart.
package apierror

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// CodeHeader carries an Error's code. Only answers made by mashproxy have it.
const CodeHeader = "X-Mashproxy-Error"

// The codes of the errors mashproxy makes.
const (
	BadRequest         = "bad_request"         // 400: path, verb or envelope not understood
	PolicyDenied       = "policy_denied"       // 403: the token's policies do not allow it
	GuardDenied        = "guard_denied"        // 403: Host, Origin or peer not allowed on this listener
	CredentialWithheld = "credential_withheld" // 403 asked for a credential; 502 Vault's answer held the token
	OverQPS            = "over_qps"            // 403: the call would have to wait too long for its slot
	MethodNotAllowed   = "method_not_allowed"  // 405: with Allow
	TooLarge           = "too_large"           // 413: a body that must be read whole is too long
	MasheryUnreachable = "mashery_unreachable" // 502: no answer from Mashery
	GrantRefused       = "grant_refused"       // 502: Vault refused the grant
	VaultUnavailable   = "vault_unavailable"   // 503: Vault sealed, away or rate limiting
	NotReady           = "not_ready"           // 503: not logged in yet
	Draining           = "draining"            // 503: the program stops
	Timeout            = "timeout"             // 504: no answer in time
)

// ErrDraining is the cause for which the context of a request ends when the program
// stops and has waited for the request long enough, and the answer then.
var ErrDraining = New(http.StatusServiceUnavailable, Draining,
	"this program stops, and the call was not answered in time; if it writes, look whether it was run before you call again").After(time.Second)

// Error is an answer mashproxy makes itself.
type Error struct {
	Status  int    // HTTP status; 0 is 500
	Code    string // one of the codes above; without one there is no CodeHeader
	Message string // says what to do; never holds a secret

	// RetryAfter is sent as Retry-After in whole seconds, rounded up; 0 sends none.
	RetryAfter time.Duration

	// Header is added to the answer; it may be nil.
	Header http.Header

	// Err is what the Error was made of, for errors.As; it may be nil.
	Err error
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

// Error gives the code and the message.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// New makes an Error with a formatted message.
func New(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// After returns a copy of e that asks the client to come back after d.
func (e *Error) After(d time.Duration) *Error {
	later := *e
	later.RetryAfter = d
	return &later
}

// With returns a copy of e that sends one more header.
func (e *Error) With(name, value string) *Error {
	more := *e
	more.Header = maps.Clone(e.Header)
	if more.Header == nil {
		more.Header = http.Header{}
	}
	more.Header.Set(name, value)
	return &more
}

// Write answers with e. Headers already set on w are kept, but for those that
// described another body.
func Write(w http.ResponseWriter, e *Error) {
	header := w.Header()
	header.Del("Content-Encoding")
	for name, values := range e.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if e.Code != "" {
		header.Set(CodeHeader, e.Code)
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(wholeSeconds(e.RetryAfter), 10))
	}
	status := e.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	text := e.text()
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone cannot be told
}

// text is the body of the answer.
func (e *Error) text() []byte {
	var text bytes.Buffer
	body := json.NewEncoder(&text)
	body.SetEscapeHTML(false) // "<name>" stays readable; nosniff keeps browsers from rendering it
	_ = body.Encode(struct {
		Errors []string `json:"errors"`
	}{[]string{e.Message}}) // strings can be encoded
	return text.Bytes()
}

func wholeSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}
