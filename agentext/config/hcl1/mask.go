// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/hcl/scanner"
	"github.com/hashicorp/hcl/hcl/token"
	jsontoken "github.com/hashicorp/hcl/json/token"
)

// Mask gives src with the values of keys that look like secrets blanked by
// asterisks, byte for byte, so that ranges still fit. It is what diagnostics
// may show. It does not need src to be valid: what it cannot read, it blanks.
func Mask(src []byte) []byte {
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	m := masker{out: bytes.Clone(src)}
	for _, tok := range lexemes(src) {
		if tok.kind != token.COMMENT {
			m.toks = append(m.toks, tok)
		} else if LooksSecret(tok.text) { // perhaps an old setting, commented out
			m.blank(tok.start, tok.end)
		}
	}
	for i := range m.toks {
		m.key(i)
		m.address(i)
	}
	for _, at := range regexp.MustCompile(`(?:'|//)([^\s"]+)@`).FindAllSubmatchIndex(src, -1) {
		m.blank(at[2], at[3]) // an address in a comment, or without proper quotes
	}
	return m.out
}

// LooksSecret tells whether a key of this name may hold a secret. Names of
// files that hold one do not.
func LooksSecret(name string) bool {
	name = strings.ToLower(name)
	for _, harmless := range []string{"_path", "_file", "_dir", "_ttl", "_mode", "_name", "_after_reading", "_interval", "_behavior"} {
		if strings.HasSuffix(name, harmless) {
			return false
		}
	}
	switch name {
	case "use_auto_auth_token", "cache_static_secrets", "disable_caching_dynamic_secrets": // true or false
		return false
	}
	for _, word := range []string{"pass", "pwd", "secret", "token", "key", "credential", "auth_header"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// lexeme is one token of either scanner. HCL 1 and its JSON have the same
// tokens here but for the sign of assignment.
type lexeme struct {
	kind       token.Type
	text       string
	start, end int
}

// lexemes scans src. What lies behind the place where the scanner gives up is
// one illegal lexeme.
func lexemes(src []byte) (toks []lexeme) {
	if bytes.HasPrefix(bytes.TrimLeftFunc(src, unicode.IsSpace), []byte("{")) {
		for _, tok := range jsonTokens(src) {
			toks = append(toks, lexeme{jsonKind(tok.Type), tok.Text, tok.Pos.Offset, tok.Pos.Offset + len(tok.Text)})
		}
	} else {
		toks = hclLexemes(src)
	}
	end := 0
	if n := len(toks); n > 0 {
		end = toks[n-1].end
	}
	if rest := src[end:]; len(bytes.TrimSpace(rest)) > 0 {
		toks = append(toks, lexeme{token.EOF, "", end, len(src)})
	}
	return toks
}

func hclLexemes(src []byte) (toks []lexeme) {
	defer func() { _ = recover() }() // the scanner may panic on text it has rejected
	sc := scanner.New(src)
	sc.Error = func(token.Pos, string) {}
	for tok := sc.Scan(); tok.Type != token.EOF; tok = sc.Scan() {
		toks = append(toks, lexeme{tok.Type, tok.Text, tok.Pos.Offset, tok.Pos.Offset + len(tok.Text)})
	}
	return toks
}

func jsonKind(t jsontoken.Type) token.Type {
	switch t {
	case jsontoken.STRING:
		return token.STRING
	case jsontoken.COLON:
		return token.ASSIGN
	case jsontoken.LBRACE:
		return token.LBRACE
	case jsontoken.RBRACE:
		return token.RBRACE
	case jsontoken.LBRACK:
		return token.LBRACK
	case jsontoken.RBRACK:
		return token.RBRACK
	case jsontoken.NUMBER, jsontoken.FLOAT, jsontoken.BOOL, jsontoken.NULL:
		return token.NUMBER
	case jsontoken.COMMA:
		return token.COMMA
	default:
		return token.ILLEGAL
	}
}

type masker struct {
	out  []byte
	toks []lexeme
}

// key blanks what follows lexeme i, if that is a key that looks secret.
func (m *masker) key(i int) {
	tok := m.toks[i]
	switch {
	case tok.kind == token.EOF:
		m.blank(tok.start, tok.end)
	case (tok.kind == token.IDENT || tok.kind == token.STRING) && LooksSecret(strings.Trim(tok.text, `"`)):
		if m.kind(i+1) == token.ASSIGN {
			m.value(i + 2)
		} else if next := m.kind(i + 1); next.IsLiteral() && m.kind(i+2) != token.LBRACE {
			m.restOfLine(i + 1) // the sign of assignment was forgotten
		}
	}
}

// address blanks what stands before the last @ of lexeme i, with a scheme
// before it or without: user and password perhaps.
func (m *masker) address(i int) {
	tok := m.toks[i]
	if end := strings.LastIndexByte(tok.text, '@'); end >= 0 && tok.kind == token.STRING {
		start := len(regexp.MustCompile(`^"(?:\w+://)?`).FindString(tok.text))
		m.blank(tok.start+start, tok.start+max(start, end))
	}
}

func (m *masker) kind(i int) token.Type {
	if i >= len(m.toks) {
		return token.EOF
	}
	return m.toks[i].kind
}

// value blanks the value that begins at lexeme i.
func (m *masker) value(i int) {
	switch m.kind(i) {
	case token.NUMBER, token.FLOAT, token.BOOL, token.EOF:
	case token.STRING, token.HEREDOC:
		m.blank(m.toks[i].start, m.toks[i].end)
	case token.LBRACE, token.LBRACK:
		m.bracket(i)
	default: // no quotes
		m.restOfLine(i)
	}
}

// bracket blanks all text in the list or object that begins at lexeme i.
func (m *masker) bracket(i int) {
	for depth := 0; i < len(m.toks); i++ {
		switch tok := m.toks[i]; tok.kind {
		case token.LBRACE, token.LBRACK:
			depth++
		case token.RBRACE, token.RBRACK:
			depth--
		case token.COMMA, token.ASSIGN:
		default:
			m.blank(tok.start, tok.end)
		}
		if depth == 0 {
			return
		}
	}
}

func (m *masker) restOfLine(i int) {
	start := m.toks[i].start
	end := len(m.out)
	if n := bytes.IndexByte(m.out[start:], '\n'); n >= 0 {
		end = start + n
	}
	m.blank(start, max(end, m.toks[i].end))
}

// blank keeps quotes at the ends and ends of lines.
func (m *masker) blank(start, end int) {
	for i := start; i < end; i++ {
		if c := m.out[i]; c != '\n' && !(c == '"' && (i == start || i == end-1)) {
			m.out[i] = '*'
		}
	}
}
