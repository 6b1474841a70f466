// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// fields are the properties a request names, as a tree: "a,b.c" is {a, b: {c}}.
// Empty: the implicit ones.
type fields map[string]fields

// parseFields reads comma lists of dotted paths [V3 docs, Pagination].
func parseFields(lists []string) fields {
	root := fields{}
	for _, list := range lists {
		for path := range strings.SplitSeq(list, ",") {
			at := root
			for name := range strings.SplitSeq(strings.TrimSpace(path), ".") {
				if name == "" {
					break
				}
				if at[name] == nil {
					at[name] = fields{}
				}
				at = at[name]
			}
		}
	}
	return root
}

// view gives an object as V3 shows it: the properties that were named, or the
// implicit ones that are set. A named property without a value is null (chosen).
func (o *object) view(named fields) map[string]any {
	shown := map[string]any{}
	if len(named) == 0 {
		o.viewUnasked(shown)
		return shown
	}
	for name, inner := range named {
		value, set := o.value(name)
		objects, k := o.related(name)
		switch {
		case k != nil && k.single:
			shown[name] = nil
			if one := firstOf(objects); one != nil {
				shown[name] = one.view(inner)
			}
		case k != nil:
			shown[name] = views(objects, inner)
		case slices.Contains(o.kind.writeOnly, name):
		case set || o.kind.knows(name):
			shown[name] = project(value, inner)
		}
	}
	return shown
}

func (o *object) viewUnasked(shown map[string]any) {
	for _, name := range o.kind.implicit {
		if objects, k := o.related(name); k != nil {
			shown[name] = views(objects, nil)
		} else if value, set := o.value(name); set {
			shown[name] = value
		}
	}
	for name, value := range o.props {
		if o.kind.extended && !o.kind.knows(name) {
			shown[name] = value
		}
	}
}

// related gives the objects that a property shows, and their kind; nil: it is
// no such property.
func (o *object) related(property string) ([]*object, *kind) {
	if k := o.kind.nested[property]; k != nil {
		return o.in.collection(k, o), k
	}
	steps, ok := o.kind.through[property]
	if !ok {
		return nil, nil
	}
	var found []*object
	for _, child := range o.children[steps[0]] {
		found = append(found, child.children[steps[1]]...)
	}
	return found, o.in.schema[steps[1]]
}

func views(objects []*object, named fields) []map[string]any {
	shown := make([]map[string]any, len(objects))
	for i, o := range objects {
		shown[i] = o.view(named)
	}
	return shown
}

// project keeps of a structured value what was named.
func project(value any, named fields) any {
	if len(named) == 0 {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, inner := range named {
			if part, ok := v[name]; ok {
				kept[name] = project(part, inner)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, part := range v {
			kept[i] = project(part, named)
		}
		return kept
	}
	return value
}

// values gives all values at a dotted path, through nested objects and arrays.
func (o *object) values(path []string) []any {
	objects, k := o.related(path[0])
	if k == nil {
		value, _ := o.value(path[0])
		return inside(value, path[1:])
	}
	if len(path) == 1 {
		return nil
	}
	var found []any
	for _, one := range objects {
		found = append(found, one.values(path[1:])...)
	}
	return found
}

func inside(value any, path []string) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		var found []any
		for _, part := range v {
			found = append(found, inside(part, path)...)
		}
		return found
	case map[string]any:
		if len(path) == 0 {
			return nil
		}
		return inside(v[path[0]], path[1:])
	}
	if len(path) > 0 {
		return nil
	}
	return []any{value}
}

// text is a plain value as text; structured ones as JSON.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any, []any:
		return string(encode(v))
	}
	return fmt.Sprint(value)
}

// number is a value as a number, if it is one.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case int:
		return float64(v), true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	}
	return 0, false
}

// compare orders two values: numbers by size, all else as text regardless of case.
func compare(a, b any) int {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(strings.ToLower(text(a)), strings.ToLower(text(b)))
}
