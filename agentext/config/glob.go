// SPDX-License-Identifier: MPL-2.0

package config

import (
	"errors"
	"regexp"
	"strings"
)

// anyGlob tells whether one of globs matches role.
func anyGlob(globs []string, role string) bool {
	for _, glob := range globs {
		if matchGlob(glob, role) {
			return true
		}
	}
	return false
}

// matchGlob matches a role's name: * stands for any run of characters, wherever
// it is, and nothing else is special.
func matchGlob(glob, role string) bool {
	head, rest, star := strings.Cut(glob, "*")
	if !star {
		return glob == role
	}
	if !strings.HasPrefix(role, head) {
		return false
	}
	role = role[len(head):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(role, part)
		}
		i := strings.Index(role, part)
		if i < 0 {
			return false
		}
		role, rest = role[i+len(part):], more
	}
}

// checkGlob refuses what can match no role. The names of roles are
// \w(([\w-.]+)?\w)? (secrets engine, path of roles).
func checkGlob(glob string) error {
	switch {
	case glob == "":
		return errors.New("an empty name matches no role")
	case strings.Contains(glob, "/"):
		return errors.New("a role's name has no slash; name the role alone, like \"demo\" or \"team-*\"")
	case !regexp.MustCompile(`^[\w.*-]+$`).MatchString(glob):
		return errors.New("a role's name has letters, digits, \"_\", \"-\" and \".\"; * stands for any of them")
	}
	return nil
}
