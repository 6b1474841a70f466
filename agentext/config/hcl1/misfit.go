// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"github.com/hashicorp/hcl/hcl/token"
	jsontoken "github.com/hashicorp/hcl/json/token"
	"github.com/hashicorp/hcl/v2"
)

// misfit is the problem of a JSON file that has something in a list that HCL 1
// does not take there: it refuses null without saying where, loses its way in a
// list, and drops true and false. Nil when there is no such thing.
func (f *File) misfit() *hcl.Diagnostic {
	var open []jsontoken.Type
	for _, tok := range jsonTokens(f.Source) {
		inList := len(open) > 0 && open[len(open)-1] == jsontoken.LBRACK
		switch tok.Type {
		case jsontoken.NULL, jsontoken.BOOL, jsontoken.LBRACK:
			if inList {
				at := token.Pos{Offset: tok.Pos.Offset, Line: tok.Pos.Line, Column: tok.Pos.Column}
				return problem("Not for a list", "Vault's parser takes texts, numbers and objects in a list, and no null, true, false or list.", f.rangeAt(at, tok.Text))
			}
		}
		switch tok.Type {
		case jsontoken.LBRACE, jsontoken.LBRACK:
			open = append(open, tok.Type)
		case jsontoken.RBRACE, jsontoken.RBRACK:
			open = open[:max(0, len(open)-1)]
		}
	}
	return nil
}
