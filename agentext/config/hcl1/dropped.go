// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"encoding/json"
	"errors"

	"github.com/hashicorp/hcl/hcl/token"
	"github.com/hashicorp/hcl/v2"
)

// Dropped is the problem of a file of which HCL 1 silently drops a part: it
// takes broken JSON up to the break, and forgets a key whose value is cut off
// by the end of the file. Nil when HCL 1 has read everything.
func (f *File) Dropped() *hcl.Diagnostic {
	if f.JSON {
		var syntax *json.SyntaxError
		if !errors.As(json.Unmarshal(f.Source, new(any)), &syntax) {
			return f.misfit()
		}
		at := f.rangeAt(f.positionOf(int(syntax.Offset)-1), "")
		return problem("Not valid JSON", "Vault's parser accepts this and drops what it cannot read; check the comma, quote or bracket here.", at)
	}
	toks := lexemes(f.Source)
	for i := len(toks) - 1; i >= 0; i-- {
		if toks[i].kind == token.ASSIGN {
			return problem("Value missing", "The file ends here; Vault's parser drops the key.", f.rangeAt(f.positionOf(toks[i].start), "="))
		}
		if toks[i].kind != token.COMMENT {
			break
		}
	}
	return nil
}
