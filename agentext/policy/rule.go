// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/vault/vault"
)

// shape is how Vault matches a rule's path (vault/policy.go, parsePaths).
type shape int

const (
	exact    shape = iota // "a/b"
	prefix                // "a/b*", without its asterisk
	segments              // "a/+/b" and "a/+/b*", as they are
)

// rule is one path of the token's policies, as Vault has merged them.
type rule struct {
	path        string // as a policy spells it, unique among the rules of a token
	permissions *vault.ACLPermissions
	wrapped     bool // it demands response wrapping, which no call served here has

	alone *vault.ACL // of this rule and no other, for one that speaks; set when it is compiled
}

// key is how one of the maps of resultant-acl names a rule.
type key struct {
	shape shape
	text  string
}

// globKey tells what a key of glob_paths is; the test is that of parsePaths.
func globKey(text string) key {
	if text == "+" || strings.HasPrefix(text, "+/") || strings.Contains(text, "/+") {
		return key{segments, text}
	}
	return key{prefix, text}
}

// path is the key as a policy spells it.
func (k key) path() string {
	if k.shape == prefix {
		return k.text + "*"
	}
	return k.text
}

// speaks tells whether the rule looks at a request's data.
func (r *rule) speaks() bool {
	p := r.permissions
	return len(p.AllowedParameters)+len(p.DeniedParameters)+len(p.RequiredParameters) > 0
}

func (r *rule) denies() bool { return r.permissions.CapabilitiesBitmap&vault.DenyCapabilityInt > 0 }

// parseRule reads what resultant-acl says of one path (vault/logical_system.go,
// pathInternalUIResultantACL). Whatever it does not know is an error.
func parseRule(k key, answer any) (*rule, error) {
	fields, ok := answer.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the rule for %q is not an object", k.path())
	}
	r := &rule{path: k.path(), permissions: &vault.ACLPermissions{
		// AllowOperation hands these back untouched, as the methods of the rule
		// that matched; so they carry its name.
		MFAMethods: []string{k.path()},
	}}
	if err := r.read(fields); err != nil {
		return nil, fmt.Errorf("the rule for %q: %w", k.path(), err)
	}
	return r, nil
}

func (r *rule) read(fields map[string]any) error {
	if strings.ContainsRune(r.path, utf8.RuneError) {
		return errNotUTF8
	}
	if _, ok := fields["capabilities"]; !ok {
		return errors.New("it has no capabilities")
	}
	for field, value := range fields {
		if err := r.field(field, value); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// errNotUTF8 is about what JSON cannot carry: bytes that are not UTF-8
// arrive as the replacement character, and several as one.
var errNotUTF8 = errors.New("it holds bytes that are not UTF-8")

func (r *rule) field(name string, value any) (err error) {
	p := r.permissions
	switch name {
	case "capabilities":
		p.CapabilitiesBitmap, err = capabilities(value)
	case "min_wrapping_ttl":
		r.wrapped = true
		p.MinWrappingTTL, err = wrappingTTL(value)
	case "max_wrapping_ttl":
		r.wrapped = true
		p.MaxWrappingTTL, err = wrappingTTL(value)
	case "allowed_parameters":
		p.AllowedParameters, err = parameters(value)
	case "denied_parameters":
		p.DeniedParameters, err = parameters(value)
	case "required_parameters":
		p.RequiredParameters, err = stringList(value)
	default:
		err = errors.New("this version of mashproxy does not know it")
	}
	return err
}

func capabilities(value any) (uint32, error) {
	names, err := stringList(value)
	if err != nil {
		return 0, err
	}
	var bitmap uint32
	for _, name := range names {
		bit, ok := capabilityBit(name)
		if !ok {
			return 0, fmt.Errorf("this version of mashproxy does not know %q", name)
		}
		bitmap |= bit
	}
	if bitmap&vault.DenyCapabilityInt > 0 {
		return vault.DenyCapabilityInt, nil // Vault keeps nothing beside it (vault/policy.go, parsePaths)
	}
	return bitmap, nil
}

// capabilityBit is Vault's cap2Int, which vault/policy.go does not export.
func capabilityBit(name string) (uint32, bool) {
	switch name {
	case vault.DenyCapability:
		return vault.DenyCapabilityInt, true
	case vault.CreateCapability:
		return vault.CreateCapabilityInt, true
	case vault.ReadCapability:
		return vault.ReadCapabilityInt, true
	case vault.UpdateCapability:
		return vault.UpdateCapabilityInt, true
	case vault.DeleteCapability:
		return vault.DeleteCapabilityInt, true
	case vault.ListCapability:
		return vault.ListCapabilityInt, true
	case vault.SudoCapability:
		return vault.SudoCapabilityInt, true
	case vault.PatchCapability:
		return vault.PatchCapabilityInt, true
	case vault.SubscribeCapability:
		return vault.SubscribeCapabilityInt, true
	case vault.RecoverCapability:
		return vault.RecoverCapabilityInt, true
	default:
		return 0, false
	}
}

// wrappingTTL reads whole seconds. Vault shows a time of less than a second as
// 0, and a time that is shown is one that is demanded: so it is never 0 here.
func wrappingTTL(value any) (time.Duration, error) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, errors.New("it is not a number")
	}
	seconds, err := number.Int64()
	if err != nil {
		return 0, errors.New("it is not a whole number of seconds")
	}
	return max(time.Duration(seconds)*time.Second, 1), nil
}

func parameters(value any) (map[string][]any, error) {
	answer, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("it is not an object")
	}
	lists := make(map[string][]any, len(answer))
	for name, value := range answer {
		if strings.ContainsRune(name, utf8.RuneError) {
			return nil, errNotUTF8
		}
		list, ok := value.([]any)
		if !ok && value != nil { // an empty list may come as null
			return nil, fmt.Errorf("%q: it is not a list", name)
		}
		values, err := policyValues(list)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		lists[name] = values
	}
	return lists, nil
}

// policyValues turns values as JSON shows them into those Vault has read from
// the policy's HCL: numbers are int or float64 there, and so never equal a
// request's number, which is a json.Number. What JSON does not tell apart, the
// forms of an HCL object, is not known.
func policyValues(list []any) ([]any, error) {
	values := make([]any, 0, len(list))
	for _, value := range list {
		converted, err := policyValue(value)
		if err != nil {
			return nil, err
		}
		values = append(values, converted)
	}
	return values, nil
}

func policyValue(value any) (any, error) {
	switch value := value.(type) {
	case nil, bool:
		return value, nil
	case string:
		if strings.ContainsRune(value, utf8.RuneError) {
			return nil, errNotUTF8
		}
		return value, nil
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return int(whole), nil
		}
		return value.Float64()
	case []any:
		return policyValues(value)
	default:
		return nil, errors.New("this version of mashproxy does not know values that are objects")
	}
}

func stringList(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("it is not a list")
	}
	texts := make([]string, 0, len(list))
	for _, value := range list {
		text, ok := value.(string)
		if !ok {
			return nil, errors.New("it is not a list of strings")
		}
		if strings.ContainsRune(text, utf8.RuneError) {
			return nil, errNotUTF8
		}
		texts = append(texts, text)
	}
	return texts, nil
}
