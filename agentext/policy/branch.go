// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/helper/namespace"
	"github.com/hashicorp/vault/vault"
)

// mostBranched bounds how many rules may stand in the branches of one rule set,
// all copies counted.
const mostBranched = 20_000

// branch is the part of a rule set that is asked about some of the paths. Vault
// takes every rule with a "+" apart for every path it is asked about, also those
// that differ from it in a segment they name; so rules are sorted by the
// segments they name, and Vault is asked with those that are left.
//
// That changes no decision: which rule decides depends on the rules that match
// the path alone (vault/acl.go, AllowOperation, CheckAllowedFromNonExactPaths),
// and a rule is left out only where the path has another segment than the one
// the rule names. For a list Vault also tries the path without its last slash;
// that path has fewer segments, and the same ones.
type branch struct {
	acl *vault.ACL // nil where there are further branches

	depth  int                // of the segment that tells the branches apart
	named  map[string]*branch // by the segment that rules with a "+" name
	others *branch            // for paths with any other segment there, or none
}

// entry is a rule as Vault takes it, and as it is told apart here.
type entry struct {
	key
	rule  *rule
	paths *vault.PathRules
}

// segment is the text a path must have at that depth for the rule to match; the
// rule names none where it has a "+", where its glob has begun, and after its end.
func (e entry) segment(depth int) (text string, named bool) {
	rest, glob := e.text, e.shape == prefix
	if e.shape == segments {
		rest, glob = strings.CutSuffix(rest, "*")
	}
	more := true
	for range depth {
		if _, rest, more = strings.Cut(rest, "/"); !more {
			return "", false
		}
	}
	text, _, more = strings.Cut(rest, "/")
	wild := text == "+" && e.shape == segments || glob && !more
	return text, !wild
}

// newBranch makes the branches of rules that agree in the segments before depth.
func newBranch(entries []entry, depth int, room *int) (*branch, error) {
	longest, costly := 0, 0
	for _, e := range entries {
		if e.shape == segments { // the others cost Vault nothing
			costly++
			longest = max(longest, strings.Count(e.text, "/"))
		}
	}
	for ; costly > 1 && depth <= longest; depth++ {
		named, others := split(entries, depth)
		copies := len(others)
		for _, some := range named {
			copies += len(some)
		}
		if copies > *room || len(named) == 0 {
			continue
		}
		if len(named) == 1 && copies == len(entries) && len(others) == 0 {
			continue // all rules name the same
		}
		*room -= copies
		return branches(named, others, depth, room)
	}
	acl, err := newACL(entries, "")
	return &branch{acl: acl}, err
}

func branches(named map[string][]entry, others []entry, depth int, room *int) (*branch, error) {
	b := &branch{depth: depth, named: make(map[string]*branch, len(named))}
	for text, entries := range named {
		below, err := newBranch(entries, depth+1, room)
		if err != nil {
			return nil, err
		}
		b.named[text] = below
	}
	var err error
	b.others, err = newBranch(others, depth+1, room)
	return b, err
}

// split sorts rules by the segment they name at that depth. Rules without a "+"
// make no group of their own: with thousands of those there is one of the others.
func split(entries []entry, depth int) (named map[string][]entry, others []entry) {
	named = map[string][]entry{}
	for _, e := range entries {
		if text, isNamed := e.segment(depth); isNamed && e.shape == segments {
			named[text] = nil
		}
	}
	for _, e := range entries {
		text, isNamed := e.segment(depth)
		if _, grouped := named[text]; isNamed && grouped {
			named[text] = append(named[text], e)
			continue
		}
		others = append(others, e)
		if isNamed {
			continue
		}
		for text := range named {
			named[text] = append(named[text], e)
		}
	}
	return named, others
}

// of gives the ACL of the rules that can match the path.
func (b *branch) of(path string) *vault.ACL {
	for depth := 0; b.acl == nil; {
		for ; depth < b.depth; depth++ {
			_, path, _ = strings.Cut(path, "/")
		}
		text, _, _ := strings.Cut(path, "/")
		if below, ok := b.named[text]; ok {
			b = below
		} else {
			b = b.others
		}
	}
	return b.acl
}

// newACL makes Vault's ACL of a policy with these rules; the one called root
// allows everything.
func newACL(entries []entry, name string) (*vault.ACL, error) {
	policy, err := vault.ParseACLPolicy(namespace.RootNamespace, "")
	if err != nil {
		return nil, fmt.Errorf("making an empty policy: %w", err)
	}
	policy.Name = name
	for _, e := range entries {
		policy.Paths = append(policy.Paths, e.paths)
	}
	return vault.NewACL(namespace.RootContext(context.Background()), []*vault.Policy{policy})
}
