// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	hclv1 "github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/parser"
	"github.com/hashicorp/hcl/hcl/token"
	"github.com/hashicorp/hcl/v2"
)

// File is a parsed file.
type File struct {
	// Name is what diagnostics call the file.
	Name string
	// Source is the text that ranges count in: the file with "\r\n" made "\n".
	Source []byte
	// JSON tells that the file is JSON, which HCL 1 decides by its first
	// character and not by its name.
	JSON bool
	// Root is HCL 1's tree. Keys that were set twice are both in it.
	Root *ast.ObjectList
}

// Parse reads src. The diagnostics hold at most one problem, of the syntax,
// and never quote the text, which may hold secrets; File is nil then.
func Parse(name string, src []byte) (file *File, diags hcl.Diagnostics) {
	f := &File{Name: name, Source: bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))}
	f.JSON = bytes.HasPrefix(bytes.TrimLeftFunc(f.Source, unicode.IsSpace), []byte("{"))
	root, err := parse(f.Source)
	if err != nil {
		return nil, hcl.Diagnostics{f.syntaxProblem(err)}
	}
	f.Root = root
	if f.JSON {
		restorePositions(f)
	}
	return f, nil
}

// parse lets HCL 1 read src, as often as need be to get past keys set twice:
// those are for the caller to judge, with the tree at hand.
func parse(src []byte) (root *ast.ObjectList, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser cannot read this")
		}
	}()
	file, err := hclv1.ParseBytes(src)
	if err != nil && IsDuplicate(err) {
		file, err = parser.ParseDontErrorOnDuplicateKeys(src)
	}
	if err != nil {
		return nil, err
	}
	list, ok := file.Node.(*ast.ObjectList)
	if !ok {
		return nil, fmt.Errorf("the file has no keys and blocks at its top")
	}
	return list, nil
}

// IsDuplicate tells whether err is HCL 1's refusal of a key that is set twice.
func IsDuplicate(err error) bool {
	return strings.Contains(err.Error(), "Each argument can only be defined once")
}

// Body gives the whole file.
func (f *File) Body() hcl.Body {
	return &body{file: f, items: f.Root.Items, missing: f.rangeAt(token.Pos{Line: 1, Column: 1}, "")}
}

// BodyOf gives what is in an item's braces. An item whose value is no object
// gives an empty body.
func (f *File) BodyOf(item *ast.ObjectItem) hcl.Body {
	b := &body{file: f, missing: f.ItemRange(item)}
	if object, ok := item.Val.(*ast.ObjectType); ok {
		b.items = object.List.Items
	}
	return b
}

// KeyRange says where a key or a label stands.
func (f *File) KeyRange(key *ast.ObjectKey) hcl.Range {
	return f.rangeAt(key.Token.Pos, key.Token.Text)
}

// ItemRange says where an item begins: its first key, or, when HCL 1 has
// forgotten where that was, its sign of assignment.
func (f *File) ItemRange(item *ast.ObjectItem) hcl.Range {
	if len(item.Keys) > 0 && item.Keys[0].Token.Pos.IsValid() {
		return f.KeyRange(item.Keys[0])
	}
	return f.rangeAt(item.Assign, "")
}

// ValueRange says where an item's value is. That of objects, and of much of
// JSON, is where its key is.
func (f *File) ValueRange(item *ast.ObjectItem) hcl.Range {
	switch val := item.Val.(type) {
	case *ast.LiteralType:
		if val.Token.Pos.IsValid() {
			return f.rangeAt(val.Token.Pos, val.Token.Text)
		}
	case *ast.ListType:
		if val.Rbrack.IsValid() {
			return f.rangeAt(val.Lbrack, string(f.Source[val.Lbrack.Offset:val.Rbrack.Offset+1]))
		}
	}
	return f.ItemRange(item)
}

// rangeAt is the range of text that begins at pos. The zero range stands for
// a place that is not known.
func (f *File) rangeAt(pos token.Pos, text string) hcl.Range {
	if !pos.IsValid() {
		return hcl.Range{}
	}
	start := hcl.Pos{Line: pos.Line, Column: pos.Column, Byte: pos.Offset}
	end := hcl.Pos{Line: pos.Line, Column: pos.Column, Byte: pos.Offset + len(text)}
	for _, r := range text {
		end.Column++
		if r == '\n' {
			end.Line++
			end.Column = 1
		}
	}
	return hcl.Range{Filename: f.Name, Start: start, End: end}
}
