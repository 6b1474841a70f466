// SPDX-License-Identifier: MPL-2.0

package emulator

import "slices"

// rpcObjects are the objects of one of V2's types, for the methods that all
// types have.
type rpcObjects struct {
	store *store
	kind  *kind
	typ   rpcType
}

// objectMethod finds `<type>.<verb>`, or gives nil [V2 docs, resource pages].
func (s *store) objectMethod(space, verb string) rpcMethod {
	k, t := s.schema.object(space)
	if k == nil {
		return nil
	}
	objects := rpcObjects{s, k, t}
	switch verb {
	case "fetch":
		return objects.reading(objects.fetch)
	case "validate":
		return objects.reading(objects.validate)
	case "create":
		return objects.writing(objects.each(objects.create))
	case "update":
		return objects.writing(objects.each(objects.update))
	case "delete":
		return objects.writing(objects.delete)
	}
	return nil
}

func (x rpcObjects) reading(does func(any) (any, *rpcError)) rpcMethod {
	return func(params any) (any, *rpcError) {
		x.store.mu.RLock()
		defer x.store.mu.RUnlock()
		return does(x.only(params))
	}
}

func (x rpcObjects) writing(does func(any) (any, *rpcError)) rpcMethod {
	return func(params any) (any, *rpcError) {
		x.store.mu.Lock()
		defer x.store.mu.Unlock()
		return does(x.only(params))
	}
}

// only gives the one parameter: the first of a list, the one named like the
// type, or all the named ones as an object.
func (x rpcObjects) only(params any) any {
	switch sent := params.(type) {
	case []any:
		return firstValue(sent)
	case map[string]any:
		if one, named := sent[x.typ.name]; named {
			return one
		}
	}
	return params
}

// each lets a method of one object do for a list of them, too [migration
// scripts, plan_endpoint.create]. It ends at the first that is refused.
func (x rpcObjects) each(does func(map[string]any) (*object, *rpcError)) func(any) (any, *rpcError) {
	one := func(param any) (any, *rpcError) {
		body, isObject := param.(map[string]any)
		if !isObject {
			return nil, invalidParams()
		}
		o, failure := does(body)
		if failure != nil {
			return nil, failure
		}
		return o.rpcView(x.typ, nil), nil
	}
	return func(param any) (any, *rpcError) {
		list, isList := param.([]any)
		if !isList {
			return one(param)
		}
		done := []any{}
		for _, param := range list {
			shown, failure := one(param)
			if failure != nil {
				return nil, failure
			}
			done = append(done, shown)
		}
		return done, nil
	}
}

// find gives the object that an id, or an object with it, names; nil: none.
func (x rpcObjects) find(id any) *object {
	if named, isObject := id.(map[string]any); isObject {
		id = named[x.typ.key]
	}
	if id == nil {
		return nil
	}
	i := slices.IndexFunc(x.store.all[x.kind.name], func(o *object) bool {
		if x.typ.property == "" {
			return text(o.number) == text(id)
		}
		return text(o.props[x.typ.property]) == text(id)
	})
	if i < 0 {
		return nil
	}
	return x.store.all[x.kind.name][i]
}

// idOf is V3's id of what find finds.
func (x rpcObjects) idOf(id any) string {
	if o := x.find(id); o != nil {
		return o.id()
	}
	return "none" // no id at all, so that it is found wrong
}

// fetch answers what is not there with null [V2 docs, Fetching Objects].
func (x rpcObjects) fetch(param any) (any, *rpcError) {
	if _, isList := param.([]any); isList || param == nil {
		return nil, invalidParams()
	}
	if o := x.find(param); o != nil {
		return o.rpcView(x.typ, nil), nil
	}
	return nil, nil
}

func (x rpcObjects) create(body map[string]any) (*object, *rpcError) {
	fresh := x.convert(body, true)
	fresh.fill()
	if problems := fresh.check(nil); problems != nil {
		return nil, refused(problems)
	}
	if fresh.parent == nil && fresh.shelter != nil {
		fresh.parent = fresh.shelter()
	}
	return x.store.create(x.kind, fresh.parent, fresh.body), nil
}

func (x rpcObjects) update(body map[string]any) (*object, *rpcError) {
	o, failure := x.existing(body)
	if failure != nil {
		return nil, failure
	}
	change := x.convert(body, false)
	if problems := change.check(o); problems != nil {
		return nil, refused(problems)
	}
	x.store.update(o, change.body)
	return o, nil
}

// existing is find for methods that need the object there is.
func (x rpcObjects) existing(id any) (*object, *rpcError) {
	key := id
	if named, isObject := id.(map[string]any); isObject {
		key = named[x.typ.key]
	}
	if key == nil {
		return nil, noIdentifier(x.typ.key)
	}
	if o := x.find(id); o != nil {
		return o, nil
	}
	return nil, notFound(x.typ, key)
}

// validate tells whether the values that were sent would do, in a new object or
// in a change of what is there; what is not sent is not looked at [V2 docs,
// Validating Fields]. All that is wrong is error 1000 [migration scripts].
func (x rpcObjects) validate(param any) (any, *rpcError) {
	body, isObject := param.(map[string]any)
	if !isObject {
		return nil, invalidParams()
	}
	o := x.find(body)
	if problems := x.convert(body, o == nil).checkSent(o); problems != nil {
		failure := invalid("", "")
		failure.Data = fieldErrors(problems)
		return nil, failure
	}
	return true, nil
}

// delete takes one id or a list of them, and deletes all or none. It answers
// null, also for what was not there [V2 docs, Deleting Objects]; samples show
// true.
func (x rpcObjects) delete(param any) (any, *rpcError) {
	ids, isList := param.([]any)
	if !isList {
		ids = []any{param}
	}
	var objects []*object
	for _, id := range ids {
		if id == nil {
			return nil, invalidParams()
		}
		if o := x.find(id); o != nil && !slices.Contains(objects, o) {
			objects = append(objects, o)
		}
	}
	for _, o := range objects {
		if x.store.heldBy(o) != nil {
			return nil, deleteFailed()
		}
	}
	for _, o := range objects {
		x.store.remove(o)
	}
	return nil, nil
}
