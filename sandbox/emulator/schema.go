// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"io"
	"slices"
)

// kind describes all there is to know about one kind of object: the store, the
// V3 REST API and the V2 query language have no other knowledge of it.
type kind struct {
	// name is the kind's last path segment in V3 and, for a nested kind, the
	// property of its parent.
	name string
	// label is what error messages call one object.
	label  string
	access access
	newID  func(io.Reader) string

	// implicit properties are returned unasked; explicit ones, and children,
	// only when named.
	implicit, explicit []string
	// structured properties are objects or arrays; V2 does not show them.
	structured []string
	// required properties cannot be absent or empty; unique ones cannot be the
	// same in two objects; fixed ones cannot change.
	required, unique, fixed []string
	// server properties are set by Mashery, and ignored when sent.
	server []string
	// generated properties get a random key when they are not sent.
	generated []string
	// inherited properties are the parent's when they are not sent.
	inherited []string
	// defaults are the values of properties that are not sent.
	defaults map[string]any
	// extended objects keep properties that are not listed, if they are text.
	extended bool
	// children are the kinds nested in this one, by name.
	children []string

	// object is V2's object_type, and tables what its query language calls all
	// objects of the kind; empty: V2 does not know it.
	object string
	tables []string
	// keyed names the property by which V2 identifies the object, where that is
	// V3's id; empty: V2 has numbers of its own, in "id".
	keyed string
}

// access says how a kind appears at the root of the API.
type access int

const (
	nested access = iota // only below its parent
	shown                // can be listed, read, changed and deleted, not created
	open                 // all that Mashery's verbs allow
)

// knows tells whether the kind has that property, children apart.
func (k *kind) knows(property string) bool {
	return slices.Contains(k.implicit, property) || slices.Contains(k.explicit, property)
}

// takes tells whether a client may set the property to that value.
func (k *kind) takes(property string, value any) bool {
	if property == "id" || slices.Contains(k.server, property) || slices.Contains(k.children, property) {
		return false
	}
	_, text := value.(string)
	return k.knows(property) || k.extended && text
}

// schema holds the kinds by name.
type schema map[string]*kind

func newSchema(kinds ...*kind) schema {
	s := schema{}
	for _, k := range kinds {
		k.server = append(k.server, "created", "updated")
		s[k.name] = k
	}
	return s
}

// root gives the kind that appears at the root under that name, or nil.
func (s schema) root(name string) *kind {
	if k := s[name]; k != nil && k.access != nested {
		return k
	}
	return nil
}

// child gives the kind nested in k under that name, or nil.
func (s schema) child(k *kind, name string) *kind {
	if slices.Contains(k.children, name) {
		return s[name]
	}
	return nil
}

// table gives the kind V2's query language calls so, or nil.
func (s schema) table(name string) *kind {
	for _, k := range s {
		if slices.Contains(k.tables, name) {
			return k
		}
	}
	return nil
}
