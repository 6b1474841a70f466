// SPDX-License-Identifier: MPL-2.0

package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/internalshared/configutil"
)

// stanza is what may stand in one kind of block.
type stanza struct {
	path   string         // "vault.retry"; "" for the top of a file
	keys   map[string]key // by lower-case name
	labels int            // how many names the block may have
	free   bool           // any key may stand in it
	hint   string         // where keys that do not belong here usually belong
}

// key is one name in a stanza.
type key struct {
	block *stanza   // nil for a plain value
	value valueType // of a plain value, as far as it is known
}

// topLevel is all that may stand in a file. Most names come from the `hcl`
// tags of the types Vault's loader fills. The table adds what it reads by hand
// (command/proxy/config/config.go, internalshared/configutil) and ours.
func topLevel() *stanza {
	top := stanzaOf("", config.Config{}, configutil.SharedConfig{})
	top.add("listener", stanzaOf("listener", configutil.Listener{}).named("type"))
	top.add("telemetry", stanzaOf("telemetry", configutil.Telemetry{}))
	top.add("user_lockout", stanzaOf("user_lockout", configutil.UserLockout{}).named("type"))
	top.add("cloud", stanzaOf("cloud", configutil.HCPLinkConfig{}))
	for _, name := range []string{"seal", "kms", "hsm", "entropy"} {
		top.add(name, &stanza{path: name, labels: 1, free: true})
	}

	auth := top.keys["auto_auth"].block
	auth.add("method", stanzaOf("auto_auth.method", config.Method{}).named("type").withConfig())
	auth.add("sink", stanzaOf("auto_auth.sink", config.Sink{}).named("type").withConfig())
	top.keys["api_proxy"].block.keys["use_auto_auth_token"] = key{} // may be "force"; checkForce and Vault's loader know
	top.keys["cache"].block.keys["persist"].block.named("type")
	top.keys["listener"].block.add("custom_response_headers", &stanza{free: true})

	ours := (&stanza{path: "mashery", labels: 1, keys: map[string]key{}}).withOwn(masheryBlock{}).withOwn(rulesBlock{})
	ours.add("tls", (&stanza{path: "mashery.tls", keys: map[string]key{}}).withOwn(tlsBlock{}))
	top.add("mashery", ours)
	top.keys["listener"].block.withOwn(rulesBlock{})
	top.keys["compat"] = key{}
	return top
}

// withOwn adds the names from the tags of a struct that gohcl decodes into.
func (s *stanza) withOwn(v any) *stanza {
	schema, _ := gohcl.ImpliedBodySchema(v)
	for _, attr := range schema.Attributes {
		s.keys[attr.Name] = key{}
	}
	return s
}

// stanzaOf takes the names from the tags of structs, as hcl.DecodeObject does.
// Fields without a tag are left out: HCL 1 would take their Go names for keys,
// which nobody means.
func stanzaOf(path string, structs ...any) *stanza {
	s := &stanza{path: path, keys: map[string]key{}}
	for _, v := range structs {
		s.addFields(reflect.TypeOf(v))
	}
	return s
}

func (s *stanza) addFields(t reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("hcl"), ",")
		if name == "" || name == "-" {
			continue
		}
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct {
			s.keys[strings.ToLower(name)] = key{value: typeOf(t, field)}
			continue
		}
		sub := stanzaOf(s.join(name))
		sub.addFields(inner)
		s.add(name, sub)
	}
}

func (s *stanza) add(name string, block *stanza) { s.keys[strings.ToLower(name)] = key{block: block} }

// named is for a block whose kind is its label or the value of a key.
func (s *stanza) named(name string) *stanza {
	s.labels = 1
	s.keys[name] = key{}
	return s
}

// withConfig is for a block that has its own settings in `config`.
func (s *stanza) withConfig() *stanza {
	s.add("config", &stanza{path: s.join("config"), free: true})
	s.hint = "Settings of the " + s.path[strings.LastIndexByte(s.path, '.')+1:] + " itself go into its config = { … }."
	return s
}

func (s *stanza) join(name string) string { return strings.TrimPrefix(s.path+"."+name, ".") }

// where is how a person would say that something stands in s.
func (s *stanza) where() string {
	if s.path == "" {
		return "the top level"
	}
	return s.path
}

func (s *stanza) names() []string { return slices.Sorted(maps.Keys(s.keys)) }

// homes tells for every name in which stanzas, at and below s, it may stand.
func (s *stanza) homes() map[string][]string {
	all := map[string][]string{}
	s.collect(all)
	return all
}

func (s *stanza) collect(all map[string][]string) {
	for _, name := range s.names() {
		all[name] = append(all[name], s.where())
		if block := s.keys[name].block; block != nil && !block.free {
			block.collect(all)
		}
	}
}
