// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ryanuber/go-glob"

	"mashproxy/agentext/policy"
	"mashproxy/mashery"
)

// Mount is a mount of the Mashery secrets engine whose calls are served here:
// one mashery block of the file.
type Mount struct {
	// Namespace and Path are Vault's, without slashes at their ends.
	Namespace, Path string
	// Policy says whether Vault's policies are applied; ACLOnly, that nothing
	// but ACL policies concerns the mount on Vault Enterprise.
	Policy, ACLOnly bool
	// Reveal are the roles, as globs, whose grant and token callers may read.
	Reveal []string
	// ForwardRoles are the roles, as globs, that are never served here.
	ForwardRoles []string
	// QPS caps the role's own, in calls a second; 0: no cap.
	QPS float64
	// MaxWait is the longest time one call may wait for its slots.
	MaxWait time.Duration
	// Sender sends to the block's endpoints.
	Sender *mashery.Sender
}

// full is the mount's path as seen from the root namespace, with a slash at its end.
func (m *Mount) full() string {
	if m.Namespace == "" {
		return m.Path + "/"
	}
	return m.Namespace + "/" + m.Path + "/"
}

func (m *Mount) policyMount() policy.Mount {
	return policy.Mount{Namespace: m.Namespace, Path: m.Path, ACLOnly: m.ACLOnly}
}

func (m *Mount) forwards(role string) bool { return anyGlob(m.ForwardRoles, role) }

func (m *Mount) reveals(role string) bool { return anyGlob(m.Reveal, role) }

// anyGlob tells whether one of the globs, in which * stands for any text, matches.
func anyGlob(globs []string, text string) bool {
	return slices.ContainsFunc(globs, func(pattern string) bool { return glob.Glob(pattern, text) })
}

// longestFirst orders mounts so that the first that matches is the closest.
func longestFirst(mounts []*Mount) []*Mount {
	return slices.SortedStableFunc(slices.Values(mounts), func(a, b *Mount) int {
		return cmp.Compare(len(b.full()), len(a.full()))
	})
}

// find returns the mount a path from the root namespace lies in, and the rest.
func find(mounts []*Mount, path string) (*Mount, string) {
	for _, m := range mounts {
		if rest, inside := strings.CutPrefix(path, m.full()); inside {
			return m, rest
		}
	}
	return nil, ""
}
