// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// Decide tells whether Vault would have allowed the call. It reads the
// request's body only where a rule that concerns the call looks at it.
func (r *Rules) Decide(req *Request) Decision {
	if cause := r.leftToVault(req.Mount); cause != "" {
		return undecidable(cause, r.detail)
	}
	reserved, err := req.reserved()
	if err != nil {
		return *badRequest(err.Error())
	}
	if cause := req.leftToVault(reserved); cause != "" {
		return undecidable(cause, "")
	}
	op, path, err := req.operation(reserved)
	if err != nil {
		return *badRequest(err.Error())
	}
	c := call{rules: r, req: req, role: req.Mount.roles() + req.Role + "/"}
	decision := c.right(op, c.role+path)
	if decision.Verdict == Allowed && req.Verb != "" {
		decision = c.verbRight(op, decision)
	}
	if decision.Verdict == Allowed && len(r.methods.entries) > 0 {
		decision = c.methodRight(op, decision)
	}
	if decision.Verdict == Allowed && !r.readsGrant(req.Mount, c.role, req.v2()) {
		return undecidable(NoGrant, "")
	}
	return decision
}

// leftToVault gives the cause for which Vault must decide every call to the
// mount; "" when there is none.
func (r *Rules) leftToVault(mount Mount) Cause {
	switch {
	case r.cause != "":
		return r.cause
	case mount.Namespace != "" && r.edition == "":
		return NoNamespaces // its rules have other paths than the block says
	case mount.ACLOnly:
		return ""
	default:
		return r.edition
	}
}

// readsGrant tells whether the token may read what the call is signed with, as
// the request for it asks.
func (r *Rules) readsGrant(mount Mount, role string, v2 bool) bool {
	shared := mount.SharedToken && !v2
	path := role + "grant"
	if shared {
		path = role + "token"
	}
	allowed, rule := r.grants.match(logical.ReadOperation, path)
	if rule == nil || !rule.speaks() {
		return allowed
	}
	var data map[string]any
	switch {
	case v2:
		data = map[string]any{"api": "2", "lease": "true"}
	case !shared:
		data = map[string]any{"api": "3", "lease": "true"}
	}
	return r.grants.allows(rule, logical.ReadOperation, path, data)
}

// call is one request on its way through the rules.
type call struct {
	rules *Rules
	req   *Request
	role  string // the role's path, namespace included, with a trailing slash

	data     map[string]any
	problem  *Decision
	dataRead bool
}

// readData reads the request's data once.
func (c *call) readData() (map[string]any, *Decision) {
	if !c.dataRead {
		c.dataRead = true
		c.data, c.problem = c.req.data()
	}
	return c.data, c.problem
}

// right decides one operation; a write to proxy/v2 may also be a create, for
// which upstream's engine asks.
func (c *call) right(op logical.Operation, path string) Decision {
	decision := c.judge(op, path)
	if decision.Verdict == Denied && op == logical.UpdateOperation && c.req.v2() {
		if created := c.judge(logical.CreateOperation, path); created.Verdict != Denied || created.Parameter != "" {
			return created
		}
	}
	return decision
}

// verbRight decides the operation of the verb that the path names, on that same
// path, for which the request itself needed another.
func (c *call) verbRight(requested logical.Operation, sofar Decision) Decision {
	op, err := verbOperation(c.req.Verb)
	if err != nil {
		return *badRequest(err.Error())
	}
	if op == requested {
		return sofar
	}
	return c.judge(op, c.role+c.req.Path)
}

// judge decides one operation on one path. The data are read only if the rule
// that matches looks at them and has the capability at all.
func (c *call) judge(op logical.Operation, path string) Decision {
	needed := capabilityOf(op)
	allowed, rule := c.rules.calls.match(op, path)
	if rule == nil || rule.permissions.CapabilitiesBitmap&needed.bit == 0 {
		if allowed { // a root token
			return Decision{Verdict: Allowed}
		}
		return denied(needed, path, rule)
	}
	if rule.speaks() && looksAtData(op) {
		data, problem := c.readData()
		if problem != nil {
			return *problem
		}
		if allowed = c.rules.calls.allows(rule, op, path, data); !allowed && !rule.wrapped {
			return c.parameterDenied(op, path, rule, needed)
		}
	}
	if !allowed {
		return denied(needed, path, rule)
	}
	return Decision{Verdict: Allowed, Rule: rule.path}
}

// looksAtData tells for which operations AllowOperation looks at parameters.
func looksAtData(op logical.Operation) bool {
	return op == logical.ReadOperation || op == logical.UpdateOperation || op == logical.CreateOperation
}

// capability is what an operation needs (vault/acl.go, AllowOperation).
type capability struct {
	name string
	bit  uint32
}

func capabilityOf(op logical.Operation) capability {
	name := string(op) // Vault gives both the same names, as far as they occur here
	bit, _ := capabilityBit(name)
	return capability{name, bit}
}

func denied(needed capability, path string, rule *rule) Decision {
	d := Decision{Verdict: Denied, Path: path, Capability: needed.name}
	switch {
	case rule == nil:
		d.Text = fmt.Sprintf("the token's Vault policies do not allow this call: no rule matches %q; add one with the capability %q", path, needed.name)
		return d
	case rule.denies():
		d.Text = fmt.Sprintf("the token's Vault policies deny %q: see the rule for %q", path, rule.path)
	case rule.wrapped && rule.permissions.CapabilitiesBitmap&needed.bit > 0:
		d.Text = fmt.Sprintf("the token's Vault policies allow %q with response wrapping only, which a call served here has not: send X-Vault-Wrap-TTL, which leaves the call to Vault, or take the wrapping times out of the rule for %q", path, rule.path)
	default:
		d.Text = fmt.Sprintf("the token's Vault policies do not allow this call: the rule for %q, which decides for %q, lacks the capability %q", rule.path, path, needed.name)
	}
	d.Rule = rule.path
	return d
}

// parameterDenied tells which parameter is at fault, by asking again.
func (c *call) parameterDenied(op logical.Operation, path string, rule *rule, needed capability) Decision {
	d := Decision{Verdict: Denied, Path: path, Capability: needed.name, Rule: rule.path}
	what := "is not allowed there with its value"
	tried := map[string]any{}
	for _, name := range rule.permissions.RequiredParameters {
		value, ok := c.data[strings.ToLower(name)]
		if !ok {
			d.Parameter, what = name, "is required there"
			break
		}
		tried[strings.ToLower(name)] = value
	}
	if d.Parameter == "" {
		d.Parameter = c.fault(op, path, rule, tried)
	}
	d.Text = fmt.Sprintf("the token's Vault policies allow %q on %q, but the parameter %q %s: see the parameters of the rule for %q", needed.name, path, d.Parameter, what, rule.path)
	return d
}

// fault adds the data one by one to those tried, which are required and so can
// only be tried together, until the rules refuse them.
func (c *call) fault(op logical.Operation, path string, rule *rule, tried map[string]any) string {
	required := slices.Sorted(maps.Keys(tried))
	if len(required) > 0 && !c.rules.calls.allows(rule, op, path, tried) {
		return strings.Join(required, ", ")
	}
	for _, name := range slices.Sorted(maps.Keys(c.data)) {
		tried[name] = c.data[name]
		if !c.rules.calls.allows(rule, op, path, tried) {
			return name
		}
	}
	return "*" // not reached: all of the data together are refused
}
