// SPDX-License-Identifier: MPL-2.0

package policy

import "strings"

// Mount is a mount of the secrets engine that has a mashery block.
type Mount struct {
	Namespace string // Vault namespace, without slashes at its ends; "" is the root namespace
	Path      string // mount path, without slashes at its ends, such as "team/a/mash"

	// ACLOnly is the block's enterprise = "acl-only": nothing but ACL policies
	// concerns this mount, so it can be decided here on Vault Enterprise too.
	ACLOnly bool

	// SharedToken is the block's grant_from = "token": V3 calls are signed with
	// the role's token, which all proxies share through Vault, so the right to
	// read that is needed in place of the grant's. V2 keeps its grants.
	SharedToken bool
}

// roles is the path of the mount's roles as a policy in the root namespace
// spells it, with a trailing slash.
func (m Mount) roles() string {
	if m.Namespace == "" {
		return m.Path + "/roles/"
	}
	return m.Namespace + "/" + m.Path + "/roles/"
}

// scope is a set of paths: those that begin with these segments, of which "+"
// stands for any one.
type scope []string

// scope is that of paths below the mount's roles.
func (m Mount) scope(belowRole ...string) scope {
	roles := strings.Split(strings.TrimSuffix(m.roles(), "/"), "/")
	return append(append(roles, "+"), belowRole...)
}

// reached tells whether a rule can match a path in the scope. It follows
// CheckAllowedFromNonExactPaths (vault/acl.go).
func (s scope) reached(k key) bool {
	text, glob := k.text, k.shape == prefix
	if k.shape == segments {
		text, glob = strings.CutSuffix(text, "*")
	}
	parts := strings.Split(text, "/")
	for i, part := range parts {
		switch {
		case i == len(s):
			return true
		case s[i] == "+", part == s[i], part == "+" && k.shape == segments:
		case glob && i == len(parts)-1:
			return strings.HasPrefix(s[i], part)
		default:
			return false
		}
	}
	return glob || len(parts) == len(s)
}

// foldLast is the text of a rule with what it says of the scope's last segment,
// and of what follows that, in small letters.
func (s scope) foldLast(text string) string {
	from := 0
	for range len(s) - 1 {
		i := strings.IndexByte(text[from:], '/')
		if i < 0 {
			return text // its glob begins before
		}
		from += i + 1
	}
	return text[:from] + fold(text[from:])
}

func anyReached(scopes []scope, k key) bool {
	for _, s := range scopes {
		if s.reached(k) {
			return true
		}
	}
	return false
}
