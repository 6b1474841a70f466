// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"slices"
	"strings"
)

// target is what a path names: a collection, one object of it, or a part of one.
type target struct {
	kind   *kind
	parent *object // whose collection; nil: the root's
	one    bool    // an object, not the collection
	item   *object // that object
	part   *part   // what of the object; nil: all of it
	inside []string
	preset string // the id of that object, if it has a preset
	gone   bool   // an object on the way does not exist
	class  string // "services/{id}/endpoints"
}

// resolve follows a path through the schema and the objects; false: the schema
// has no such path.
func (s *store) resolve(path []string) (target, bool) {
	k, rest := s.schema.root(path)
	t := target{kind: k, class: strings.Join(path[:len(path)-len(rest)], "/")}
	known := k != nil
	for _, segment := range rest {
		if t, known = s.step(t, segment); !known {
			return target{}, false
		}
	}
	return t, known
}

// step follows one segment of a path.
func (s *store) step(t target, segment string) (target, bool) {
	switch {
	case t.part != nil:
		return t.into(partOf(t.part.parts, segment))
	case !t.one:
		return s.stepFromList(t, segment)
	}
	k := t.kind.nested[segment]
	if k == nil {
		return t.into(partOf(t.kind.parts, segment))
	}
	next := target{kind: k, parent: t.item, gone: t.gone, class: t.class + "/" + segment}
	if k.single {
		next.one = true
		if t.item != nil {
			next.item = firstOf(s.collection(k, t.item))
		}
	}
	return next, true
}

func (s *store) stepFromList(t target, segment string) (target, bool) {
	if k := s.schema.beside(t.kind, segment); k != nil {
		return target{kind: k, class: t.class + "/" + segment}, true
	}
	if t.kind.derive != nil {
		return target{}, false
	}
	t.one, t.class = true, t.class+"/{id}"
	t.item = s.find(t.kind, t.parent, segment)
	if t.kind.presets[segment] != nil {
		t.preset = segment
	}
	t.gone = t.gone || t.item == nil && t.preset == ""
	return t, true
}

func (t target) into(p *part) (target, bool) {
	if p == nil {
		return target{}, false
	}
	t.part, t.inside, t.class = p, append(slices.Clone(t.inside), p.name), t.class+"/"+p.name
	return t, true
}

func firstOf(objects []*object) *object {
	if len(objects) == 0 {
		return nil
	}
	return objects[0]
}
