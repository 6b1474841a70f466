// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// dateFormat is V3's [Go client's types]; dates in it sort as text.
const dateFormat = "2006-01-02T15:04:05.000-0700"

// object is one thing an administrator manages.
type object struct {
	kind   *kind
	number int // V2's id
	parent *object
	props  map[string]any // as decoded from JSON; replaced, never changed inside
	// children are the nested objects by the name of their kind.
	children map[string][]*object
}

func (o *object) id() string { return o.props["id"].(string) }

// store holds every object. Its methods want mu held, for writing by those that write.
type store struct {
	mu     sync.RWMutex
	schema schema
	all    map[string][]*object // by kind, in the order they were made
	byID   map[string]*object   // ids are unique over all kinds
	ids    io.Reader            // seeded: the same ids every time
	now    func() time.Time
	number int
}

func newStore(now func() time.Time) *store {
	return &store{
		schema: masherySchema(),
		all:    map[string][]*object{},
		byID:   map[string]*object{},
		ids:    rand.NewChaCha8([32]byte([]byte("mashery objects, same every time"))),
		now:    now,
	}
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

// target is what a path names: a collection, or one object of it.
type target struct {
	kind   *kind
	parent *object // whose collection; nil: the root's
	one    bool    // an object, not the collection
	item   *object // that object
	gone   bool    // an object on the way does not exist
	class  string  // "services/{id}/endpoints"
}

// resolve follows a path through the schema and the objects; false: the schema
// has no such path.
func (s *store) resolve(path []string) (target, bool) {
	var t target
	for i, segment := range path {
		if i%2 == 1 {
			t.one, t.class = true, t.class+"/{id}"
			t.item = s.find(t.kind, t.parent, segment)
			t.gone = t.gone || t.item == nil
			continue
		}
		k := s.schema.root(segment)
		if t.kind != nil {
			k = s.schema.child(t.kind, segment)
		}
		if k == nil {
			return target{}, false
		}
		t = target{kind: k, parent: t.item, gone: t.gone, class: strings.TrimPrefix(t.class+"/"+segment, "/")}
	}
	return t, t.kind != nil
}

// find gives the object of that id in parent's (nil: the root's) collection, or nil.
func (s *store) find(k *kind, parent *object, id string) *object {
	o := s.byID[id]
	if o == nil || o.kind != k || parent != nil && o.parent != parent {
		return nil
	}
	return o
}

// collection gives the objects of a kind, of one parent or (nil) all of them.
func (s *store) collection(k *kind, parent *object) []*object {
	if parent != nil {
		return parent.children[k.name]
	}
	return s.all[k.name]
}

// create makes an object of what check found nothing wrong with, and the
// objects nested in it.
func (s *store) create(k *kind, parent *object, body map[string]any) *object {
	s.number++
	now := s.now().UTC().Format(dateFormat)
	o := &object{
		kind: k, number: s.number, parent: parent, children: map[string][]*object{},
		props: map[string]any{"id": k.newID(s.ids), "created": now, "updated": now},
	}
	for name, value := range k.defaults {
		o.props[name] = value
	}
	for _, name := range k.generated {
		o.props[name] = shortID(s.ids)
	}
	for _, name := range k.inherited {
		o.props[name] = parent.props[name]
	}
	s.byID[o.id()] = o
	s.all[k.name] = append(s.all[k.name], o)
	if parent != nil {
		parent.children[k.name] = append(parent.children[k.name], o)
	}
	s.set(o, body)
	return o
}

// update changes the properties body names, and the objects nested in it
// [V3 docs, Resource Hierarchy].
func (s *store) update(o *object, body map[string]any) {
	o.props["updated"] = s.now().UTC().Format(dateFormat)
	if revision, ok := o.props["revisionNumber"].(int); ok {
		o.props["revisionNumber"] = revision + 1
	}
	s.set(o, body)
}

func (s *store) set(o *object, body map[string]any) {
	for name, value := range body {
		if o.kind.takes(name, value) {
			o.props[name] = value
		}
	}
	for _, name := range o.kind.children {
		items, _ := body[name].([]any)
		for _, item := range items {
			child := item.(map[string]any)
			if old := s.named(o, name, child); old != nil {
				s.update(old, child)
			} else {
				s.create(s.schema[name], o, child)
			}
		}
	}
}

// named gives the child of o that body names by its id, or nil.
func (s *store) named(o *object, kind string, body map[string]any) *object {
	id, _ := body["id"].(string)
	if o == nil || id == "" {
		return nil
	}
	return s.find(s.schema[kind], o, id)
}

// remove deletes an object and all that is nested in it.
func (s *store) remove(o *object) {
	for _, children := range o.children {
		for _, child := range slices.Clone(children) {
			s.remove(child)
		}
	}
	same := func(other *object) bool { return other == o }
	delete(s.byID, o.id())
	s.all[o.kind.name] = slices.DeleteFunc(s.all[o.kind.name], same)
	if o.parent != nil {
		o.parent.children[o.kind.name] = slices.DeleteFunc(o.parent.children[o.kind.name], same)
	}
}
