// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"net/http"

	"mashproxy/agentext/apierror"
)

// Verdict is what is to happen to a call. The zero value refuses it.
type Verdict int

// The verdicts.
const (
	Denied      Verdict = iota // the token's policies do not allow the call
	Allowed                    // Vault would have allowed it
	Undecidable                // it cannot be decided here: Vault decides, on the engine's own proxy path
	BadRequest                 // Vault would not have understood it, or it can be read in two ways
	TooLarge                   // a rule looks at the body, which is longer than can be read whole
)

// String names the verdict, for logs.
func (v Verdict) String() string {
	switch v {
	case Allowed:
		return "allowed"
	case Undecidable:
		return "undecidable"
	case BadRequest:
		return "bad request"
	case TooLarge:
		return "too large"
	default:
		return "denied"
	}
}

// Decision is a verdict and its reasons. The zero value refuses the call.
type Decision struct {
	Verdict Verdict

	// Text says to a person what was refused and what to change; it is empty
	// for a call that is Allowed. It names parameters, never their values.
	Text string

	Path       string // Denied: the path asked for, namespace included, as a policy would spell it
	Capability string // Denied: the capability that path needs, such as "update"
	Parameter  string // Denied: the parameter at fault, if the capability is there
	Rule       string // Allowed and Denied: the path of the rule that decided; "" when none matches
	Cause      Cause  // Undecidable: why
}

// Refusal is the answer for the client. It is nil when there is none to be made
// here: the call is Allowed or Undecidable.
func (d Decision) Refusal() *apierror.Error {
	switch d.Verdict {
	case Allowed, Undecidable:
		return nil
	case BadRequest:
		return apierror.New(http.StatusBadRequest, apierror.BadRequest, "%s", d.Text)
	case TooLarge:
		return apierror.New(http.StatusRequestEntityTooLarge, apierror.TooLarge, "%s", d.Text)
	default:
		return apierror.New(http.StatusForbidden, apierror.PolicyDenied, "%s", d.Text)
	}
}

func undecidable(cause Cause, detail string) Decision {
	text := "only Vault can decide this call (" + string(cause) + ")"
	if detail != "" {
		text += ": " + detail
	}
	return Decision{Verdict: Undecidable, Cause: cause, Text: text + "; " + cause.Hint()}
}

func badRequest(text string) *Decision {
	return &Decision{Verdict: BadRequest, Text: text}
}
