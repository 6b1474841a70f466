// SPDX-License-Identifier: MPL-2.0

package main

import (
	"testing"

	"go.uber.org/goleak"
)

// What runs from the start is of Vault's packages.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"),
	)
}
