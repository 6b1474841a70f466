// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// countedView counts how often it is asked.
type countedView struct {
	logical.SystemView
	asked int
}

func (v *countedView) ReplicationState() consts.ReplicationState {
	v.asked++
	return v.SystemView.ReplicationState()
}

func TestVaultIsAskedOfItselfOnceASecond(t *testing.T) {
	clock := &fixedClock{time: time.Unix(1, 0)}
	counted := &countedView{SystemView: logical.TestSystemView()}
	view := &steadyView{SystemView: counted, now: clock.now}
	for range 5 {
		view.ReplicationState()
		view.LocalMount()
		view.CachingDisabled()
	}
	wantEqual(t, "asked", counted.asked, 1)
	clock.move(2 * believed)
	view.LocalMount()
	wantEqual(t, "asked, seconds later", counted.asked, 2)
	clock.move(-believed) // a clock that was set back
	view.LocalMount()
	wantEqual(t, "asked, by a clock set back", counted.asked, 3)
}

func TestANodeThatBecomesAStandbySendsRequestsOn(t *testing.T) {
	e := newDemo(t)
	e.read("roles/demo/token", nil)
	e.system.ReplicationStateVal = consts.ReplicationPerformanceStandby
	e.clock.move(2 * believed)
	if _, err := e.ask(logical.ReadOperation, "roles/demo/token", nil); !errors.Is(err, logical.ErrReadOnly) {
		t.Error(err)
	}
}
