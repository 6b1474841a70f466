// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"time"

	"mashproxy/cache"
)

// leftFor is how long a role counts as left to Vault after its last call.
const leftFor = 2 * time.Minute

// Role names a role of a mount.
type Role struct{ Namespace, Mount, Role string }

// leaving is why and when a role's last call was left to Vault.
type leaving struct {
	cause string
	at    time.Time
}

// leave remembers that a role's calls are left to Vault for what the role is;
// other causes are the token's, or the call's.
func (h *Handler) leave(c *route, why warning) {
	if why.cause == forcedWarning.cause || why.cause == endpointMismatch {
		h.left.Store(c.key(), leaving{why.cause, time.Now()})
	}
}

// stay forgets that: a call has been served here.
func (h *Handler) stay(c *route) { h.left.Delete(c.key()) }

// Left tells which roles' calls were lately left to Vault for what the role
// is, and why: "forced_proxy_mode" or "endpoint_mismatch".
func (h *Handler) Left() map[Role]string {
	left := map[Role]string{}
	h.left.Range(func(of, value any) bool {
		key := of.(cache.Key)
		if l := value.(leaving); time.Since(l.at) < leftFor {
			left[Role{key.Namespace, key.Mount, key.Role}] = l.cause
		} else {
			h.left.CompareAndDelete(of, value)
		}
		return true
	})
	return left
}
