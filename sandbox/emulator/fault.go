// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FaultKind is a way in which an [Emulator] can go wrong.
type FaultKind string

// The kinds of faults. In brackets: which of a [Fault]'s parameters they take.
const (
	// The access token of the call is dead from now on. [Status: 401 or 403]
	FaultDeadToken FaultKind = "dead_token"
	// Unknown and lapsed access tokens are refused by 401, whatever
	// [Options].DeadTokenStatus says.
	FaultDeadAs401 FaultKind = "dead_as_401"
	// Refresh tokens are refused as lapsed.
	FaultDeadRefresh FaultKind = "dead_refresh"
	// Signatures are refused.
	FaultBadSignature FaultKind = "bad_signature"
	// Calls are refused as too many for the second, or the day; token requests
	// only if the fault is limited to them. [RetryAfter]
	FaultOverQPS   FaultKind = "over_qps"
	FaultOverQuota FaultKind = "over_quota"
	// Keys are allowed so many calls in a second; token requests only if the
	// fault is limited to them. [Calls]
	FaultQPS FaultKind = "qps"
	// Calls are refused by an error of the gateway's. [Status, Code, JSON, RetryAfter]
	FaultError FaultKind = "error"
	// Calls take time to arrive: By, and up to Jitter more. [By, Jitter]
	FaultDelay FaultKind = "delay"
	// Calls take up to By, at random, to arrive. [By]
	FaultJitter FaultKind = "jitter"
	// The call is done, but the connection ends before its answer. [Reset]
	FaultCutBefore FaultKind = "cut_before"
	// The connection ends within the answer's body. [At, Reset]
	FaultCutBody FaultKind = "cut_body"
	// The answer's body pauses: for By, for ever without it, or until the fault
	// is cleared. [At, By]
	FaultStallBody FaultKind = "stall_body"
	// Answers have another content type, text/plain. [Type]
	FaultContentType FaultKind = "content_type"
	// The body is not what its content type says.
	FaultGarbage FaultKind = "garbage"
	// Answers lack a header, X-Total-Count or Date for instance. [Name]
	FaultNoHeader FaultKind = "no_header"
	// Mashery's clock is off. [By, which may be negative]
	FaultClock FaultKind = "clock"
	// New access tokens live that long, in whole seconds. [By]
	FaultTokenLife FaultKind = "token_life"
	// A new access token kills the older ones of its key.
	FaultKillOlder FaultKind = "kill_older"
	// V3's errors have a number as errorCode.
	FaultNumericErrorCode FaultKind = "numeric_error_code"
	// V2's total_items is a text, as in Mashery's own sample.
	FaultTextTotal FaultKind = "text_total"
	// The QPS is that of the last second, not of the calendar second.
	FaultRollingQPS FaultKind = "rolling_qps"
)

// The APIs a [Fault] can be limited to.
const (
	FaultV2    = "v2"    // JSON-RPC calls
	FaultV3    = "v3"    // REST calls
	FaultToken = "token" // token requests
)

// FaultAtStart, as [Fault].At, is before the first byte of the body: what text
// calls at=0.
const FaultAtStart = math.MinInt

// Fault is something that goes wrong at an [Emulator], and the calls it befalls:
// all that its kind can befall, unless it is limited.
type Fault struct {
	Kind FaultKind

	Count int           // how many calls; 0: any number
	For   time.Duration // from when it is added; 0: until it is cleared
	API   string        // [FaultV2], [FaultV3] or [FaultToken]; "": all
	Path  string        // what the path (decoded) begins with; "": any

	Status     int           // of the answer; 0: the code's or 503 for an error, [Options].DeadTokenStatus for a dead token
	Code       string        // an error of Mashery's default error set; "": what the status says
	By         time.Duration // how long, or how far off; 0 of a stall: for ever
	Jitter     time.Duration // at random up to this much more
	Calls      int           // how many a second
	At         int           // after how many bytes of the body; 0: half of it; [FaultAtStart]: none
	Name       string        // of the header
	Type       string        // content type; "": text/plain
	RetryAfter string        // the header's value, "none" for no such header; "": what is usual
	JSON       bool          // an error as the API words it, not the gateway
	Reset      bool          // the connection is reset (TCP RST; HTTP/1 only), not closed
}

// faultSpec says what faults of a kind can be.
type faultSpec struct {
	kind   FaultKind
	apis   []string // nil: every call, those to unknown paths included
	asked  []string // further ones, if they are named
	signed bool     // of V2, only what has a signature: a HEAD asks for the time and no more
	takes  []string // parameters, by the names of [Fault.fields]
	needed string   // the one of them that must be given
}

