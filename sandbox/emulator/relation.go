// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"slices"
	"strings"
	"unicode"
)

// rpcType is what V2 calls a kind: the type of one object, and the table of all
// of them in queries. key names the field by which one is found; property is
// V3's name of that, "" when it is V2's own number.
type rpcType struct {
	name, table   string
	key, property string
}

// numberColumn stands for the number V2 gives every object, which is no
// property of V3's.
const numberColumn = "#"

// relation is how V2 goes from an object to others.
type relation struct {
	kind *kind
	typ  rpcType
	many bool
	find func(*object) []*object
}

// relate finds what V2 can reach from each kind, by the name it has there:
// those it is nested in, those nested in it, and those one refers to.
func (s schema) relate() {
	for _, k := range s {
		if len(k.types) == 0 {
			continue
		}
		k.relations, k.columnsOf = map[string]relation{}, map[string]map[string]string{}
		for _, t := range k.types {
			k.columnsOf[t.name] = k.fields(t)
		}
		for up, depth := k.within, 1; up != nil; up, depth = up.within, depth+1 {
			k.toOne(up, func(o *object) *object { return o.ancestor(depth) })
		}
		s.relateDown(k, k, func(o *object) []*object { return []*object{o} })
		if k.of != "" {
			k.toOne(s[k.of], func(o *object) *object { return o.standsFor })
		}
		k.toOne(k, func(o *object) *object { return o })
	}
	for _, k := range s {
		for _, r := range k.refs {
			s.relateRef(k, r)
		}
	}
}

func (k *kind) toOne(to *kind, find func(*object) *object) {
	for _, t := range to.types {
		k.relateAs(t.name, relation{to, t, false, func(o *object) []*object {
			if one := find(o); one != nil {
				return []*object{one}
			}
			return nil
		}})
	}
}

// relateAs adds a relation, unless a nearer one has the name.
func (k *kind) relateAs(name string, r relation) {
	if _, taken := k.relations[name]; !taken && k.relations != nil {
		k.relations[name] = r
	}
}

func (s schema) relateDown(from, k *kind, find func(*object) []*object) {
	for _, name := range k.children {
		below := func(o *object) []*object {
			var found []*object
			for _, one := range find(o) {
				found = append(found, one.children[name]...)
			}
			return found
		}
		for _, t := range s[name].types {
			from.relateAs(t.table, relation{s[name], t, true, below})
		}
		s.relateDown(from, s[name], below)
	}
}

// relateRef makes a reference a relation, there and back.
func (s schema) relateRef(k *kind, r ref) {
	to := s[r.kind]
	for _, t := range to.types {
		k.relateAs(snake(r.property), relation{to, t, r.many, func(o *object) []*object { return o.referred(r) }})
	}
	for _, t := range k.types {
		to.relateAs(t.table, relation{k, t, true, func(o *object) []*object {
			var found []*object
			for _, other := range o.in.all[k.name] {
				if other.refersTo(r, o.id()) {
					found = append(found, other)
				}
			}
			return found
		}})
	}
}

func (o *object) ancestor(depth int) *object {
	for ; o != nil && depth > 0; depth-- {
		o = o.parent
	}
	return o
}

// table gives what V2's query language calls so; nil: nothing.
func (s schema) table(name string) (*kind, rpcType) {
	return s.typed(func(t rpcType) bool { return t.table == name })
}

// object gives what V2's methods call so; nil: nothing.
func (s schema) object(name string) (*kind, rpcType) {
	return s.typed(func(t rpcType) bool { return t.name == name })
}

func (s schema) typed(is func(rpcType) bool) (*kind, rpcType) {
	for _, k := range s {
		if i := slices.IndexFunc(k.types, is); i >= 0 {
			return k, k.types[i]
		}
	}
	return nil, rpcType{}
}

// columns are the simple fields of a type, which V2 writes names_so: the V3
// property of each.
func (k *kind) columns(t rpcType) map[string]string { return k.columnsOf[t.name] }

func (k *kind) fields(t rpcType) map[string]string {
	columns := map[string]string{"id": numberColumn, "uuid": "id"}
	if t.property == "id" {
		columns = map[string]string{t.key: "id"}
	}
	for _, property := range slices.Concat(k.implicit, k.explicit) {
		if property != "id" && !slices.Contains(k.structured, property) && k.nested[property] == nil {
			columns[snake(property)] = property
		}
	}
	return columns
}

// snake turns qpsLimitCeiling into qps_limit_ceiling.
func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
