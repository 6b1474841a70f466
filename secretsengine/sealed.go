// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"encoding/json"

	"mashproxy/mashery"
)

// sealed is a secret as it is kept in Vault's storage: its JSON is the text,
// which Vault's barrier encrypts; whatever prints it gets "[redacted]". Fields
// of this type must be exported, or package fmt looks behind it.
type sealed struct{ mashery.Secret }

func seal(text string) sealed { return sealed{mashery.NewSecret(text)} }

// MarshalJSON implements json.Marshaler, for storage only.
func (s sealed) MarshalJSON() ([]byte, error) { return json.Marshal(s.Reveal()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *sealed) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	*s = seal(text)
	return nil
}
