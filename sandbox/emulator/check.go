// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// problem is one thing wrong with a request [V3 docs, Errors].
type problem struct {
	Property string `json:"property"`
	Message  string `json:"message"`
	reason   reason
}

// reason is what V2's error codes tell apart.
type reason int

const (
	wrong reason = iota
	missing
	duplicate
)

// checker collects what is wrong with a body.
type checker struct {
	store *store
	// partial makes it look at nothing but what is sent.
	partial  bool
	problems []problem
}

// check finds what is wrong with body as a change of old, or (nil) as a new
// object of kind k in parent.
func (s *store) check(k *kind, parent, old *object, body map[string]any) []problem {
	return s.checkAt(k, parent, old, body, "")
}

// checkAt is check of a body that stands somewhere in the request, such as at
// "endpoints[0].", for the names in the problems.
func (s *store) checkAt(k *kind, parent, old *object, body map[string]any, at string) []problem {
	c := &checker{store: s}
	c.check(k, parent, old, body, at)
	return c.problems
}

func (c *checker) found(why reason, property, format string, args ...any) {
	c.problems = append(c.problems, problem{property, fmt.Sprintf(format, args...), why})
}

func (c *checker) check(k *kind, parent, old *object, body map[string]any, at string) {
	for _, name := range k.required {
		switch value, sent := body[name]; {
		case sent && blank(value) || !sent && old == nil && !c.partial:
			c.found(missing, at+name, "Property '%s' is required.", name)
		case sent && !isText(value) && !slices.Contains(k.structured, name):
			c.found(wrong, at+name, "Property '%s' is not a text.", name)
		}
	}
	c.checkForms(k, body, at)
	for _, name := range k.fixed {
		if value, sent := body[name]; sent && old != nil && !same(k, name, value, old.props[name]) {
			c.found(wrong, at+name, "Property '%s' cannot be changed.", name)
		}
	}
	for _, name := range k.unique {
		if old != nil && slices.Contains(k.lasting, name) {
			continue
		}
		if value, sent := body[name]; sent && c.store.taken(k, old, name, value) {
			c.found(duplicate, at+name, "Property '%s' must be unique.", name)
		}
	}
	c.checkReferences(k, old, body, at)
	if old == nil {
		c.checkIdentity(k, parent, body, at)
		old = &object{in: c.store, kind: k, parent: parent, standsFor: c.store.target(k, parent, body)}
	}
	for _, name := range k.children {
		c.checkChildren(c.store.schema[name], old, body, at)
	}
}

