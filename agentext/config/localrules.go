// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/zclconf/go-cty/cty"

	"mashproxy/agentext/config/hcl1"
	"mashproxy/agentext/localrules"
)

// rulesBlock are the keys of local rules as they are written, in a listener or
// a mashery block. A nil field is not there.
type rulesBlock struct {
	Roles       []string                       `hcl:"roles,optional"`
	Methods     []string                       `hcl:"methods,optional"`
	V3Paths     []string                       `hcl:"v3_paths,optional"`
	V2Methods   []string                       `hcl:"v2_methods,optional"`
	V2Arguments map[string]map[string][]string `hcl:"v2_arguments,optional"`
	VaultPaths  []string                       `hcl:"vault_paths,optional"`
	Rest        hcl.Body                       `hcl:",remain"`
}

// isRule tells whether a key is one of these.
func isRule(key string) bool {
	schema, _ := gohcl.ImpliedBodySchema(rulesBlock{})
	return slices.ContainsFunc(schema.Attributes, func(rule hcl.AttributeSchema) bool { return strings.EqualFold(rule.Name, key) })
}

// rules reads the rules in a body. Who names it in refusals.
func (l *loader) rules(body hcl.Body, who string) *localrules.Rules {
	var raw rulesBlock
	l.diags = append(l.diags, plainTypes(gohcl.DecodeBody(body, nil, &raw))...)
	attrs, _ := body.JustAttributes()
	at := func(key string) hcl.Range { return valueAt(attrs, key, body.MissingItemRange()) }
	l.nullRules(attrs)
	rules, problems := localrules.New(localrules.Spec{
		Roles: raw.Roles, Methods: raw.Methods, V3Paths: raw.V3Paths, V2Methods: raw.V2Methods, V2Arguments: raw.V2Arguments,
		VaultPaths: raw.VaultPaths,
		Place: func(key string) string {
			place := at(key)
			return fmt.Sprintf("%s (%s:%d)", who, place.Filename, place.Start.Line)
		},
	})
	for _, p := range problems {
		l.error(at(p.Key), p.Text, p.Advice)
	}
	return rules
}

// nullRules refuses JSON's null: it would be taken for a key that is not there,
// by which everything is allowed.
func (l *loader) nullRules(attrs hcl.Attributes) {
	for name, attr := range attrs {
		if !isRule(name) {
			continue
		}
		if value, diags := attr.Expr.Value(nil); !diags.HasErrors() && holdsNull(value) {
			l.error(attr.Expr.Range(), wrongType, fmt.Sprintf("%s must hold no null: leave a key out to narrow nothing, or write [] to allow nothing.", name))
		}
	}
}

func holdsNull(value cty.Value) (found bool) {
	// The function returns no error, so there is none.
	_ = cty.Walk(value, func(_ cty.Path, part cty.Value) (bool, error) {
		found = found || part.IsNull()
		return true, nil
	})
	return found
}

// listenerRules reads the rules of a listener.
func (l *loader) listenerRules(f *file, it *ast.ObjectItem, ln *configutil.Listener) *localrules.Rules {
	i := slices.IndexFunc(inside(it), func(key *ast.ObjectItem) bool { return isRule(hcl1.Name(key.Keys[0])) })
	if i < 0 {
		return nil
	}
	first := inside(it)[i]
	name, at := hcl1.Name(first.Keys[0]), f.tree.ItemRange(first)
	switch {
	case len(l.blocks) == 0 && !l.broken:
		l.error(at, fmt.Sprintf("%s without a mashery block", name),
			"Local rules narrow what is served here, and without a mashery block nothing is. Add the block, or take the key out of the listener.")
	case ln.Role == metricsOnly:
		l.error(at, fmt.Sprintf("%s has no effect here", name),
			`A listener with role = "metrics_only" serves no calls, so there are none to narrow. Take the key out.`)
	}
	return l.rules(f.tree.BodyOf(it), fmt.Sprintf("listener %q", ln.Address))
}
