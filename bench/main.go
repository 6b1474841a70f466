// SPDX-License-Identifier: MPL-2.0

// Command bench measures mashproxy on this machine: the same small V3 GET made
// directly, by way of a bare httputil.ReverseProxy, and by way of mashproxy, which
// serves it itself or leaves it to Vault; what it takes to start, and in memory.
// Run it from the module's folder: `make bench`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mashproxy/bench/rig"
)

func main() {
	var p plan
	flag.IntVar(&p.rounds, "rounds", 7, "how often each way is measured")
	flag.DurationVar(&p.lasts, "for", 2*time.Second, "how long a round is, for each way")
	only := flag.String("only", "", "measure only the ways whose names hold this `text`, beside "+baseline)
	qps := flag.Int("qps", 1_000_000, "calls a second that mashproxy is to pace at")
	rig.Main(func(ctx context.Context, tools rig.Tools) (err error) {
		peer := filepath.Join(tools.Dir, "peer")
		if err := rig.Build(ctx, "mashproxy/bench/peer", peer); err != nil {
			return err
		}
		w, err := open(ctx, programs{proxy: tools.Mashproxy, peer: peer}, *qps)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.close()) }()
		w.targets = slices.DeleteFunc(w.targets, func(t target) bool { return t.name != baseline && !strings.Contains(t.name, *only) })
		return p.run(ctx, w)
	})
}

// run measures, and prints each table when it is there.
func (p plan) run(ctx context.Context, w *world) error {
	allocations := make(map[string]float64)
	for _, t := range w.targets {
		count, err := t.allocations(ctx, p.lasts)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		allocations[t.name] = count
	}
	for _, connections := range []int{1, 32} {
		rounds, err := p.throughput(ctx, w.targets, connections)
		if err != nil {
			return err
		}
		fmt.Print(throughputTable(w.targets, connections, rounds, allocations))
	}
	found, err := w.footprint(ctx)
	if err != nil {
		return err
	}
	fmt.Print(footprintTable(found))
	return nil
}