// checkForms looks at properties that are more than a text.
func (c *checker) checkForms(k *kind, body map[string]any, at string) {
	for _, name := range k.dates {
		value, sent := body[name]
		if _, isDate := parseDate(text(value)); sent && !blank(value) && !isDate {
			c.found(wrong, at+name, "Property '%s' is not a date.", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.lists)) {
		value := body[name]
		list, isArray := value.([]any)
		if value != nil && !isArray {
			c.found(wrong, at+name, "Property '%s' is not an array.", name)
		}
		for i, one := range list {
			object, _ := one.(map[string]any)
			if inner := object[k.lists[name]]; blank(inner) || !isText(inner) {
				c.found(wrong, fmt.Sprintf("%s%s[%d]", at, name, i), "Property '%s' is not an object with a text '%s'.", name, k.lists[name])
			}
		}
	}
}

// checkIdentity looks at the id of a new object whose id is not the store's to
// make.
func (c *checker) checkIdentity(k *kind, parent *object, body map[string]any, at string) {
	property := "id"
	if k.of != "" {
		property = k.refer
	}
	switch {
	case c.partial && body[property] == nil:
		return
	case k.of != "":
		o := c.store.target(k, parent, body)
		if o == nil {
			c.found(wrong, at+property, "There is no %s of that id.", c.store.schema[k.of].label)
			return
		}
		if r, links := c.store.schema[k.of].ref(k.links); links && r.kind == k.of && c.store.leadsTo(r, parent, o) {
			c.found(wrong, at+property, "This %s is that one, or below it.", k.label)
		}
	case k.presets != nil:
		if k.presets[text(body["id"])] == nil {
			c.found(wrong, at+property, "There is no %s of that id.", k.label)
			return
		}
	default:
		return
	}
	draft := k.within != nil && (parent == nil || parent.children == nil)
	if k.links == "" && !draft && c.store.find(k, parent, text(body[property])) != nil {
		c.found(duplicate, at+property, "Property '%s' must be unique.", property)
	}
}

// checkReferences looks at the properties that name other objects.
func (c *checker) checkReferences(k *kind, old *object, body map[string]any, at string) {
	for _, r := range k.refs {
		value, sent := body[r.property]
		if !sent || value == nil {
			continue
		}
		list, isArray := value.([]any)
		if !r.many {
			one, isObject := value.(map[string]any)
			if isObject && one["id"] == nil { // takes the reference away
				continue
			}
			list, isArray = []any{value}, true
		}
		if !isArray {
			c.found(wrong, at+r.property, "Property '%s' is not an array.", r.property)
		}
		for i, one := range list {
			where := at + r.property
			if r.many {
				where = fmt.Sprintf("%s[%d]", where, i)
			}
			c.checkReference(k, r, old, body, c.store.byID[idIn(one)], where)
		}
	}
}

// checkReference looks at one object that a property names; nil: there is none.
func (c *checker) checkReference(k *kind, r ref, old *object, body map[string]any, other *object, where string) {
	label := c.store.schema[r.kind].label
	switch {
	case other == nil || other.kind.name != r.kind:
		c.found(wrong, where, "There is no %s of that id.", label)
	case r.below != "" && !c.isBelow(r, old, body, other):
		c.found(wrong, where, "There is no %s of that id in the %s.", label, r.below)
	case r.kind == k.name && old != nil && c.store.leadsTo(r, other, old):
		c.found(wrong, where, "That %s is this one, or below it.", label)
	}
}

// isBelow tells whether an object is nested in the one that another property
// names, in body or already.
func (c *checker) isBelow(r ref, old *object, body map[string]any, other *object) bool {
	above := idIn(body[r.below])
	if above == "" && old != nil {
		above = idIn(old.props[r.below])
	}
	return other.parent.id() == above || above == "" && c.partial
}

func (c *checker) checkChildren(k *kind, parent *object, body map[string]any, at string) {
	at += k.path()
	value := body[k.path()]
	items, ok := value.([]any)
	if one, isObject := value.(map[string]any); isObject && k.single {
		items, ok = []any{one}, true
	}
	if value != nil && !ok {
		c.found(wrong, at, "Property '%s' is not an array.", at)
	}
	for i, item := range items {
		where := fmt.Sprintf("%s[%d]", at, i)
		child, ok := item.(map[string]any)
		if !ok {
			c.found(wrong, where, "Property '%s' is not an object.", where)
			continue
		}
		old := c.store.named(parent, k, child)
		if stored := parent.children != nil; stored && old == nil && idIn(child) != "" && !k.foreign() {
			c.found(wrong, where+".id", "There is no %s of that id.", k.label)
			continue
		}
		c.check(k, parent, old, child, where+".")
	}
}

// taken tells whether an object other than old has that value, or had it and it
// stays taken.
func (s *store) taken(k *kind, old *object, name string, value any) bool {
	return s.retired[retirement(k, name, value)] || slices.ContainsFunc(s.all[k.name], func(o *object) bool {
		return o != old && text(o.props[name]) == text(value)
	})
}

// same tells whether a property would stay what it is.
func same(k *kind, property string, a, b any) bool {
	if _, refers := k.ref(property); refers {
		return idIn(a) == idIn(b)
	}
	return text(a) == text(b)
}

func isText(value any) bool {
	_, is := value.(string)
	return is
}

func blank(value any) bool {
	s, isText := value.(string)
	return value == nil || isText && strings.TrimSpace(s) == ""
}