func faultSpecs() []faultSpec {
	return []faultSpec{
		{kind: FaultDeadToken, apis: []string{FaultV3}, takes: []string{"status"}},
		{kind: FaultDeadAs401, apis: []string{FaultV3}},
		{kind: FaultDeadRefresh, apis: []string{FaultToken}},
		{kind: FaultBadSignature, apis: []string{FaultV2}, signed: true},
		{kind: FaultOverQPS, apis: []string{FaultV2, FaultV3}, asked: []string{FaultToken}, signed: true, takes: []string{"retry_after"}},
		{kind: FaultOverQuota, apis: []string{FaultV2, FaultV3}, asked: []string{FaultToken}, signed: true, takes: []string{"retry_after"}},
		{kind: FaultQPS, apis: []string{FaultV2, FaultV3}, asked: []string{FaultToken}, takes: []string{"calls"}, needed: "calls"},
		{kind: FaultError, takes: []string{"status", "code", "json", "retry_after"}},
		{kind: FaultDelay, takes: []string{"by", "jitter"}, needed: "by"},
		{kind: FaultJitter, takes: []string{"by"}, needed: "by"},
		{kind: FaultCutBefore, takes: []string{"reset"}},
		{kind: FaultCutBody, takes: []string{"at", "reset"}},
		{kind: FaultStallBody, takes: []string{"at", "by"}},
		{kind: FaultContentType, takes: []string{"type"}},
		{kind: FaultGarbage},
		{kind: FaultNoHeader, takes: []string{"name"}, needed: "name"},
		{kind: FaultClock, takes: []string{"by"}, needed: "by"},
		{kind: FaultTokenLife, apis: []string{FaultToken}, takes: []string{"by"}, needed: "by"},
		{kind: FaultKillOlder, apis: []string{FaultToken}},
		{kind: FaultNumericErrorCode, apis: []string{FaultV3}},
		{kind: FaultTextTotal, apis: []string{FaultV2}},
		{kind: FaultRollingQPS, apis: []string{FaultV2, FaultV3}},
	}
}

// FaultKinds are all kinds of faults.
func FaultKinds() []FaultKind {
	var kinds []FaultKind
	for _, spec := range faultSpecs() {
		kinds = append(kinds, spec.kind)
	}
	return kinds
}

func specOf(kind FaultKind) (faultSpec, bool) {
	specs := faultSpecs()
	i := slices.IndexFunc(specs, func(s faultSpec) bool { return s.kind == kind })
	if i < 0 {
		return faultSpec{}, false
	}
	return specs[i], true
}

// Validate says what is wrong with a fault, and what could be meant.
func (f Fault) Validate() error {
	spec, known := specOf(f.Kind)
	if !known {
		return fmt.Errorf("there is no fault %q; there are %s", f.Kind, join(FaultKinds()))
	}
	given := f.given()
	for _, name := range given {
		if !slices.Contains(limits(), name) && !slices.Contains(spec.takes, name) {
			return fmt.Errorf("the fault %s takes no %s; it takes %s", f.Kind, name, join(append(limits(), spec.takes...)))
		}
	}
	apis := slices.Concat(spec.apis, spec.asked)
	if apis == nil {
		apis = []string{FaultV2, FaultV3, FaultToken}
	}
	switch {
	case spec.needed != "" && !slices.Contains(given, spec.needed):
		return fmt.Errorf("the fault %s needs %s", f.Kind, spec.needed)
	case f.API != "" && !slices.Contains(apis, f.API):
		return fmt.Errorf("the fault %s cannot befall api=%s, only %s", f.Kind, f.API, join(apis))
	case f.Path != "" && !strings.HasPrefix(f.Path, "/"):
		return fmt.Errorf("path=%s: a path begins with a slash, such as /v3/rest/services", f.Path)
	case f.Count < 0 || f.For < 0 || f.Calls < 0 || f.At < 0 && f.At != FaultAtStart || f.Jitter < 0 || f.By < 0 && f.Kind != FaultClock:
		return fmt.Errorf("the fault %s: a number below zero", f)
	}
	return f.validateStatus()
}

func (f Fault) validateStatus() error {
	switch {
	case f.Status == 0:
	case f.Kind == FaultDeadToken && f.Status != http.StatusUnauthorized && f.Status != http.StatusForbidden:
		return fmt.Errorf("status=%d: a dead token is refused by 401 or 403", f.Status)
	case f.Status < 400 || f.Status > 599:
		return fmt.Errorf("status=%d: an error has a status from 400 to 599", f.Status)
	}
	if f.Code != "" && f.Code != errServiceNotFound && errorMessages()[f.Code] == nil {
		return fmt.Errorf("code=%s: Mashery has no such error; it has %s", f.Code,
			strings.Join(append(slices.Sorted(maps.Keys(errorMessages())), errServiceNotFound), ", "))
	}
	return nil
}

// befalls tells whether the fault concerns a call; signed says that it is one
// which carries a signature on V2, a POST.
func (f Fault) befalls(api, path string, signed bool) bool {
	spec, _ := specOf(f.Kind)
	switch {
	case !strings.HasPrefix(path, f.Path), spec.signed && api == FaultV2 && !signed:
		return false
	case f.API != "":
		return f.API == api // and Validate saw that the kind can befall it
	}
	return spec.apis == nil || slices.Contains(spec.apis, api)
}

func join[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}
