// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// objectList names the types there are [V2 docs, General Object Methods].
func (s *store) objectList(any) (any, *rpcError) {
	names := []string{}
	for _, k := range s.schema {
		for _, t := range k.types {
			names = append(names, t.name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// objectDescribe describes types as JSON schemas; a type that is unknown is left
// out [V2 docs, object.describe].
func (s *store) objectDescribe(params any) (any, *rpcError) {
	names, isList := args(params, "object_types", "locale")[0].([]any)
	if !isList {
		return nil, invalidParams()
	}
	described := []any{}
	for _, name := range names {
		if k, t := s.schema.object(text(name)); k != nil {
			described = append(described, map[string]any{"object_type": t.name, "schema": k.describe(t)})
		}
	}
	return described, nil
}

func (k *kind) describe(t rpcType) map[string]any {
	properties := map[string]any{}
	for column, property := range k.columns(t) {
		properties[column] = k.describeField(t, column, property)
	}
	for name, r := range k.relations {
		described := map[string]any{"type": "object", "title": title(name), "optional": true}
		if r.many {
			described["type"] = "array"
		}
		if properties[name] == nil {
			properties[name] = described
		}
	}
	return map[string]any{"type": "object", "properties": properties}
}

func (k *kind) describeField(t rpcType, column, property string) map[string]any {
	described := map[string]any{"type": "string", "title": title(column)}
	switch k.defaults[property].(type) {
	case bool:
		described["type"] = "boolean"
	case int:
		described["type"] = "integer"
	}
	switch {
	case property == numberColumn:
		described["type"], described["readonly"] = "integer", true
	case property == "id", slices.Contains(k.server, property):
		described["readonly"] = true
	case slices.Contains(k.fixed, property), slices.Contains(k.lasting, property):
		described["createonly"] = true
	}
	if property == "created" || property == "updated" {
		described["format"], described["maxLength"] = "date-time", 20
	}
	if slices.Contains(k.required, property) && !slices.Contains(k.rpcGenerated, property) {
		described["required"] = true
	}
	if column == t.key || slices.Contains(k.unique, property) {
		described["unique"] = true
	}
	if value, has := k.defaults[property]; has {
		described["default"] = value
	}
	return described
}

// title makes "Qps Limit Ceiling" of qps_limit_ceiling.
func title(column string) string {
	parts := strings.Split(column, "_")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, " ")
}

// area describes the area that the call was made to.
func (e *Emulator) area(r *http.Request) map[string]any {
	creds := e.opts.Credentials
	if k := e.keys.get(r.URL.Query().Get("apikey")); k != nil {
		creds = k.creds
	}
	return map[string]any{
		"object_type": "area", "id": creds.AreaNID, "uuid": creds.AreaID,
		"name": "Acme", "status": "active", "created": "2019-03-04T09:12:10Z", "updated": "2019-03-04T09:12:10Z",
	}
}

// memberRole gives member.addRole or member.removeRole: of a member's name and a
// role's id. They answer null [V2 docs], also when there is nothing to change
// (chosen).
func (s *store) memberRole(add bool) rpcMethod {
	return func(params any) (any, *rpcError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		given := args(params, "member", "role")
		memberKind, memberType := s.schema.object("member")
		roleKind, roleType := s.schema.object("role")
		member, failure := rpcObjects{s, memberKind, memberType}.existing(given[0])
		if failure != nil {
			return nil, failure
		}
		role, failure := rpcObjects{s, roleKind, roleType}.existing(given[1])
		if failure != nil {
			return nil, failure
		}
		list, _ := member.props["roles"].([]any)
		list = slices.DeleteFunc(slices.Clone(list), func(one any) bool { return idIn(one) == role.id() })
		if add {
			list = append(list, map[string]any{"id": role.id()})
		}
		s.update(member, map[string]any{"roles": list})
		return nil, nil
	}
}
