// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/helper/namespace"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault"
)

// Rules are what one token may do, as read at one moment. They never change and
// may be used concurrently.
type Rules struct {
	cause   Cause  // if not "", nothing of this token can be decided here
	detail  string // what of the rules is not known, for PolicyUnknown
	edition Cause  // Enterprise, EditionUnknown, or "" for Community

	calls   ruleSet // for roles/<role>/proxy/…
	grants  ruleSet // for roles/<role>/grant, or token
	methods ruleSet // for roles/<role>/proxy/v2/<method> in small letters; has no rules where none denies a method
}

// ruleSet are the rules that can match some of the paths; the others are left
// out, because Vault looks at every rule with a "+" for every path.
type ruleSet struct {
	scopes  []scope
	entries []entry
	byPath  map[string]*rule

	whole  *branch         // what Vault is asked with
	kept   *memo           // what Vault has answered
	inRoot context.Context // carries the namespace Vault is asked in, and nothing else
}

// undecidableRules leave everything to Vault.
func undecidableRules(cause Cause) *Rules { return &Rules{cause: cause} }

// newRules makes the rules of an answer of sys/internal/ui/resultant-acl, for
// the mounts given.
func newRules(answer map[string]any, mounts []Mount, edition Cause) *Rules {
	if chroot, _ := answer["chroot_namespace"].(string); chroot != "" {
		return &Rules{cause: Chroot, edition: edition}
	}
	r := &Rules{edition: edition}
	if err := r.build(answer, mounts); err != nil {
		return &Rules{cause: PolicyUnknown, detail: err.Error(), edition: edition}
	}
	return r
}

func (r *Rules) build(answer map[string]any, mounts []Mount) error {
	root, err := isRoot(answer)
	if err != nil {
		return err
	}
	methods := methodRules{}
	for _, mount := range mounts {
		r.calls.scopes = append(r.calls.scopes, mount.scope("proxy"))
		r.grants.scopes = append(r.grants.scopes, mount.scope("grant"))
		if mount.SharedToken {
			r.grants.scopes = append(r.grants.scopes, mount.scope("token"))
		}
		methods.scopes = append(methods.scopes, mount.scope("proxy", "v2", "+"))
	}
	if !root {
		err = eachRule(answer, func(k key, rule *rule) {
			r.calls.add(k, rule)
			r.grants.add(k, rule)
			methods.add(k, rule)
		})
	}
	if err != nil {
		return err
	}
	if methods.deny {
		for k, rule := range methods.folded {
			r.methods.put(k, rule)
		}
	}
	return errors.Join(r.calls.compile(root), r.grants.compile(root), r.methods.compile(root))
}

// add takes a rule that can match.
func (s *ruleSet) add(k key, r *rule) {
	if anyReached(s.scopes, k) {
		s.put(k, r)
	}
}

// put takes a rule under a key, which need not be its own.
func (s *ruleSet) put(k key, r *rule) {
	if s.byPath == nil {
		s.byPath = map[string]*rule{}
	}
	s.byPath[r.path] = r
	s.entries = append(s.entries, entry{k, r, &vault.PathRules{
		Path:                k.text,
		Permissions:         r.permissions,
		IsPrefix:            k.shape == prefix,
		HasSegmentWildcards: k.shape == segments,
	}})
}

// compile makes the ACLs of the rules, or that of a root token.
func (s *ruleSet) compile(root bool) (err error) {
	s.inRoot = namespace.RootContext(context.Background())
	s.kept = newMemo()
	if root {
		s.whole = &branch{}
		s.whole.acl, err = newACL(nil, "root") // by this name NewACL knows it
		return err
	}
	for _, e := range s.entries {
		if r := e.rule; r.speaks() && r.alone == nil {
			if r.alone, err = newACL([]entry{e}, ""); err != nil {
				return err
			}
		}
	}
	room := mostBranched
	s.whole, err = newBranch(s.entries, 0, &room)
	return err
}

// isRoot also refuses whatever else Vault says that is not known here.
func isRoot(answer map[string]any) (bool, error) {
	for field := range answer {
		switch field {
		case "root", "chroot_namespace", "exact_paths", "glob_paths":
		default:
			return false, fmt.Errorf("this version of mashproxy does not know %q", field)
		}
	}
	root, ok := answer["root"].(bool)
	if !ok {
		return false, errors.New("it does not say whether the token is a root token")
	}
	if chroot, ok := answer["chroot_namespace"]; ok && chroot != "" {
		return false, errors.New("chroot_namespace is not a string")
	}
	return root, nil
}

// eachRule reads all rules, also those nobody needs: one with something unknown
// in it makes the whole answer unknown.
func eachRule(answer map[string]any, do func(key, *rule)) error {
	exactKey := func(text string) key { return key{exact, text} }
	for field, toKey := range map[string]func(string) key{"exact_paths": exactKey, "glob_paths": globKey} {
		rules, ok := answer[field].(map[string]any)
		if !ok {
			return fmt.Errorf("%s is missing or not an object", field)
		}
		for text, value := range rules {
			rule, err := parseRule(toKey(text), value)
			if err != nil {
				return err
			}
			do(toKey(text), rule)
		}
	}
	return nil
}

// match is Vault's decision on one operation without data, and the rule that
// made it, nil if none matches.
func (s *ruleSet) match(op logical.Operation, path string) (bool, *rule) {
	return s.kept.match(op, path, s.ask)
}

func (s *ruleSet) ask(op logical.Operation, path string) (bool, *rule) {
	result := s.whole.of(path).AllowOperation(s.inRoot, &logical.Request{Operation: op, Path: path}, false)
	if len(result.MFAMethods) == 0 {
		return result.Allowed, nil
	}
	return result.Allowed, s.byPath[result.MFAMethods[0]]
}

// allows is Vault's decision on one operation with these data, by a rule that
// speaks and matches.
func (s *ruleSet) allows(r *rule, op logical.Operation, path string, data map[string]any) bool {
	return r.alone.AllowOperation(s.inRoot, &logical.Request{Operation: op, Path: path, Data: data}, false).Allowed
}
