// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"cmp"
	"slices"
	"strings"

	"mashproxy/agentext/config"
	"mashproxy/agentext/policy"
	"mashproxy/mashery"
)

// Mount is a mount of the Mashery secrets engine whose calls are served here:
// one mashery block of the file, and what sends to its endpoints.
type Mount struct {
	*config.Mashery
	Sender *mashery.Sender
}

// full is the mount's path as seen from the root namespace, with a slash at its end.
func (m *Mount) full() string { return m.Path() + "/" }

// namespace is the mount's, without a slash at its end.
func (m *Mount) namespace() string { return strings.Trim(m.Namespace, "/") }

func (m *Mount) enforces() bool { return m.Policy != config.PolicyOff }

// PolicyMount is the mount as the policy room knows it.
func (m *Mount) PolicyMount() policy.Mount {
	return policy.Mount{Namespace: m.namespace(), Path: m.Mashery.Mount, ACLOnly: m.Enterprise == config.EnterpriseACLOnly}
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
