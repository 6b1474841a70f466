// SPDX-License-Identifier: MPL-2.0

package emulator

import "slices"

// rpcBody is an object that V2 was sent, in the words of V3.
type rpcBody struct {
	rpcObjects
	body     map[string]any
	parent   *object
	problems []problem
	// shelter makes the parent where there is none yet; nil: it need not.
	shelter func() *object
}

// convert puts what V2 was sent in V3's words. A new object also needs a parent,
// if its kind has one; unknown fields are ignored [V2 docs, Creating Objects].
func (x rpcObjects) convert(sent map[string]any, fresh bool) *rpcBody {
	b := &rpcBody{rpcObjects: x, body: map[string]any{}}
	for column, property := range x.kind.columns(x.typ) {
		if value, is := sent[column]; is && property != numberColumn && property != "id" {
			b.body[property] = value
		}
	}
	for _, r := range x.kind.refs {
		if value, is := sent[snake(r.property)]; is {
			b.body[r.property] = b.reference(r, value)
		}
	}
	for _, name := range x.kind.children {
		b.nest(x.store.schema[name], sent)
	}
	if !fresh {
		return b
	}
	var standsFor *object
	if x.kind.of != "" {
		if standsFor = b.related(x.store.schema[x.kind.of], sent); standsFor != nil {
			b.body[x.kind.refer] = standsFor.id()
		}
	}
	if x.kind.within != nil {
		b.adopt(sent, standsFor)
	}
	return b
}

// reference is a property that names other objects by V2's ids, with V3's.
func (b *rpcBody) reference(r ref, value any) any {
	to := b.store.schema[r.kind]
	if len(to.types) == 0 {
		return value
	}
	one := func(value any) any {
		if value == nil {
			return map[string]any{"id": nil}
		}
		return map[string]any{"id": rpcObjects{b.store, to, to.types[0]}.idOf(value)}
	}
	list, isList := value.([]any)
	if !r.many || !isList {
		return one(value)
	}
	var named []any
	for _, value := range list {
		named = append(named, one(value))
	}
	return named
}

// nest converts the objects nested in what was sent.
func (b *rpcBody) nest(k *kind, sent map[string]any) {
	for _, t := range k.types {
		list, isList := sent[t.table].([]any)
		if !isList {
			continue
		}
		converted := []any{}
		for _, item := range list {
			child, _ := item.(map[string]any)
			x := rpcObjects{b.store, k, t}
			inner := x.convert(child, k.of != "")
			inner.fill()
			if child[t.key] != nil && !k.foreign() {
				inner.body["id"] = x.idOf(child)
			}
			converted = append(converted, inner.body)
		}
		b.body[k.path()] = converted
		return
	}
}

// related gives the object of a kind that was sent along, under any name V2 has
// for that; nil: none, or none that exists.
func (b *rpcBody) related(k *kind, sent map[string]any) *object {
	for _, t := range k.types {
		for _, field := range []string{t.name, t.key} {
			value, is := sent[field]
			if !is || field == "id" {
				continue
			}
			o := rpcObjects{b.store, k, t}.find(value)
			if o == nil {
				b.problems = append(b.problems, problem{field, "There is no " + t.name + " of that " + t.key + ".", wrong})
			}
			return o
		}
	}
	return nil
}

// adopt finds the parent of a new object. An object that stands for another may
// be sent with its parent's parent: what is between the two follows, and is
// made if need be (chosen; migration scripts create a plan's endpoint so).
func (b *rpcBody) adopt(sent map[string]any, standsFor *object) {
	up := b.kind.within
	if b.parent = b.related(up, sent); b.parent != nil || len(b.problems) > 0 {
		return
	}
	if up.of != "" && standsFor != nil && up.within != nil {
		if above := b.related(up.within, sent); above != nil {
			if b.parent = b.store.find(up, above, standsFor.parent.id()); b.parent == nil {
				b.shelter = func() *object {
					return b.store.create(up, above, map[string]any{up.refer: standsFor.parent.id()})
				}
			}
			return
		}
	}
	field := up.name
	if len(up.types) > 0 {
		field = up.types[0].name
	}
	b.problems = append(b.problems, problem{field, "Property '" + field + "' is required.", missing})
}

// fill generates what V2 makes up when it is not sent.
func (b *rpcBody) fill() {
	for _, name := range b.kind.rpcGenerated {
		if _, sent := b.body[name]; !sent {
			b.body[name] = shortID(b.store.ids)
		}
	}
}

// check finds what is wrong with it, as a new object or as a change of old.
func (b *rpcBody) check(old *object) []problem {
	return slices.Concat(b.problems, b.store.check(b.kind, b.parentOf(old), old, b.body))
}

// checkSent is check of what was sent alone: nothing is missing.
func (b *rpcBody) checkSent(old *object) []problem {
	c := &checker{store: b.store, partial: true}
	c.check(b.kind, b.parentOf(old), old, b.body, "")
	sent := slices.DeleteFunc(b.problems, func(p problem) bool { return p.reason == missing })
	return slices.Concat(sent, c.problems)
}

func (b *rpcBody) parentOf(old *object) *object {
	if old != nil {
		return old.parent
	}
	return b.parent
}
