// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// arguments is one entry of v2_arguments.
type arguments struct {
	method glob // folded
	limits []limit
}

// LimitsV2 tells whether a V2 call's method or arguments have to be known.
func (r *Rules) LimitsV2() bool { return r != nil && (r.v2Methods != nil || r.v2Arguments != nil) }

// V2 tells whether a V2 method may be called with params: the value of that key
// of the JSON-RPC envelope, nil when there is none, with numbers as
// [json.Number] and no key twice in any object.
func (r *Rules) V2(method string, params any) error {
	switch {
	case !r.LimitsV2():
		return nil
	case !r.v2Methods.allows(method):
		return r.v2Methods.denied("the V2 method %q", method)
	case !isMethod(method):
		return r.deniedV2("the V2 method %q, which is not spelt like one,", method)
	}
	folded := fold(method) // nobody says that Mashery minds the case
	for _, entry := range r.v2Arguments {
		if !entry.method.matches(folded) {
			continue
		}
		if flaw := entry.flaw(params); flaw != "" {
			return r.deniedV2("a call of %s "+flaw, method)
		}
	}
	return nil
}

func (r *Rules) deniedV2(format string, args ...any) error {
	if r.v2Arguments == nil {
		return r.v2Methods.denied(format, args...)
	}
	return &Denied{What: fmt.Sprintf(format, args...), Key: keyV2Arguments, Place: r.v2Place}
}

// flaw says what is wrong with a call's params; "" when nothing is. It repeats
// no value: it may be a secret.
func (a *arguments) flaw(params any) string {
	named, ok := params.(map[string]any)
	if !ok {
		return "without named arguments (params must be an object)"
	}
	for _, limit := range a.limits {
		value, ok := named[limit.name]
		switch {
		case !ok:
			return fmt.Sprintf("without the argument %q", limit.name)
		case !limit.allows(value):
			return fmt.Sprintf("with this value of the argument %q", limit.name)
		}
	}
	return a.rivals(named)
}

// rivals finds an argument that might be taken for a limited one: one whose
// name differs from it in case only, or is the number of a place. Which of the
// two Mashery would obey is anyone's guess.
func (a *arguments) rivals(named map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if isPlace(name) {
			return fmt.Sprintf("with the argument %q, which is a place and no name,", name)
		}
		for _, limit := range a.limits {
			if name != limit.name && fold(name) == fold(limit.name) {
				return fmt.Sprintf("with another spelling of the argument %q", limit.name)
			}
		}
	}
	return ""
}

// isPlace tells whether a name may be taken for an argument's place.
func isPlace(name string) bool { return strings.Trim(name, "0123456789") == "" }

// limit is what one argument may be.
type limit struct {
	name   string
	values []glob
}

// allows tells whether a value is a text or a number that matches.
func (l limit) allows(value any) bool {
	text, ok := value.(string)
	if number, isNumber := value.(json.Number); isNumber {
		text, ok = number.String(), true
	}
	return ok && slices.ContainsFunc(l.values, func(g glob) bool { return g.matches(text) })
}

// isMethod tells whether a method's name is letters, digits, "_", "-" and ".",
// so that there is no other way to spell it but in another case.
func isMethod(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-.", c))
	})
}

// fold gives one text for all that differ in case only. Upper case comes first
// because some letters, such as the long s, meet there alone.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }
