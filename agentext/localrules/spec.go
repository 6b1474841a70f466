// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// The keys of the file.
const (
	keyRoles       = "roles"
	keyMethods     = "methods"
	keyV3Paths     = "v3_paths"
	keyV2Methods   = "v2_methods"
	keyV2Arguments = "v2_arguments"
	keyVaultPaths  = "vault_paths"
)

// Spec is the rules of one listener or block as they are written. A nil list
// narrows nothing; an empty one allows nothing.
type Spec struct {
	Roles, Methods, V3Paths, V2Methods, VaultPaths []string
	// V2Arguments are, by method and argument, the values allowed.
	V2Arguments map[string]map[string][]string
	// Place says where a key stands, for the texts of refusals.
	Place func(key string) string
}

// Problem is something of a Spec that can never match.
type Problem struct {
	Key    string
	Text   string // one phrase
	Advice string // one sentence
}

// New makes rules of what is written. They are nil when nothing is narrowed.
func New(s Spec) (*Rules, []Problem) {
	b := &builder{spec: s}
	r := &Rules{
		roles:      b.list(keyRoles, s.Roles, roleFlaw),
		methods:    b.list(keyMethods, upper(s.Methods), verbFlaw),
		v3Paths:    b.list(keyV3Paths, bare(s.V3Paths), v3Flaw),
		v2Methods:  b.list(keyV2Methods, s.V2Methods, methodFlaw),
		vaultPaths: b.list(keyVaultPaths, relative(s.VaultPaths), vaultFlaw),
	}
	for _, method := range slices.Sorted(maps.Keys(s.V2Arguments)) {
		r.v2Arguments = append(r.v2Arguments, b.arguments(method, s.V2Arguments[method]))
		r.v2Place = s.Place(keyV2Arguments)
	}
	if len(b.problems) > 0 || !r.narrows() {
		return nil, b.problems
	}
	return r, nil
}

func (r *Rules) narrows() bool { return r.roles != nil || r.vaultPaths != nil || r.LimitsCalls() }

// builder makes rules and gathers what is wrong with them.
type builder struct {
	spec     Spec
	problems []Problem
}

// list reads the patterns of a key. Flaw says why one can match nothing.
func (b *builder) list(key string, patterns []string, flaw func(string) string) *list {
	if patterns == nil {
		return nil
	}
	l := &list{key: key, place: b.spec.Place(key)}
	for _, pattern := range patterns {
		b.check(key, pattern, flaw)
		l.globs = append(l.globs, pathGlob(pattern))
	}
	return l
}

func (b *builder) check(key, pattern string, flaw func(string) string) {
	advice := starFlaw(pattern)
	switch {
	case pattern == "":
		advice = "Write a name or a pattern; to allow nothing, write an empty list: []."
	case advice != "":
	case strings.HasSuffix(pattern, "+*"):
		advice = `"+*" is forbidden in Vault's policies too: write "+" for one segment, or "*" for any rest.`
	default:
		advice = flaw(pattern)
	}
	if advice != "" {
		b.problems = append(b.problems, Problem{key, fmt.Sprintf("%s: %q matches nothing", key, pattern), advice})
	}
}

// arguments reads an entry of v2_arguments. No problem repeats a value: it may
// be a secret.
func (b *builder) arguments(method string, values map[string][]string) arguments {
	b.check(keyV2Arguments, method, methodFlaw)
	entry := arguments{method: pathGlob(fold(method))}
	spelt := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch folded := fold(name); {
		case isPlace(name):
			b.problems = append(b.problems, Problem{keyV2Arguments, fmt.Sprintf("%s: %q names no argument", keyV2Arguments, name), "A call that has a number for an argument's name is refused: it may be a place. Write the argument's name."})
		case spelt[folded]:
			b.problems = append(b.problems, Problem{keyV2Arguments, fmt.Sprintf("%s: %q is limited in two spellings", keyV2Arguments, name), "No call may have an argument in two spellings that differ in letter case only. Keep the one that Mashery documents."})
		default:
			spelt[folded] = true
		}
		l := limit{name: name}
		for i, pattern := range values[name] {
			if advice := starFlaw(pattern); advice != "" {
				b.problems = append(b.problems, Problem{keyV2Arguments, fmt.Sprintf("%s: value %d of %q matches nothing", keyV2Arguments, i+1, name), advice})
			}
			l.values = append(l.values, valueGlob(pattern))
		}
		entry.limits = append(entry.limits, l)
	}
	return entry
}

func starFlaw(pattern string) string {
	if star := strings.IndexByte(pattern, '*'); star >= 0 && star < len(pattern)-1 {
		return `"*" stands at the end only, for any rest, as in Vault's policies.`
	}
	return ""
}

var (
	aRole   = regexp.MustCompile(`^\w(([\w-.]+)?\w)?$`) // vault/sdk framework.GenericNameRegex
	aMethod = regexp.MustCompile(`^[\w.-]*$`)

	// aRequestsPath is the path of a request, where that of V3 is asked for.
	aRequestsPath = regexp.MustCompile(`^(proxy|v1|v3)/|/proxy/v3(-method)?(/|$)`)
)

func roleFlaw(pattern string) string {
	name, prefix := strings.CutSuffix(pattern, "*")
	switch {
	case strings.Contains(name, "/"):
		return `A role's name has no slash; name the role alone, like "billing" or "billing-*".`
	case name != "+" && !aRole.MatchString(name) && !(prefix && (name == "" || aRole.MatchString(name+"x"))):
		return `A role's name has letters, digits and "_", and inside "-" and ".".`
	}
	return ""
}

func verbFlaw(pattern string) string {
	verbs := []string{http.MethodGet, http.MethodHead, "LIST", http.MethodPost, http.MethodPut, http.MethodDelete}
	if !slices.ContainsFunc(verbs, pathGlob(pattern).matches) {
		return "Mashery is called with GET, HEAD, LIST, POST, PUT and DELETE."
	}
	return ""
}

func v3Flaw(pattern string) string {
	switch {
	case aRequestsPath.MatchString(pattern):
		return `Write what follows proxy/v3/, like "services/*".`
	case strings.ContainsAny(pattern, ambiguous):
		return `A path is named without query and escapes; one with ";", "\", "%", "?" or "#" is never allowed where paths are named.`
	}
	return pathFlaw(pattern)
}

func methodFlaw(pattern string) string {
	if name := strings.TrimSuffix(pattern, "*"); name != "+" && !aMethod.MatchString(name) {
		return `A V2 method is named like "object.query" or "oauth2.*".`
	}
	return ""
}

func vaultFlaw(pattern string) string {
	if strings.HasPrefix(pattern, "v1/") {
		return `Write the path as in a Vault policy, without /v1/, like "secret/data/app/*".`
	}
	return pathFlaw(pattern)
}

func pathFlaw(pattern string) string {
	for _, segment := range strings.Split(strings.TrimSuffix(pattern, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return `A path has no empty segment, and none that is "." or "..".`
		}
	}
	return ""
}

// upper lets verbs be written in any case.
func upper(verbs []string) []string { return each(verbs, strings.ToUpper) }

// relative takes the slash off a path's begin, as Vault does in its policies.
func relative(paths []string) []string {
	return each(paths, func(path string) string { return strings.TrimPrefix(path, "/") })
}

// bare takes the slashes off a V3 path's ends.
func bare(paths []string) []string {
	return each(relative(paths), func(path string) string { return strings.TrimSuffix(path, "/") })
}

// each keeps nil apart from empty.
func each(texts []string, change func(string) string) []string {
	changed := slices.Clone(texts)
	for i := range changed {
		changed[i] = change(changed[i])
	}
	return changed
}
