// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"cmp"
	"slices"
	"time"

	"mashproxy/agentext/intercept"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// status is what /proxy/v1/status says. It holds no secret, and asking costs
// neither Vault nor Mashery anything.
type status struct {
	Version string `json:"version"`
	// Uptime is in seconds.
	Uptime int64 `json:"uptime_seconds"`
	// LoggedIn says that there is a Vault token.
	LoggedIn bool         `json:"logged_in"`
	Roles    []roleStatus `json:"roles"`
	// Budgets are those of API keys, which roles share.
	Budgets []mashery.BudgetStatus `json:"budgets"`
}

// roleStatus is how a role stands whose calls were served here lately.
type roleStatus struct {
	Namespace string         `json:"namespace,omitempty"`
	Mount     string         `json:"mount"`
	Role      string         `json:"role"`
	Grants    []cache.Status `json:"grants"`
	// SecondsLeft is for how long calls of the APIs that it calls can be signed
	// without Vault, at least.
	SecondsLeft int `json:"seconds_left"`
	// Rate is at which its calls may follow each other now, in calls a second;
	// 0: as they come. Queue is how many of its budget's calls wait.
	Rate  float64 `json:"rate"`
	Queue int     `json:"queue"`
	// LastError is what Vault last said instead of a grant.
	LastError string `json:"last_error,omitempty"`
	// LeftToVault says why its calls are left to Vault: "forced_proxy_mode" or
	// "endpoint_mismatch"; "": they are served here.
	LeftToVault string `json:"left_to_vault,omitempty"`
}

// status tells how all stands.
func (p *Proxy) status() any {
	s := status{
		Version: p.options.Version, Uptime: int64(time.Since(p.started).Seconds()),
		LoggedIn: p.app.login.Identity.Token() != "", Budgets: p.budgets.Status(),
	}
	s.Roles = rolesOf(p.app.grants.Status(), s.Budgets)
	left := p.app.local.Left()
	for i, r := range s.Roles {
		s.Roles[i].LeftToVault = left[intercept.Role{Namespace: r.Namespace, Mount: r.Mount, Role: r.Role}]
	}
	return s
}

// rolesOf gathers the grants of each role, and the budget that it spends.
func rolesOf(grants []cache.Status, budgets []mashery.BudgetStatus) []roleStatus {
	type name struct{ namespace, mount, role string }
	roles := []roleStatus{}
	places := map[name]int{}
	for _, g := range grants {
		id := name{g.Namespace, g.Mount, g.Role}
		at, known := places[id]
		if !known {
			at = len(roles)
			places[id] = at
			roles = append(roles, roleStatus{Namespace: g.Namespace, Mount: g.Mount, Role: g.Role})
		}
		r := &roles[at]
		r.Grants = append(r.Grants, g)
		r.LastError = cmp.Or(r.LastError, g.LastError)
	}
	for i, r := range roles {
		roles[i].SecondsLeft = secondsLeft(r.Grants)
	}
	for _, b := range budgets {
		for _, role := range b.Roles {
			if at, known := places[name{b.Namespace, b.Mount, role}]; known {
				roles[at].Rate, roles[at].Queue = b.Rate, b.Queue
			}
		}
	}
	slices.SortFunc(roles, func(a, b roleStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Mount, b.Mount), cmp.Compare(a.Role, b.Role))
	})
	return roles
}

// secondsLeft is the least time left to a grant that is in use; 0 without any.
func secondsLeft(grants []cache.Status) int {
	used := slices.DeleteFunc(slices.Clone(grants), func(g cache.Status) bool { return g.State == cache.StateNone })
	if len(used) == 0 {
		return 0
	}
	return slices.MinFunc(used, func(a, b cache.Status) int { return a.SecondsLeft - b.SecondsLeft }).SecondsLeft
}
