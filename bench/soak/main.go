// SPDX-License-Identifier: MPL-2.0

// Command soak lets mashproxy serve steady calls on leases of 10 s, and prints
// what it takes meanwhile: its goroutines, and its memory. Both must stay flat.
// Run it from the module's folder: `make soak`.
package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"mashproxy/bench/rig"
)

func main() {
	var p plan
	flag.DurationVar(&p.lasts, "for", 10*time.Minute, "how long it runs")
	flag.DurationVar(&p.every, "every", 30*time.Second, "time from one line to the next")
	rig.Main(func(ctx context.Context, tools rig.Tools) (err error) {
		w, err := open(ctx, tools.Mashproxy)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.close()) }()
		return p.run(ctx, w)
	})
}
