// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"fmt"
	"strings"
	"unique"
)

const redacted = "[redacted]"

// shortestSecret is the length from which on a secret can be told from other text.
// Mashery's own keys and tokens have 24 characters, its signatures 32.
const shortestSecret = 8

// Secret is text that must not be seen: a key, a token, a signature, a
// password. Whatever prints or encodes one gets "[redacted]"; only
// [Secret.Reveal] gives the text. The zero value is the absent secret. Secrets
// are compared with ==.
type Secret struct {
	// A handle, because fmt does not ask a type within an unexported field how
	// it wants to be printed: of a handle it sees an address.
	text unique.Handle[string]
}

// NewSecret wraps text; an empty text is the absent secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal gives the text, for the one place that sends it.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.text.Value()
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// in tells whether text holds the secret. One that is too short to be told from
// other text is not looked for.
func (s Secret) in(text string) bool {
	secret := s.Reveal()
	return len(secret) >= shortestSecret && strings.Contains(text, secret)
}

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb prints the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
