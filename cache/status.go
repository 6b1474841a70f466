// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"cmp"
	"slices"
	"time"
)

// State is what a role's grant is like.
type State string

// The states of a grant.
const (
	StateLive    State = "live"    // calls are signed with it
	StateRefused State = "refused" // calls are, though Mashery refuses it; see RetrySeconds
	StateWaiting State = "waiting" // there is none, and Vault is being asked
	StateFailed  State = "failed"  // there is none, for Vault gave none
	StateNone    State = "none"    // there is none, and nobody wants one
)

// Status is what is known of one grant. It holds no credential.
type Status struct {
	Namespace string `json:"namespace,omitempty"`
	Mount     string `json:"mount"`
	Role      string `json:"role"`
	API       int    `json:"api"`
	// Shared says that it is the role's shared token.
	Shared bool  `json:"shared,omitempty"`
	State  State `json:"state"`
	// SecondsLeft is how long the grant may still be used; 0 without one.
	SecondsLeft int `json:"seconds_left"`
	// Renewals is how often its lease was renewed.
	Renewals int `json:"renewals"`
	// LastError is what Vault last said instead of a grant; "": it gave one.
	LastError string `json:"last_error,omitempty"`
	// RetrySeconds is in how long Vault is asked again at the earliest, after a
	// failure or Mashery's refusals.
	RetrySeconds int `json:"retry_seconds,omitempty"`
}

// Status tells of all grants, in the order of their keys.
func (g *Grants[G]) Status() []Status {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]Status, 0, len(g.entries))
	for _, e := range g.entries {
		all = append(all, e.status(now))
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Mount, b.Mount), cmp.Compare(a.Role, b.Role), a.API-b.API)
	})
	return all
}

func (e *entry[G]) status(now time.Time) Status {
	s := Status{
		Namespace: e.key.Namespace, Mount: e.key.Mount, Role: e.key.Role, API: e.key.API, Shared: e.key.Shared,
		State: StateNone, RetrySeconds: wholeSeconds(e.refusals.rest(now)),
	}
	if e.failure.err != nil {
		s.LastError, s.State = brief(e.failure.err), StateFailed
		if e.failure.holds(now) {
			s.RetrySeconds = max(s.RetrySeconds, wholeSeconds(e.failure.until.Sub(now)))
		}
	}
	if e.fetch != nil {
		s.State = StateWaiting
	}
	if e.grant.live(now) {
		s.State, s.Renewals = StateLive, e.grant.renewals
		s.SecondsLeft = int(e.grant.deadline.Sub(now) / time.Second)
		if e.grant.useless() {
			s.State = StateRefused
		}
	}
	return s
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
