// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"slices"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/token"
	jsonscanner "github.com/hashicorp/hcl/json/scanner"
	jsontoken "github.com/hashicorp/hcl/json/token"
)

// restorePositions gives JSON's keys and texts the positions that HCL 1's
// JSON parser drops. The file's texts come in the order in which a walk of the
// tree meets them; a text the tree does not have is passed over.
func restorePositions(f *File) {
	r := restorer{texts: jsonTexts(f.Source)}
	r.list(f.Root)
}

// jsonTexts scans all texts in double quotes.
func jsonTexts(src []byte) (texts []jsontoken.Token) {
	for _, tok := range jsonTokens(src) {
		if tok.Type == jsontoken.STRING {
			texts = append(texts, tok)
		}
	}
	return texts
}

// jsonTokens scans as far as the scanner goes.
func jsonTokens(src []byte) (toks []jsontoken.Token) {
	defer func() { _ = recover() }() // the scanner may panic on text it has rejected
	sc := jsonscanner.New(src)
	sc.Error = func(jsontoken.Pos, string) {}
	for tok := sc.Scan(); tok.Type != jsontoken.EOF; tok = sc.Scan() {
		toks = append(toks, tok)
	}
	return toks
}

type restorer struct{ texts []jsontoken.Token }

func (r *restorer) list(l *ast.ObjectList) {
	for _, item := range l.Items {
		for _, key := range item.Keys {
			r.text(&key.Token)
		}
		r.value(item.Val)
	}
}

func (r *restorer) value(n ast.Node) {
	switch n := n.(type) {
	case *ast.LiteralType:
		r.text(&n.Token)
	case *ast.ListType:
		for _, elem := range n.List {
			r.value(elem)
		}
	case *ast.ObjectType:
		r.list(n.List)
	}
}

// text places tok where the next text like it stands. Keys are met more than
// once, because flattened items share them; the first time counts.
func (r *restorer) text(tok *token.Token) {
	if !tok.JSON || tok.Pos.IsValid() {
		return
	}
	i := slices.IndexFunc(r.texts, func(t jsontoken.Token) bool { return t.Text == tok.Text })
	if i < 0 {
		return
	}
	at := r.texts[i].Pos
	tok.Pos = token.Pos{Offset: at.Offset, Line: at.Line, Column: at.Column}
	r.texts = r.texts[i+1:]
}
