// SPDX-License-Identifier: MPL-2.0

package rig_test

import (
	"context"
	"fmt"
	"log"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
)

// The built program in a sandbox, capped at 50 calls a second.
func Example() {
	ctx := context.Background()
	box, err := sandbox.Start(ctx, sandbox.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer box.Close()
	config, err := rig.Configure(box, "slow.hcl", rig.InMashery("qps = 50"))
	if err != nil {
		log.Fatal(err)
	}
	proxy, err := rig.StartProxy("bin/mashproxy", config)
	if err != nil {
		log.Fatal(err)
	}
	if err := box.WaitReady(ctx); err != nil {
		log.Fatal(err)
	}
	used, err := proxy.Usage()
	fmt.Println(used.RSS>>20, "MiB", err, proxy.Stop())
}
