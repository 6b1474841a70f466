// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault"
)

// methodPath is below what a rule for a single V2 method stands.
const methodPath = "proxy/v2/"

// methodRules collects the rules for V2 methods. Vault tells "role.create" from
// "Role.Create", but nobody says that Mashery does; so who forbids the one by name
// must not be got round by the other.
type methodRules struct {
	scopes []scope       // of all methods
	folded map[key]*rule // by their paths with the method in small letters
	deny   bool          // one of them denies
}

// add takes a rule that can match a method. Of those that differ in letters only
// one that denies is kept.
func (m *methodRules) add(k key, r *rule) {
	for _, s := range m.scopes {
		if !s.reached(k) {
			continue
		}
		if m.folded == nil {
			m.folded = map[key]*rule{}
		}
		small := key{k.shape, s.foldLast(k.text)}
		if m.folded[small] == nil || r.denies() {
			m.folded[small] = r
		}
		m.deny = m.deny || r.denies()
	}
}

// methodRight refuses a V2 call whose path or body names a method that the rules
// deny by name, in whatever letters.
func (c *call) methodRight(op logical.Operation, sofar Decision) Decision {
	if !c.req.v2() || op != logical.UpdateOperation {
		return sofar
	}
	method, problem := c.method()
	if problem != nil {
		return *problem
	}
	path := c.role + methodPath
	_, asSpelt := c.rules.calls.match(op, path+method)
	_, inSmall := c.rules.methods.match(op, path+fold(method))
	for _, rule := range []*rule{asSpelt, inSmall} {
		if rule != nil && rule.denies() {
			return denied(capability{"update", vault.UpdateCapabilityInt}, path+method, rule)
		}
	}
	return sofar
}

// method is the V2 method that the path names, or else the body.
func (c *call) method() (string, *Decision) {
	const why = "a rule of the token's policies denies single V2 methods, so "
	method, ok := strings.CutPrefix(c.req.Path, methodPath)
	if !ok {
		data, problem := c.readData()
		if problem != nil {
			return "", problem
		}
		if method, ok = data["method"].(string); !ok {
			return "", badRequest(why + `the body must name its "method"`)
		}
	}
	if !isMethod(method) {
		return "", badRequest(why + `the method must be spelt like one: in letters, digits, "_", "-" and "." only`)
	}
	return method, nil
}

// isMethod tells whether a method's name is letters, digits, "_", "-" and ".",
// so that there is no other way to spell it but in another case.
func isMethod(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-.", c))
	})
}
