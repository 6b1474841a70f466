// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"errors"
	"math/big"
	"strconv"

	"github.com/hashicorp/hcl/hcl/ast"
	hclstrconv "github.com/hashicorp/hcl/hcl/strconv"
	"github.com/hashicorp/hcl/hcl/token"
	"github.com/zclconf/go-cty/cty"
)

// Name is the text of a key or label without quotes. It is the raw text when
// the quotes hold something HCL 1 cannot read.
func Name(key *ast.ObjectKey) string {
	if key.Token.Type != token.STRING {
		return key.Token.Text
	}
	name, err := unquote(key.Token)
	if err != nil {
		return key.Token.Text
	}
	return name
}

// unquote does what token.Token.Value does, without its panic.
func unquote(tok token.Token) (string, error) {
	if tok.JSON {
		return strconv.Unquote(tok.Text)
	}
	return hclstrconv.Unquote(tok.Text)
}

var errLiteral = errors.New("this value cannot be read")

// literalValue is the value of one token. HCL 1's reading of JSON's null, a
// text without quotes, is null.
func literalValue(tok token.Token) (v cty.Value, err error) {
	defer func() { // HCL 1 panics on a here-document that it found no end of
		if r := recover(); r != nil {
			v, err = cty.DynamicVal, errLiteral
		}
	}()
	switch tok.Type {
	case token.BOOL:
		return cty.BoolVal(tok.Text == "true"), nil
	case token.NUMBER, token.FLOAT:
		return numberValue(tok.Text)
	case token.HEREDOC:
		return cty.StringVal(tok.Value().(string)), nil
	case token.STRING:
		if tok.Text == "" {
			return cty.NullVal(cty.DynamicPseudoType), nil
		}
		text, err := unquote(tok)
		if err != nil {
			return cty.DynamicVal, errLiteral
		}
		return cty.StringVal(text), nil
	default:
		return cty.DynamicVal, errLiteral
	}
}

// numberValue reads integers as HCL 1 does (0x10, 010), all else as a decimal.
func numberValue(text string) (cty.Value, error) {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return cty.NumberIntVal(n), nil
	}
	n, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil || n.IsInf() {
		return cty.DynamicVal, errLiteral
	}
	return cty.NumberVal(n), nil
}
