// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// dateFormat is V3's [Go client's types]; dates in it sort as text.
const dateFormat = "2006-01-02T15:04:05.000-0700"

// object is one thing an administrator manages.
type object struct {
	in     *store
	kind   *kind
	number int // V2's id
	parent *object
	// standsFor is the object this one refers to, for kinds that do.
	standsFor *object
	props     map[string]any // as decoded from JSON; replaced, never changed inside
	// children are the nested objects by the name of their kind.
	children map[string][]*object
}

func (o *object) id() string { return text(o.props["id"]) }

// value gives a property, or that of the object this one stands for, or one that
// is computed.
func (o *object) value(property string) (any, bool) {
	value, set := o.props[property]
	if !set && o.standsFor != nil {
		value, set = o.standsFor.props[property]
	}
	if compute := o.kind.computed[property]; !set && compute != nil {
		return compute(o), true
	}
	return value, set
}

// store holds every object. Its methods want mu held, for writing by those that write.
type store struct {
	mu     sync.RWMutex
	schema schema
	all    map[string][]*object // by kind, in the order they were made
	byID   map[string]*object   // but those whose ids are foreign
	// retired are the values of retained properties whose objects are gone.
	retired map[string]bool
	oauth   *oauth
	ids     io.Reader // seeded: the same ids every time
	now     func() time.Time
	number  int
}

func newStore(now func() time.Time) *store {
	s := &store{
		schema:  masherySchema(),
		all:     map[string][]*object{},
		byID:    map[string]*object{},
		retired: map[string]bool{},
		ids:     rand.NewChaCha8([32]byte([]byte("mashery objects, same every time"))),
		now:     now,
	}
	s.oauth = newOAuth(s)
	return s
}

// lockFor locks the store for what a verb does, and gives what unlocks it.
func (s *store) lockFor(verb string) func() {
	if verb == http.MethodPost || verb == http.MethodPut || verb == http.MethodDelete {
		s.mu.Lock()
		return s.mu.Unlock
	}
	s.mu.RLock()
	return s.mu.RUnlock
}

// find gives the object of that id in parent's (nil: the root's) collection, or nil.
func (s *store) find(k *kind, parent *object, id string) *object {
	if k.foreign() {
		for _, o := range s.collection(k, parent) {
			if o.id() == id {
				return o
			}
		}
		return nil
	}
	o := s.byID[id]
	if o == nil || o.kind != k || parent != nil && o.parent != parent {
		return nil
	}
	return o
}

// collection gives the objects of a kind, of one parent or (nil) all of them.
func (s *store) collection(k *kind, parent *object) []*object {
	switch {
	case k.derive != nil:
		return k.derive(s)
	case k.links != "":
		return s.linked(k, parent)
	case parent != nil:
		return parent.children[k.name]
	}
	return s.all[k.name]
}

// create makes an object of what check found nothing wrong with, and the
// objects nested in it.
func (s *store) create(k *kind, parent *object, body map[string]any) *object {
	if k.links != "" {
		return s.link(k, parent, body)
	}
	s.number++
	now := s.now().UTC().Format(dateFormat)
	o := &object{
		in: s, kind: k, number: s.number, parent: parent, children: map[string][]*object{},
		props: map[string]any{"created": now, "updated": now},
	}
	s.identify(o, body)
	for name, value := range k.defaults {
		o.props[name] = value
	}
	for name, value := range k.presets[o.id()] {
		o.props[name] = value
	}
	for _, name := range k.generated {
		o.props[name] = shortID(s.ids)
	}
	for _, name := range k.inherited {
		o.props[name] = parent.props[name]
	}
	s.all[k.name] = append(s.all[k.name], o)
	if parent != nil {
		parent.children[k.name] = append(parent.children[k.name], o)
	}
	s.set(o, body)
	return o
}

// identify gives o its id: one of the store's, or the foreign one in body.
func (s *store) identify(o *object, body map[string]any) {
	switch {
	case o.kind.of != "":
		o.standsFor = s.target(o.kind, o.parent, body)
		o.props["id"], o.props[o.kind.refer] = o.standsFor.id(), o.standsFor.id()
	case o.kind.presets != nil:
		o.props["id"] = body["id"]
	default:
		o.props["id"] = o.kind.newID(s.ids)
		s.byID[o.id()] = o
	}
}

// update changes the properties body names, and the objects nested in it
// [V3 docs, Resource Hierarchy].
func (s *store) update(o *object, body map[string]any) {
	o.props["updated"] = s.now().UTC().Format(dateFormat)
	if revision, ok := o.props["revisionNumber"].(int); ok {
		o.props["revisionNumber"] = revision + 1
	}
	body = maps.Clone(body)
	for _, name := range o.kind.lasting {
		delete(body, name)
	}
	s.set(o, body)
}

func (s *store) set(o *object, body map[string]any) {
	for name, value := range body {
		r, refers := o.kind.ref(name)
		switch {
		case !o.kind.takes(name, value):
		case refers:
			s.refer(o, r, value)
		default:
			o.props[name] = value
		}
	}
	if _, renamed := body["name"]; renamed {
		s.eachReference(o, func(shown map[string]any) map[string]any { return s.stamped(shown, o) })
	}
	for _, name := range o.kind.children {
		k := s.schema[name]
		for _, child := range nestedIn(k, body) {
			body := child.(map[string]any)
			if old := s.named(o, k, body); old != nil {
				s.update(old, body)
			} else {
				s.create(k, o, body)
			}
		}
	}
}

// nestedIn gives the objects of kind k that a body of its parent holds.
func nestedIn(k *kind, body map[string]any) []any {
	if one, isObject := body[k.path()].(map[string]any); isObject && k.single {
		return []any{one}
	}
	items, _ := body[k.path()].([]any)
	return items
}

// named gives the child of o that body names by its id, or nil.
func (s *store) named(o *object, k *kind, body map[string]any) *object {
	id, _ := body["id"].(string)
	if o == nil || id == "" {
		return nil
	}
	return s.find(k, o, id)
}

// remove deletes an object, all that is nested in it, and what refers to it.
func (s *store) remove(o *object) {
	for _, children := range o.children {
		for _, child := range slices.Clone(children) {
			s.remove(child)
		}
	}
	for _, k := range s.schema {
		if k.of != o.kind.name || k.links != "" {
			continue
		}
		for _, standIn := range slices.Clone(s.all[k.name]) {
			if standIn.standsFor == o {
				s.remove(standIn)
			}
		}
	}
	s.eachReference(o, func(map[string]any) map[string]any { return nil })
	for _, name := range o.kind.retained {
		s.retired[retirement(o.kind, name, o.props[name])] = true
	}
	s.forget(o)
}

func (s *store) forget(o *object) {
	same := func(other *object) bool { return other == o }
	if !o.kind.foreign() {
		delete(s.byID, o.id())
	}
	s.all[o.kind.name] = slices.DeleteFunc(s.all[o.kind.name], same)
	if o.parent != nil {
		o.parent.children[o.kind.name] = slices.DeleteFunc(o.parent.children[o.kind.name], same)
	}
}

// retirement is how the store remembers a value that stays taken.
func retirement(k *kind, property string, value any) string {
	return k.name + " " + property + " " + text(value)
}
