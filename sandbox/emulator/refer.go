// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"maps"
	"slices"
)

// idIn gives the id that a reference holds, or "".
func idIn(value any) string {
	shown, _ := value.(map[string]any)
	id, _ := shown["id"].(string)
	return id
}

// refer sets a property that names other objects, and adds their names to it.
func (s *store) refer(o *object, r ref, value any) {
	if r.many {
		kept := []any{}
		sent, _ := value.([]any)
		for _, one := range sent {
			shown, _ := one.(map[string]any)
			kept = append(kept, s.stamped(shown, s.byID[idIn(one)]))
		}
		o.props[r.property] = kept
		return
	}
	if idIn(value) == "" {
		delete(o.props, r.property)
		return
	}
	o.props[r.property] = s.stamped(value.(map[string]any), s.byID[idIn(value)])
}

// stamped is a reference with the name of what it refers to.
func (s *store) stamped(shown map[string]any, o *object) map[string]any {
	shown = maps.Clone(shown)
	if name, has := o.props["name"]; has {
		shown["name"] = name
	}
	return shown
}

// eachReference replaces every reference to o by what change makes of it; nil
// takes it away.
func (s *store) eachReference(o *object, change func(map[string]any) map[string]any) {
	for _, k := range s.schema {
		for _, r := range k.refs {
			if r.kind != o.kind.name {
				continue
			}
			for _, holder := range s.all[k.name] {
				holder.changeReference(r, o.id(), change)
			}
		}
	}
}

func (o *object) changeReference(r ref, id string, change func(map[string]any) map[string]any) {
	if !o.refersTo(r, id) {
		return
	}
	if !r.many {
		changed := change(o.props[r.property].(map[string]any))
		if o.props[r.property] = changed; changed == nil {
			delete(o.props, r.property)
		}
		return
	}
	kept := []any{}
	for _, one := range o.props[r.property].([]any) {
		if idIn(one) != id {
			kept = append(kept, one)
		} else if changed := change(one.(map[string]any)); changed != nil {
			kept = append(kept, changed)
		}
	}
	o.props[r.property] = kept
}

// refersTo tells whether the property names the object of that id.
func (o *object) refersTo(r ref, id string) bool {
	list, _ := o.props[r.property].([]any)
	if !r.many {
		list = []any{o.props[r.property]}
	}
	return slices.ContainsFunc(list, func(one any) bool { return idIn(one) == id })
}

// leadsTo tells whether references, followed from one object to the next, come
// to o.
func (s *store) leadsTo(r ref, from, o *object) bool {
	for range s.all[o.kind.name] { // and no longer, should they lead in a circle
		if from == nil || from == o {
			break
		}
		from = firstOf(from.referred(r))
	}
	return from == o
}

// referred gives the objects a property names.
func (o *object) referred(r ref) []*object {
	list, _ := o.props[r.property].([]any)
	if !r.many {
		list = []any{o.props[r.property]}
	}
	var found []*object
	for _, one := range list {
		if other := o.in.byID[idIn(one)]; other != nil {
			found = append(found, other)
		}
	}
	return found
}

// heldBy gives an object that keeps o, or something nested in it, from being
// deleted; nil: none does.
func (s *store) heldBy(o *object) *object {
	for _, k := range s.schema {
		for _, r := range k.refs {
			if !r.holds || r.kind != o.kind.name {
				continue
			}
			for _, holder := range s.all[k.name] {
				if holder.refersTo(r, o.id()) {
					return holder
				}
			}
		}
	}
	for _, children := range o.children {
		for _, child := range children {
			if holder := s.heldBy(child); holder != nil {
				return holder
			}
		}
	}
	return nil
}

// target gives the object that body, a new object of a kind that stands for
// others, stands for; nil: there is none, or it is not below what the parent
// stands for.
func (s *store) target(k *kind, parent *object, body map[string]any) *object {
	id, _ := body[k.refer].(string)
	o := s.byID[id]
	if o == nil || o.kind != s.schema[k.of] {
		return nil
	}
	if parent != nil && parent.standsFor != nil && o.parent != parent.standsFor {
		return nil
	}
	return o
}

// linked gives the objects whose property names parent.
func (s *store) linked(k *kind, parent *object) []*object {
	r, _ := s.schema[k.of].ref(k.links)
	return slices.DeleteFunc(slices.Clone(s.all[k.of]), func(o *object) bool {
		return parent == nil || !o.refersTo(r, parent.id())
	})
}

// link makes the object body names one of those that name parent.
func (s *store) link(k *kind, parent *object, body map[string]any) *object {
	o := s.target(k, nil, body)
	s.update(o, map[string]any{k.links: map[string]any{"id": parent.id()}})
	return o
}

// unlink undoes link.
func (s *store) unlink(k *kind, o *object) {
	s.update(o, map[string]any{k.links: nil})
}
