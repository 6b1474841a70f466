// SPDX-License-Identifier: MPL-2.0

package hcl1

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"
)

// body is an hcl.Body over a list of HCL 1's items. Names match in any case,
// as in HCL 1.
type body struct {
	file    *File
	items   []*ast.ObjectItem
	missing hcl.Range // where a missing item might be put
}

var _ hcl.Body = (*body)(nil)

// Items gives HCL 1's items of a body that this package made, nil of others.
func Items(b hcl.Body) []*ast.ObjectItem {
	if own, ok := b.(*body); ok {
		return own.items
	}
	return nil
}

// Content implements hcl.Body.
func (b *body) Content(schema *hcl.BodySchema) (*hcl.BodyContent, hcl.Diagnostics) {
	content, rest, diags := b.PartialContent(schema)
	for _, item := range Items(rest) {
		diags = diags.Append(problem("Unknown key", fmt.Sprintf("There is no key %q here.", Name(item.Keys[0])), b.file.ItemRange(item)))
	}
	return content, diags
}

// PartialContent implements hcl.Body.
func (b *body) PartialContent(schema *hcl.BodySchema) (*hcl.BodyContent, hcl.Body, hcl.Diagnostics) {
	content := &hcl.BodyContent{Attributes: hcl.Attributes{}, MissingItemRange: b.missing}
	rest := &body{file: b.file, missing: b.missing}
	attrs := newEntries()
	var sections sections
	var diags hcl.Diagnostics
	for _, item := range b.items {
		name := Name(item.Keys[0])
		if attr := attributeSchema(schema, name); attr != nil {
			attrs.add(attr.Name, item)
		} else if block := blockSchema(schema, name); block != nil {
			more, problems := b.file.sections(block, item)
			sections, diags = sections.join(more), append(diags, problems...)
		} else {
			rest.items = append(rest.items, item)
		}
	}
	diags = append(diags, b.setAttributes(content.Attributes, attrs)...)
	for _, attr := range schema.Attributes {
		if attr.Required && content.Attributes[attr.Name] == nil {
			diags = diags.Append(problem("Missing key", fmt.Sprintf("The key %q is required here.", attr.Name), b.missing))
		}
	}
	for _, s := range sections {
		content.Blocks = append(content.Blocks, s.block)
	}
	return content, rest, diags
}

// JustAttributes implements hcl.Body. HCL 1 does not tell a block from an
// attribute that holds an object, so everything is an attribute.
func (b *body) JustAttributes() (hcl.Attributes, hcl.Diagnostics) {
	attrs := newEntries()
	for _, item := range b.items {
		attrs.add(Name(item.Keys[0]), item)
	}
	found := hcl.Attributes{}
	return found, b.setAttributes(found, attrs)
}

// MissingItemRange implements hcl.Body.
func (b *body) MissingItemRange() hcl.Range { return b.missing }

// setAttributes turns entries into attributes and complains of those that
// were set twice.
func (b *body) setAttributes(into hcl.Attributes, attrs *entries) (diags hcl.Diagnostics) {
	for _, name := range attrs.order {
		e := attrs.byName[name]
		if e.redefined != nil {
			diags = diags.Append(Duplicate(name, b.file.ItemRange(e.redefined), b.file.ItemRange(e.first)))
		}
		at := b.file.ItemRange(e.first)
		expr := &expression{file: b.file, entry: e, at: b.file.ValueRange(e.first)}
		into[name] = &hcl.Attribute{Name: name, NameRange: at, Range: hcl.RangeOver(at, expr.at), Expr: expr}
	}
	return diags
}

// Duplicate is the problem of a key that is set twice.
func Duplicate(name string, second, first hcl.Range) *hcl.Diagnostic {
	return problem("Key set twice", fmt.Sprintf("%q is already set in line %d.", name, first.Start.Line), second)
}

func problem(summary, detail string, at hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}

func attributeSchema(schema *hcl.BodySchema, name string) *hcl.AttributeSchema {
	for i := range schema.Attributes {
		if strings.EqualFold(schema.Attributes[i].Name, name) {
			return &schema.Attributes[i]
		}
	}
	return nil
}

func blockSchema(schema *hcl.BodySchema, name string) *hcl.BlockHeaderSchema {
	for i := range schema.Blocks {
		if strings.EqualFold(schema.Blocks[i].Type, name) {
			return &schema.Blocks[i]
		}
	}
	return nil
}
