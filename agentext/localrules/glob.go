// SPDX-License-Identifier: MPL-2.0

package localrules

import "strings"

// glob is a pattern as Vault's policies have them: * at the end stands for any
// rest, + for exactly one segment between slashes. Everything else, and + within
// a segment, stands for itself [vault/policy.go, parsePaths].
type glob struct {
	text      string // without the asterisk
	prefix    bool   // there was one
	segmented bool   // some segment is a +
}

// pathGlob reads a pattern of paths or names.
func pathGlob(pattern string) glob {
	g := valueGlob(pattern)
	g.segmented = strings.Contains("/"+pattern+"/", "/+/")
	return g
}

// valueGlob reads a pattern of values, in which only the asterisk at the end
// is special.
func valueGlob(pattern string) glob {
	text, prefix := strings.CutSuffix(pattern, "*")
	return glob{text: text, prefix: prefix}
}

func (g glob) matches(text string) bool {
	switch {
	case g.segmented:
		return g.matchesSegments(text)
	case g.prefix:
		return strings.HasPrefix(text, g.text)
	}
	return text == g.text
}

func (g glob) matchesSegments(path string) bool {
	for rule := g.text; ; {
		want, ruleRest, ruleGoesOn := strings.Cut(rule, "/")
		got, pathRest, pathGoesOn := strings.Cut(path, "/")
		switch {
		case g.prefix && !ruleGoesOn:
			return strings.HasPrefix(path, want)
		case !fits(want, got):
			return false
		case !ruleGoesOn || !pathGoesOn:
			return ruleGoesOn == pathGoesOn
		}
		rule, path = ruleRest, pathRest
	}
}

// fits tells whether a segment of a pattern matches one of a path. What stands
// behind a slash at the end is empty, and no segment.
func fits(want, got string) bool { return want == got || want == "+" && got != "" }
