// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"
)

// section is a block on its way to become one.
type section struct {
	block *hcl.Block
	// owner is the last key of the header. HCL 1's reading of JSON cuts an
	// object that holds objects only into one item for each of them; the
	// pieces have this key in common, by identity. Nil: the block is whole.
	owner *ast.ObjectKey
}

type sections []section

// join appends more, putting the pieces of one block together again.
func (s sections) join(more sections) sections {
	for _, m := range more {
		if n := len(s); n > 0 && m.owner != nil && s[n-1].owner == m.owner {
			whole := s[n-1].block.Body.(*body)
			whole.items = append(whole.items, Items(m.block.Body)...)
			continue
		}
		s = append(s, m)
	}
	return s
}

// sections makes blocks of one item. An item is several blocks when its value
// is a list, or when its labels are the keys of a JSON object.
func (f *File) sections(schema *hcl.BlockHeaderSchema, item *ast.ObjectItem) (found sections, diags hcl.Diagnostics) {
	missing := len(schema.LabelNames) - (len(item.Keys) - 1)
	switch val := item.Val.(type) {
	case *ast.ListType:
		for _, elem := range val.List {
			more, problems := f.sections(schema, &ast.ObjectItem{Keys: item.Keys, Assign: item.Assign, Val: elem})
			found, diags = append(found, more...), append(diags, problems...)
		}
	case *ast.ObjectType:
		if missing < 0 && !f.JSON {
			extra := item.Keys[1+len(schema.LabelNames)]
			return nil, hcl.Diagnostics{problem("Misplaced label", fmt.Sprintf("A %s block has no such label; leave it out.", schema.Type), f.KeyRange(extra))}
		}
		if missing <= 0 {
			return sections{f.section(schema, item, val)}, nil
		}
		if !f.JSON || len(val.List.Items) == 0 || slices.ContainsFunc(val.List.Items, isPlain) {
			return nil, hcl.Diagnostics{f.labelMissing(schema, item)}
		}
		for _, inner := range val.List.Items {
			more, problems := f.sections(schema, &ast.ObjectItem{
				Keys: slices.Concat(item.Keys, inner.Keys), Assign: inner.Assign, Val: inner.Val})
			found, diags = found.join(more), append(diags, problems...)
		}
	default:
		detail := fmt.Sprintf("%q is a block: write it with braces.", schema.Type)
		diags = diags.Append(problem("Not a block", detail, f.ItemRange(item)))
	}
	return found, diags
}

// section makes the one block of an item that has all its labels. Keys beyond
// the labels are those of objects further in.
func (f *File) section(schema *hcl.BlockHeaderSchema, item *ast.ObjectItem, val *ast.ObjectType) section {
	header := item.Keys[:1+len(schema.LabelNames)]
	b := &body{file: f, items: val.List.Items, missing: f.ItemRange(item)}
	s := section{block: &hcl.Block{Type: schema.Type, Body: b, TypeRange: f.ItemRange(item), DefRange: f.ItemRange(item)}}
	for _, key := range header[1:] {
		s.block.Labels = append(s.block.Labels, Name(key))
		s.block.LabelRanges = append(s.block.LabelRanges, f.KeyRange(key))
	}
	if beyond := item.Keys[len(header):]; len(beyond) > 0 {
		b.items = []*ast.ObjectItem{{Keys: beyond, Assign: item.Assign, Val: val}}
		s.owner = header[len(header)-1]
	}
	return s
}

// isPlain tells that an item's value can be no block.
func isPlain(item *ast.ObjectItem) bool {
	_, plain := item.Val.(*ast.LiteralType)
	return plain
}

func (f *File) labelMissing(schema *hcl.BlockHeaderSchema, item *ast.ObjectItem) *hcl.Diagnostic {
	label := schema.LabelNames[len(item.Keys)-1]
	example := fmt.Sprintf(`%s "…" { … }`, schema.Type)
	if f.JSON {
		example = fmt.Sprintf(`"%s": {"…": {…}}`, schema.Type)
	}
	return problem("Label missing", fmt.Sprintf("A %s block names its %s: %s.", schema.Type, label, example), f.ItemRange(item))
}
