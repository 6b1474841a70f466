// SPDX-License-Identifier: MPL-2.0

// Command chaos runs the built program against a real Vault and an emulated
// Mashery, lets clients call steadily, breaks things around it and holds what
// becomes of the calls against what is promised. It prints a table and fails if
// a promise was broken. Run it from the module's folder: `make chaos`.
package main

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"mashproxy/bench/rig"
)

func main() {
	only := flag.String("only", "", "strike only with faults whose names hold this `text`")
	again := flag.Bool("again", false, "strike once more where a promise was broken, for machines that stall now and then; both rows are shown")
	rig.Main(func(ctx context.Context, tools rig.Tools) error {
		faults := matching(slices.Concat(vaultFaults(), masheryFaults()), *only)
		if len(faults) == 0 {
			return fmt.Errorf("-only=%s: no fault's name holds that", *only)
		}
		return strikeAll(ctx, faults, tools.Mashproxy, *again)
	})
}

// strikeAll strikes with one fault after the other, each in a world of its own,
// and prints a row of the table as soon as it is there.
func strikeAll(ctx context.Context, faults []fault, binary string, again bool) error {
	fmt.Print(heading())
	var results []result
	for _, f := range faults {
		r, err := f.run(ctx, binary)
		if err == nil && again && len(r.broken) > 0 {
			fmt.Print(r.row(), r.complaint())
			r, err = f.run(ctx, binary)
		}
		if err != nil {
			return err
		}
		fmt.Print(r.row())
		results = append(results, r)
	}
	broken := 0
	for _, r := range results {
		if len(r.broken) > 0 {
			broken++
			fmt.Print(r.complaint())
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d faults broke a promise", broken, len(results))
	}
	fmt.Printf("\n%d faults, no promise broken.\n", len(results))
	return nil
}
