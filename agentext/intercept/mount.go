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

// namespace is the mount's, without a slash at its end.
func (m *Mount) namespace() string { return strings.Trim(m.Namespace, "/") }

func (m *Mount) enforces() bool { return m.Policy != config.PolicyOff }

// sharesTokens says that V3 calls are signed with the role's shared token.
func (m *Mount) sharesTokens() bool { return m.GrantFrom == config.GrantFromToken }

// PolicyMount is the mount as the policy room knows it.
func (m *Mount) PolicyMount() policy.Mount {
	return policy.Mount{
		Namespace: m.namespace(), Path: m.Mashery.Mount,
		ACLOnly: m.Enterprise == config.EnterpriseACLOnly, SharedToken: m.sharesTokens(),
	}
}

// place is where a mount is: what the path of a request to it begins with, as
// seen from the root namespace, with a slash at its end.
type place struct {
	prefix string
	mount  *Mount
}

// placesOf orders the mounts so that the first that matches is the closest.
func placesOf(mounts []*Mount) []place {
	var places []place
	for _, m := range mounts {
		places = append(places, place{m.Path() + "/", m})
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return places
}

// find returns the mount a path from the root namespace lies in, and the rest.
// Namespace is what the path begins with because the request's header says so:
// to Vault no part of a mount's own path is a namespace.
func find(places []place, path, namespace string) (*Mount, string) {
	for _, p := range places {
		if rest, inside := strings.CutPrefix(path, p.prefix); inside && strings.HasPrefix(p.mount.Namespace, namespace) {
			return p.mount, rest
		}
	}
	return nil, ""
}
