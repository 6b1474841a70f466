// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// believed is how long it is believed what Vault said of itself. That seldom
// changes, and mostly with a new backend; what is written where storage is
// read-only Vault sends to another node by itself.
const believed = time.Second

// steadyView spares every request of a plugin the round trips to Vault in which
// the SDK asks whether the request is to be sent to another node.
type steadyView struct {
	logical.SystemView
	now func() time.Time

	mu    sync.Mutex
	asked time.Time // zero: never
	said  saidOfVault
}

// saidOfVault is what Vault said of itself and of the mount.
type saidOfVault struct {
	replication     consts.ReplicationState
	local           bool
	cachingDisabled bool
}

// ReplicationState implements logical.SystemView.
func (v *steadyView) ReplicationState() consts.ReplicationState { return v.ask().replication }

// LocalMount implements logical.SystemView.
func (v *steadyView) LocalMount() bool { return v.ask().local }

// CachingDisabled implements logical.SystemView.
func (v *steadyView) CachingDisabled() bool { return v.ask().cachingDisabled }

func (v *steadyView) ask() saidOfVault {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if age := now.Sub(v.asked); v.asked.IsZero() || age < 0 || age > believed {
		v.said = saidOfVault{v.SystemView.ReplicationState(), v.SystemView.LocalMount(), v.SystemView.CachingDisabled()}
		v.asked = now
	}
	return v.said
}
