// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/vault/vault"

	"mashproxy/agentext/forward/scanner"
)

// shortest is the length from which on a token can be told from other text.
// Vault's own have 24 characters and more; one that somebody chose, such as
// "root", would be found in answers that have nothing to do with it.
const shortest = 16

// forms are the texts that stand for the Vault token: itself, as JSON writes
// it, and the inner one of a server-side consistent token. Vault accepts that
// as well, and it is the "id" in its answer to auth/token/lookup without a
// token (observed).
func forms(token string) []string {
	if token == "" {
		return nil
	}
	texts := []string{token}
	if vault.IsSSCToken(token) {
		if inner, err := vault.DecodeSSCTokenInternal(token); err == nil && inner.Random != "" {
			texts = append(texts, inner.Random)
		}
	}
	if quoted, err := json.Marshal(token); err == nil {
		if escaped := strings.Trim(string(quoted), `"`); escaped != token {
			texts = append(texts, escaped)
		}
	}
	return texts
}

// scannerFor searches for every form of the tokens.
func scannerFor(tokens []string) *scanner.Scanner {
	var texts []string
	for _, token := range tokens {
		for _, text := range forms(token) {
			if len(text) >= shortest {
				texts = append(texts, text)
			}
		}
	}
	return scanner.New(texts...)
}

// isOneOf says whether text is one of the tokens, in any form.
func isOneOf(tokens []string, text string) bool {
	for _, token := range tokens {
		for _, form := range forms(token) {
			if text == form {
				return true
			}
		}
	}
	return false
}
