// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

type tokenKind int

const (
	endToken tokenKind = iota
	nameToken
	numberToken
	textToken // in quotes
	signToken
)

// queryToken is a word, a value or a sign of a query. The zero value is its end.
type queryToken struct {
	kind tokenKind
	text string
}

func (t queryToken) String() string {
	if t.kind == endToken {
		return "the end"
	}
	return strconv.Quote(t.text)
}

// lex cuts a query into tokens.
func lex(source string) ([]queryToken, error) {
	var tokens []queryToken
	for source = strings.TrimLeft(source, " \t\r\n"); source != ""; source = strings.TrimLeft(source, " \t\r\n") {
		token, length, err := nextToken(source)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
		source = source[length:]
	}
	return tokens, nil
}

// nextToken reads the token source begins with, and how long it is there.
func nextToken(source string) (queryToken, int, error) {
	switch c := source[0]; {
	case c == '\'' || c == '"':
		return quoted(source)
	case isLetter(c):
		n := span(source, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' })
		return queryToken{nameToken, source[:n]}, n, nil
	case isDigit(c), c == '-' && len(source) > 1 && isDigit(source[1]):
		n := 1 + span(source[1:], func(c byte) bool { return isDigit(c) || c == '.' })
		if _, err := strconv.ParseFloat(source[:n], 64); err != nil {
			return queryToken{}, 0, fmt.Errorf("%q is not a number", source[:n])
		}
		return queryToken{numberToken, source[:n]}, n, nil
	}
	for _, sign := range []string{"<>", "<=", ">=", "<", ">", "=", ",", "(", ")", "*"} {
		if strings.HasPrefix(source, sign) {
			return queryToken{signToken, sign}, len(sign), nil
		}
	}
	return queryToken{}, 0, fmt.Errorf("unexpected %q", []rune(source)[0])
}

// quoted reads a text in quotes; inside, a quote is doubled or follows a backslash.
func quoted(source string) (queryToken, int, error) {
	quote := source[0]
	var text strings.Builder
	for i := 1; i < len(source); i++ {
		c := source[i]
		switch {
		case c == '\\' && i+1 < len(source), c == quote && i+1 < len(source) && source[i+1] == quote:
			i++
			text.WriteByte(source[i])
		case c == quote:
			return queryToken{textToken, text.String()}, i + 1, nil
		default:
			text.WriteByte(c)
		}
	}
	return queryToken{}, 0, fmt.Errorf("a text in quotes does not end: %s", source)
}

func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
