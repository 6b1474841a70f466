// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/hcl/parser"
	"github.com/hashicorp/hcl/hcl/token"
	"github.com/hashicorp/hcl/v2"
)

// syntaxProblem says in our words what HCL 1's parser says. Its own messages
// quote the text, and that may be a secret without its quotes.
func (f *File) syntaxProblem(err error) *hcl.Diagnostic {
	summary := "Not valid HCL"
	if f.JSON {
		summary = "Not valid JSON"
		if d := f.misfit(); d != nil && json.Valid(f.Source) {
			return d
		}
	}
	at := f.rangeAt(f.errorPosition(err), "")
	at.Filename = f.Name // if that is all there is to tell
	return problem(summary, explain(err.Error()), at)
}

// explain translates the messages of hcl/parser, json/parser and their
// scanners (v1.0.1-vault-7) that can be put better or that quote the file.
func explain(message string) string {
	for _, known := range []struct{ part, text string }{
		{"Unknown token", "A value is expected here: text in quotes, a number, true, false, a list or an object."},
		{"got unknown token", "A value is expected here: text in quotes, a number, true, false, a list or an object."},
		{"expected start of object", "The key before this has no value: write `key = value`, or `name { … }` for a block."},
		{"nested object expected", "A block with labels takes no `=`: write `name \"label\" { … }`."},
		{"closing RBRACE", "A key or the closing `}` of this block is expected here."},
		{"expected: IDENT", "A key is expected here."},
		{"expected: STRING", "A key in double quotes is expected here."},
		{"no object keys", "A key is expected before the `=`."},
		{"expected comma or list end", "A comma or the closing `]` of this list is expected here."},
		{"parsing list", "A value or the closing `]` of this list is expected here."},
		{"within list", "This list is not complete, or something in it is not valid."},
		{"literal not terminated", "This text has no closing quote on its line."},
		{"heredoc not terminated", "This here-document has no end: its mark must stand alone on a line."},
		{"heredoc", "A here-document begins with << and a mark, and nothing more on that line."},
		{"comment", "A comment begins with # or //, or stands between /* and */."},
		{"char escape", "This escape is not known; write a backslash as \\\\."},
		{"UTF-8", "This is not UTF-8 text."},
		{"octal", "A number that begins with 0 is octal; leave the 0 out."},
		{"hexadecimal", "0x must be followed by hexadecimal digits."},
	} {
		if strings.Contains(message, known.part) {
			return known.text
		}
	}
	return "Something that has no meaning stands here."
}

// errorPosition finds where an error of HCL 1 is. Its JSON parser mostly does
// not say; encoding/json does.
func (f *File) errorPosition(err error) token.Pos {
	var at *parser.PosError
	if errors.As(err, &at) {
		return at.Pos
	}
	if pos, ok := leadingPosition(err.Error()); ok {
		return pos
	}
	var syntax *json.SyntaxError
	if f.JSON && errors.As(json.Unmarshal(f.Source, new(any)), &syntax) {
		return f.positionOf(int(syntax.Offset) - 1)
	}
	return token.Pos{}
}

// leadingPosition reads the "3:14: " that the scanner's messages begin with.
func leadingPosition(message string) (token.Pos, bool) {
	m := regexp.MustCompile(`^(\d+):(\d+): `).FindStringSubmatch(message)
	if m == nil {
		return token.Pos{}, false
	}
	line, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	return token.Pos{Line: line, Column: max(column, 1)}, true
}

// positionOf is the line and column of a byte.
func (f *File) positionOf(offset int) token.Pos {
	offset = max(0, min(offset, len(f.Source)))
	before := f.Source[:offset]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return token.Pos{Offset: offset, Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + len([]rune(string(line)))}
}
