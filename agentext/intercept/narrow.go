// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"mashproxy/agentext/admin"
	"mashproxy/agentext/apierror"
	"mashproxy/agentext/localrules"
	"mashproxy/agentext/policy"
	"mashproxy/mashery"
)

// narrow refuses a call to Mashery that the local rules of its listener or its
// block do not allow.
func (c *route) narrow(r *http.Request, body *policy.Body) *apierror.Error {
	limitsV2 := false
	for _, rules := range c.rules {
		if err := c.allowedBy(rules, r); err != nil {
			return ruledOut(on(c.fullPath(), err))
		}
		limitsV2 = limitsV2 || rules.LimitsV2()
	}
	if c.api != mashery.V2 || !limitsV2 {
		return nil
	}
	envelope, refusal := c.readEnvelope(r.Header, body)
	if refusal != nil {
		return refusal
	}
	for _, rules := range c.rules {
		if err := rules.V2(envelope.Method, envelope.Data["params"]); err != nil {
			return ruledOut(on(c.fullPath(), err))
		}
	}
	return nil
}

// fullPath is the call's path as a policy would have it.
func (c *route) fullPath() string { return c.mount.Path() + "/roles/" + c.role + "/" + c.below }

// on names the path in the error of a rule that speaks of something else.
func on(path string, err error) error { return fmt.Errorf("%q: %w", path, err) }

// allowedBy judges what the request's first line says of the call.
func (c *route) allowedBy(rules *localrules.Rules, r *http.Request) error {
	if rules == nil {
		return nil
	}
	if err := rules.Role(c.role); err != nil {
		return err
	}
	if err := rules.Method(c.outer, asksForList(r)); err != nil {
		return err
	}
	if c.named {
		if err := rules.Method(c.verb, false); err != nil {
			return err
		}
	}
	if c.api == mashery.V3 {
		return rules.V3Path(c.tail, c.path)
	}
	return nil
}

// asksForList tells a request that Vault takes for a list (http/logical.go).
func asksForList(r *http.Request) bool {
	if r.Method != http.MethodGet || r.URL.RawQuery == "" {
		return strings.EqualFold(r.Method, "LIST")
	}
	list, err := strconv.ParseBool(r.URL.Query().Get("list"))
	return err == nil && list
}

// narrowOthers refuses a request that would go on to Vault and that the local
// rules do not allow. The path is decoded, without "v1/"; both readings count,
// as in withheld, and so do the rules of the mounts it may lie in besides.
func (h *Handler) narrowOthers(rules page, r *http.Request, namespaced, path string, twins []twin) *apierror.Error {
	if !rules.narrows() {
		return nil
	}
	for _, reading := range [...]string{namespaced, path} {
		reading = strings.TrimSuffix(reading, "/") // Vault's client sends none
		if err := cmp.Or(rules.listener.VaultPath(reading, asksForList(r)), h.narrowByBlocks(rules, reading, asksForList(r))); err != nil {
			return ruledOut(err)
		}
	}
	path = strings.TrimSuffix(path, "/")
	for _, t := range twins {
		own := rules.mounts[t.mount]
		if err := cmp.Or(own.VaultPath(path, asksForList(r)), belowMount(rules.listener, path, t.rest), belowMount(own, path, t.rest)); err != nil {
			return ruledOut(err)
		}
	}
	return nil
}

// narrowByBlocks judges a path by the rules of the block in whose mount it lies.
// One that lies in no mount is every block's business: each of them must allow
// it.
func (h *Handler) narrowByBlocks(rules page, path string, isList bool) error {
	var outside error
	for _, p := range h.places {
		own := rules.mounts[p.mount]
		named := own.VaultPath(strings.TrimPrefix(path, p.mount.Namespace), isList) // spelt without the block's namespace
		rest, inside := strings.CutPrefix(path+"/", p.prefix)
		if inside {
			rest = strings.TrimSuffix(rest, "/")
			return cmp.Or(named, belowMount(rules.listener, path, rest), belowMount(own, path, rest))
		}
		outside = cmp.Or(outside, named)
	}
	return outside
}

// belowMount judges a path below a mount that goes on to Vault; rest is what
// follows the mount. The engine has paths of its own by which it calls Mashery,
// for Vault's command line: no rule about calls could be kept there.
func belowMount(rules *localrules.Rules, path, rest string) error {
	rest, ofRole := strings.CutPrefix(rest, "roles/")
	if !ofRole {
		return rules.BesideRoles(path)
	}
	role, below, _ := strings.Cut(rest, "/")
	if err := rules.Role(role); err != nil {
		return on(path, err)
	}
	switch kind, _, _ := strings.Cut(below, "/"); kind {
	case "proxy", "v2", "v3":
		if rules.LimitsCalls() {
			return rules.OtherCall(path)
		}
	}
	return nil
}

// narrowPlain judges a path that is not below /v1/: Vault's user interface, say.
// What this program answers itself is not forwarded.
func (h *Handler) narrowPlain(rules page, path string) *apierror.Error {
	if admin.Serves(path) {
		return nil
	}
	path = strings.Trim(path, "/")
	err := rules.listener.VaultPath(path, false)
	for _, p := range h.places {
		err = cmp.Or(err, rules.mounts[p.mount].VaultPath(path, false))
	}
	if err != nil {
		return ruledOut(err)
	}
	return nil
}

func ruledOut(err error) *apierror.Error {
	refusal := apierror.New(http.StatusForbidden, apierror.PolicyDenied, "%s", err)
	refusal.Err = err // which rule it was
	return refusal
}
