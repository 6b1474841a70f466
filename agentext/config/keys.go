// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"

	"mashproxy/agentext/config/hcl1"
)

// checkKeys reports keys that nobody reads and keys that are set twice. Vault's
// loader is silent about the former, in any block.
func (l *loader) checkKeys() {
	top := topLevel()
	k := &keyChecker{loader: l, homes: top.homes()}
	for _, f := range l.parsed() {
		k.file = f
		k.stanza(f.tree.Root.Items, top)
		if d := f.tree.Dropped(); d != nil {
			l.dropped = append(l.dropped, d)
		}
	}
	for _, block := range l.blocks {
		k.file = l.fileOf(block)
		k.stanza(hcl1.Items(block.Body), top.keys["mashery"].block)
	}
}

func (l *loader) fileOf(block *hcl.Block) *file {
	return l.files[slices.IndexFunc(l.files, func(f *file) bool { return f.path == block.DefRange.Filename })]
}

// keyChecker holds a tree against what may stand in it.
type keyChecker struct {
	*loader
	file  *file
	homes map[string][]string
}

// stanza checks the items of a block, and of the blocks in it.
func (k *keyChecker) stanza(list []*ast.ObjectItem, s *stanza) {
	k.twice(list, strings.ToLower)
	for _, it := range list {
		name := strings.ToLower(hcl1.Name(it.Keys[0]))
		found, known := s.keys[name]
		switch {
		case !known:
			k.unknown(it, s)
			k.free(it.Val)
		case found.block == nil:
			k.value(it, found.value)
			k.free(it.Val)
		case found.block.free:
			k.free(it.Val)
		case found.block.path == "mashery": // each block is checked by itself
		case len(it.Keys)-1 > found.block.labels:
			k.label(it, found.block)
			k.free(it.Val)
		default:
			k.inside(it.Val, found.block)
		}
	}
}

func (k *keyChecker) inside(val ast.Node, s *stanza) {
	switch val := val.(type) {
	case *ast.ObjectType:
		k.stanza(val.List.Items, s)
	case *ast.ListType:
		for _, elem := range val.List {
			k.inside(elem, s)
		}
	}
}

// free checks what may hold any key for keys that are set twice.
func (k *keyChecker) free(val ast.Node) {
	switch val := val.(type) {
	case *ast.ObjectType:
		k.twice(val.List.Items, func(s string) string { return s })
		for _, it := range val.List.Items {
			k.free(it.Val)
		}
	case *ast.ListType:
		for _, elem := range val.List {
			k.free(elem)
		}
	}
}

// unknown reports a key that nobody reads, and guesses what was meant.
func (k *keyChecker) unknown(it *ast.ObjectItem, s *stanza) {
	name, at := hcl1.Name(it.Keys[0]), k.file.tree.ItemRange(it)
	lower := strings.ToLower(name)
	if s.path == "" && isOfAgent(lower) {
		k.unread(at, fmt.Sprintf("Misplaced key %q", name), "It belongs to Vault Agent; neither Vault Proxy nor mashproxy reads it.")
		return
	}
	if homes := k.homes[lower]; len(homes) > 0 {
		k.unread(at, fmt.Sprintf("Misplaced key %q", name), fmt.Sprintf("It belongs in %s, not in %s.", strings.Join(homes, " or "), s.where()))
		return
	}
	detail := fmt.Sprintf("There is no such key in %s.", s.where())
	if like := nearest(name, s.names()); like != "" {
		detail = fmt.Sprintf("Did you mean %q?", like)
	} else if like := nearest(name, slices.Collect(maps.Keys(k.homes))); like != "" {
		detail = fmt.Sprintf("Did you mean %q, which belongs in %s?", like, strings.Join(k.homes[like], " or "))
	} else if s.hint != "" {
		detail = s.hint
	} else if names := s.names(); len(names) <= 12 {
		detail = fmt.Sprintf("Keys of %s are %s.", s.where(), strings.Join(names, ", "))
	}
	k.unread(at, fmt.Sprintf("Unknown key %q", name), detail)
}

// unread reports a key that has no effect: an error beside a mashery block, a
// warning in a file of plain Vault Proxy.
func (l *loader) unread(at hcl.Range, summary, detail string) {
	if l.strict == hcl.DiagWarning {
		detail += " It is ignored."
	}
	l.report(l.strict, at, summary, detail)
}

// isOfAgent tells the blocks of Vault Agent that Vault Proxy does not read.
func isOfAgent(name string) bool {
	return slices.Contains([]string{"template", "template_config", "exec", "env_template"}, name)
}

// label reports a label that a block must not have. JSON comes here too: Vault's
// reader takes an object that holds only objects for labels.
func (k *keyChecker) label(it *ast.ObjectItem, s *stanza) {
	extra := it.Keys[1+s.labels]
	name := hcl1.Name(extra)
	detail := fmt.Sprintf("Leave it out; %s takes no such label.", s.path)
	if k.file.tree.JSON {
		detail = fmt.Sprintf("Vault's JSON reader loses objects that stand alone in an object: write %q: [{ … }].", name)
	}
	k.unread(k.file.tree.KeyRange(extra), fmt.Sprintf("Misplaced label %q", name), detail)
}

// twice reports keys that are set twice, which Vault refuses in HCL and takes
// in JSON, in other cases and with other quotes.
func (k *keyChecker) twice(list []*ast.ObjectItem, fold func(string) string) {
	first := map[string]*ast.ObjectItem{}
	for _, it := range list {
		if !setsValue(it, k.file.tree.JSON) {
			continue
		}
		name := fold(hcl1.Name(it.Keys[0]))
		before := first[name]
		if before == nil {
			first[name] = it
			continue
		}
		d := hcl1.Duplicate(hcl1.Name(it.Keys[0]), k.file.tree.ItemRange(it), k.file.tree.ItemRange(before))
		if len(k.blocks) == 0 && !(k.file.vaultErr != nil && hcl1.IsDuplicate(k.file.vaultErr)) {
			d.Severity = hcl.DiagWarning // Vault Proxy takes such a file
		}
		k.diags = append(k.diags, d)
	}
}

// setsValue tells an item that gives a key its value from a block, which may
// be repeated. In JSON a repeated block is a list of objects.
func setsValue(it *ast.ObjectItem, json bool) bool {
	_, object := it.Val.(*ast.ObjectType)
	return len(it.Keys) == 1 && it.Assign.IsValid() && !(json && object)
}
