// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"maps"
	"net/http"
)

// restPart serves a property with a path of its own, such as a service's cache.
func (s *store) restPart(r *http.Request, t target, body any) reply {
	params, problems := parseQuery(r.URL.RawQuery)
	if problems != nil {
		return fail(http.StatusBadRequest, "The query is not valid.", problems...)
	}
	value := t.partValue()
	switch {
	case r.Method == http.MethodPost, r.Method == http.MethodPut:
		sent, refused := t.partSent(r.Method, body, value)
		if refused != nil {
			return *refused
		}
		change := t.partChange(sent)
		if problems := s.check(t.kind, t.parent, t.item, change); problems != nil {
			return fail(http.StatusBadRequest, "Unable to update "+t.part.name+".", problems...)
		}
		s.update(t.item, change)
		value = t.partValue()
	case value == nil && !t.part.list:
		return fail(http.StatusNotFound, "Unable to find "+t.part.name+".")
	case r.Method == http.MethodDelete:
		s.update(t.item, t.partChange(nil))
		if t.item.props[t.inside[0]] == nil {
			delete(t.item.props, t.inside[0])
		}
		return reply{status: http.StatusOK, total: -1}
	}
	return t.partReply(value, parseFields(params["fields"]))
}

// partValue is what the part is now; nil: not set.
func (t target) partValue() any {
	var value any = t.item.props
	for _, name := range t.inside {
		outer, _ := value.(map[string]any)
		value = outer[name]
	}
	return value
}

// partSent reads the part from a body. PUT changes only what it names; a list
// is replaced as a whole.
func (t target) partSent(verb string, body, old any) (any, *reply) {
	object, isObject := body.(map[string]any)
	list, isArray := body.([]any)
	if t.part.wrapped {
		list, isArray = object[t.part.name].([]any)
	}
	switch {
	case t.part.wrapped && !isArray:
		refused := fail(http.StatusBadRequest, "The body is not an object with an array '"+t.part.name+"'.")
		return nil, &refused
	case t.part.list && !isArray:
		refused := fail(http.StatusBadRequest, "The body is not an array.")
		return nil, &refused
	case t.part.list:
		return list, nil
	case !isObject:
		refused := fail(http.StatusBadRequest, "The body is not an object.")
		return nil, &refused
	}
	if before, set := old.(map[string]any); set && verb == http.MethodPut {
		merged := maps.Clone(before)
		maps.Copy(merged, object)
		return merged, nil
	}
	return object, nil
}

// partChange is the change of the object that gives the part a value; nil takes
// it away.
func (t target) partChange(value any) map[string]any {
	if len(t.inside) == 1 {
		return map[string]any{t.inside[0]: value}
	}
	outer, _ := t.item.props[t.inside[0]].(map[string]any)
	outer = maps.Clone(outer)
	if outer == nil {
		outer = map[string]any{}
	}
	if outer[t.inside[1]] = value; value == nil {
		delete(outer, t.inside[1])
	}
	return map[string]any{t.inside[0]: outer}
}

func (t target) partReply(value any, named fields) reply {
	if !t.part.list {
		return success(project(value, named))
	}
	list, _ := value.([]any)
	if list == nil {
		list = []any{}
	}
	rep := success(project(list, named))
	rep.total = len(list)
	return rep
}
