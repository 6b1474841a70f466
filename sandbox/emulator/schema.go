// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"io"
	"slices"
	"strings"
)

// kind describes all there is to know about one kind of object: the store, the
// V3 REST API and V2's methods and query language have no other knowledge of it.
type kind struct {
	// name is the kind's in the schema; segment is how a V3 path and, for a
	// nested kind, the property of its parent call it; "": name. A segment may
	// be of two parts, "iodocs/services".
	name, segment string
	// label is what error messages call one object.
	label  string
	access access
	newID  func(io.Reader) string

	// implicit properties are returned unasked; explicit ones, and children
	// that are not listed here, only when named. Write-only ones never are.
	implicit, explicit, writeOnly []string
	// structured properties are objects or arrays; V2 does not show them.
	structured []string
	// required properties cannot be absent or empty, and are texts if they are
	// not structured; unique ones cannot be the same in two objects, and
	// retained ones not even after one is gone; fixed ones cannot change, and of
	// lasting ones a change is ignored.
	required, unique, retained, fixed, lasting []string
	// dates are properties that hold one; lists are arrays of objects, each with
	// a text of the name given here.
	dates []string
	lists map[string]string
	// server properties are set by Mashery, and ignored when sent.
	server []string
	// generated properties get a random key when they are not sent, and so do
	// rpcGenerated ones when V2 does not send them.
	generated, rpcGenerated []string
	// inherited properties are the parent's when they are not sent.
	inherited []string
	// defaults are the values of properties that are not sent, and computed is
	// how others are made of the object.
	defaults map[string]any
	computed map[string]func(*object) any
	// presets are objects with ids that the client gives: the other values of
	// each. No other ids are taken.
	presets map[string]map[string]any
	// extended objects keep properties that are not listed, if they are text.
	extended bool

	// children are the names of the kinds nested in this one.
	children []string
	// single tells that the parent has one such object at most, and that the
	// path to it ends without an id.
	single bool
	// listed objects are answered as an array of one.
	listed bool
	// parts are structured properties with a path of their own.
	parts []part
	// refs are properties that name other objects.
	refs []ref
	// through names properties that show the children of children.
	through map[string][2]string

	// of is the kind whose objects this one's stand for, by the id in the
	// property refer; "": they stand for themselves.
	of, refer string
	// links makes the kind a list of those objects of kind "of" whose property
	// links names the parent.
	links string
	// derive makes the kind a list that is computed.
	derive func(*store) []*object
	// beside are the kinds whose lists stand where an id of this one would.
	beside []string

	// types is what V2 calls the kind; empty: V2 does not know it.
	types []rpcType

	nested    map[string]*kind // children by segment
	within    *kind            // whose child this is, or nil
	relations map[string]relation
	columnsOf map[string]map[string]string // by V2's type
}

// part is a structured property with a path of its own below its object.
type part struct {
	name string
	// list parts are arrays; wrapped ones are sent as an object that holds the
	// array under the part's name.
	list, wrapped bool
	parts         []part
}

// ref is a property that names another object, or (many) several, by id.
type ref struct {
	property, kind string
	many           bool
	// holds keeps the other object from being deleted (chosen).
	holds bool
	// below names the reference to what the other object is nested in.
	below string
}

// access says how a kind appears at the root of the API.
type access int

const (
	nested   access = iota // only below its parent, if it has one
	readOnly               // can be listed and read
	shown                  // can be changed and deleted, too, but not created
	open                   // all that Mashery's verbs allow
)

// path is the kind's segment.
func (k *kind) path() string { return cmp.Or(k.segment, k.name) }

// foreign tells whether the kind's ids are not made by the store, so that two
// parents may hold the same.
func (k *kind) foreign() bool { return k.of != "" || k.presets != nil }

// knows tells whether the kind has that property, children apart.
func (k *kind) knows(property string) bool {
	return slices.Contains(k.implicit, property) || slices.Contains(k.explicit, property)
}

// takes tells whether a client may set the property to that value.
func (k *kind) takes(property string, value any) bool {
	if property == "id" || slices.Contains(k.server, property) || k.nested[property] != nil {
		return false
	}
	_, text := value.(string)
	return k.knows(property) || slices.Contains(k.writeOnly, property) || k.extended && text
}

// ref gives the reference that a property is, if it is one.
func (k *kind) ref(property string) (ref, bool) {
	i := slices.IndexFunc(k.refs, func(r ref) bool { return r.property == property })
	if i < 0 {
		return ref{}, false
	}
	return k.refs[i], true
}

// partOf finds a part by name, or gives nil.
func partOf(parts []part, name string) *part {
	for i := range parts {
		if parts[i].name == name {
			return &parts[i]
		}
	}
	return nil
}

// schema holds the kinds by name.
type schema map[string]*kind

func newSchema(kinds ...*kind) schema {
	s := schema{}
	for _, k := range kinds {
		k.server = append(k.server, "created", "updated")
		for _, p := range k.parts {
			k.structured = append(k.structured, p.name)
		}
		for _, r := range k.refs {
			k.structured = append(k.structured, r.property)
		}
		s[k.name] = k
	}
	for _, k := range kinds {
		k.nested = map[string]*kind{}
		for _, name := range k.children {
			k.nested[s[name].path()], s[name].within = s[name], k
		}
	}
	s.relate()
	return s
}

// root gives the kind that a path begins with, and what follows; nil: none.
func (s schema) root(path []string) (*kind, []string) {
	for n := 1; n <= min(2, len(path)); n++ {
		begin := strings.Join(path[:n], "/")
		for _, k := range s {
			if k.access != nested && k.path() == begin {
				return k, path[n:]
			}
		}
	}
	return nil, nil
}

// beside gives the kind whose list stands beside the objects of k under that
// name, or nil.
func (s schema) beside(k *kind, segment string) *kind {
	for _, name := range k.beside {
		if s[name].path() == segment {
			return s[name]
		}
	}
	return nil
}
