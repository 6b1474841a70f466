// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"testing"

	"go.uber.org/goleak"
)

// What stays after a Vault core was shut down is Vault's own: none of it is
// started by this package, and none of it can be stopped from outside.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"),
		goleak.IgnoreTopFunction("github.com/hashicorp/vault/vault.(*Core).setupCachedMFAResponseAuth.func1"),
	)
}
