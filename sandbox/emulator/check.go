// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// problem is one thing wrong with a request [V3 docs, Errors].
type problem struct {
	Property string `json:"property"`
	Message  string `json:"message"`
}

// check finds what is wrong with body as a change of old, or (nil) as a new
// object of kind k. at is where in the request body stands, such as
// "endpoints[0].", for the names in the problems.
func (s *store) check(k *kind, old *object, body map[string]any, at string) []problem {
	var problems []problem
	wrong := func(property, format string, args ...any) {
		problems = append(problems, problem{at + property, fmt.Sprintf(format, args...)})
	}
	for _, name := range k.required {
		if value, sent := body[name]; sent && blank(value) || !sent && old == nil {
			wrong(name, "Property '%s' is required.", name)
		}
	}
	for _, name := range k.fixed {
		if value, sent := body[name]; sent && old != nil && text(value) != text(old.props[name]) {
			wrong(name, "Property '%s' cannot be changed.", name)
		}
	}
	for _, name := range k.unique {
		if value, sent := body[name]; sent && s.taken(k, old, name, value) {
			wrong(name, "Property '%s' must be unique.", name)
		}
	}
	for _, name := range k.children {
		problems = append(problems, s.checkChildren(s.schema[name], old, body[name], at+name)...)
	}
	return problems
}

func (s *store) checkChildren(k *kind, parent *object, value any, at string) []problem {
	items, ok := value.([]any)
	if value != nil && !ok {
		return []problem{{at, fmt.Sprintf("Property '%s' is not an array.", at)}}
	}
	var problems []problem
	for i, item := range items {
		where := fmt.Sprintf("%s[%d]", at, i)
		body, ok := item.(map[string]any)
		if !ok {
			problems = append(problems, problem{where, fmt.Sprintf("Property '%s' is not an object.", where)})
			continue
		}
		problems = append(problems, s.check(k, s.named(parent, k.name, body), body, where+".")...)
	}
	return problems
}

// taken tells whether an object other than old has that value.
func (s *store) taken(k *kind, old *object, name string, value any) bool {
	return slices.ContainsFunc(s.all[k.name], func(o *object) bool {
		return o != old && text(o.props[name]) == text(value)
	})
}

func blank(value any) bool {
	s, isText := value.(string)
	return value == nil || isText && strings.TrimSpace(s) == ""
}
