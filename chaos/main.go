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
	"strings"
	"sync"

	"mashproxy/bench/rig"
)

func main() {
	only := flag.String("only", "", "strike only with faults whose names hold this `text`")
	again := flag.Bool("again", false, "strike once more where a promise was broken, for machines that stall now and then; both rows are shown")
	rig.Main(func(ctx context.Context, tools rig.Tools) error {
		faults := matching(slices.Concat(vaultFaults(), masheryFaults(), longFaults()), *only)
		if len(faults) == 0 {
			return fmt.Errorf("-only=%s: no fault's name holds that", *only)
		}
		return strikeAll(ctx, faults, tools.Mashproxy, *again)
	})
}

// strikeAll strikes with one fault after the other, and beside them with those
// that last, each in a world of its own. It prints a row of the table as soon as it
// is there.
func strikeAll(ctx context.Context, faults []fault, binary string, again bool) error {
	fmt.Print(heading())
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make(chan result)
	var striking sync.WaitGroup
	for _, queue := range queues(faults) {
		striking.Go(func() {
			if err := strikeInTurn(ctx, queue, binary, again, results); err != nil {
				stop(err)
			}
		})
	}
	go func() {
		striking.Wait()
		close(results)
	}()
	broken := printed(results)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d faults broke a promise", broken, len(faults))
	}
	fmt.Printf("\n%d faults, no promise broken.\n", len(faults))
	return nil
}

// queues are the faults that strike one after the other, and beside them each of
// those that last.
func queues(faults []fault) (all [][]fault) {
	var inTurn []fault
	for _, f := range faults {
		if f.beside {
			all = append(all, []fault{f})
		} else {
			inTurn = append(inTurn, f)
		}
	}
	return append(all, inTurn)
}

func strikeInTurn(ctx context.Context, faults []fault, binary string, again bool, results chan<- result) error {
	for _, f := range faults {
		r, err := f.run(ctx, binary)
		if err == nil && again && len(r.broken) > 0 {
			r.again = true
			results <- r
			r, err = f.run(ctx, binary)
		}
		if err != nil {
			return err
		}
		results <- r
	}
	return nil
}

// printed prints results as they come, and in the end what was wrong; it tells of
// how many faults that is.
func printed(results <-chan result) (broken int) {
	var complaints strings.Builder
	for r := range results {
		fmt.Print(r.row())
		switch {
		case r.again:
			fmt.Print(r.complaint())
		case len(r.broken) > 0:
			broken++
			complaints.WriteString(r.complaint())
		}
	}
	fmt.Print(complaints.String())
	return broken
}
