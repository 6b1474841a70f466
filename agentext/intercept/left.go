// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"sync"
	"time"

	"mashproxy/mashery"
)

// leftFor is how long a role counts as left to Vault after its last call.
const leftFor = 2 * time.Minute

// Role names a role of a mount.
type Role struct{ Namespace, Mount, Role string }

// departures are the roles whose calls were lately left to Vault for what the
// role is; other causes are the token's, or the call's. The zero value has none.
type departures struct {
	mu  sync.RWMutex
	all map[departure]time.Time
}

// departure is one role's, of one API; 0: of both.
type departure struct {
	role  Role
	api   mashery.API
	cause string
}

// departuresOf are those that a call can be the cause or the end of: forced proxy
// mode concerns a role, another endpoint one API.
func departuresOf(c *route) [2]departure {
	role := Role{c.mount.namespace(), c.mount.Mashery.Mount, c.role}
	return [2]departure{{role, 0, forcedWarning.cause}, {role, c.api, endpointMismatch}}
}

// leave remembers that a call was left to Vault.
func (d *departures) leave(c *route, why warning) {
	for _, one := range departuresOf(c) {
		if one.cause == why.cause {
			d.mu.Lock()
			if d.all == nil {
				d.all = map[departure]time.Time{}
			}
			d.all[one] = time.Now()
			d.mu.Unlock()
		}
	}
}

// stay forgets that: a call has been served here.
func (d *departures) stay(c *route) {
	d.mu.RLock()
	none := len(d.all) == 0
	d.mu.RUnlock()
	if none {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range departuresOf(c) {
		delete(d.all, one)
	}
}

// Left tells which roles' calls were lately left to Vault for what the role
// is, and why: "forced_proxy_mode" or "endpoint_mismatch".
func (h *Handler) Left() map[Role]string {
	h.left.mu.Lock()
	defer h.left.mu.Unlock()
	left := map[Role]string{}
	for one, at := range h.left.all {
		if time.Since(at) < leftFor {
			left[one.role] = one.cause
		} else {
			delete(h.left.all, one)
		}
	}
	return left
}
