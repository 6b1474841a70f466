// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"mashproxy/sandbox/emulator"
)

// always holds what is promised whatever breaks.
func (f fault) always(seen emulator.Counts, qps int) (broken []string) {
	for _, key := range seen.Keys {
		if key.Arrived > qps {
			broken = append(broken, fmt.Sprintf("Mashery got %d calls of a key in one second, which may make %d", key.Arrived, qps))
		}
	}
	if n := seen.Refused[emulator.CauseToken] + seen.Refused[emulator.CauseSignature]; f.dead != anyDead && n > f.dead {
		broken = append(broken, fmt.Sprintf("%d calls were signed with a grant that had ended, not %d at most", n, f.dead))
	}
	return broken
}

// The most calls that may be signed with a grant which has ended; see [fault].
const (
	// underway are those that clients of one API make at a time.
	underway = clients / 2
	// anyDead is where Mashery ends one grant after the other.
	anyDead = -1
)

// refetched holds that so many grants of each API were read since it struck.
func refetched(v3, v2 int) func(context.Context, *world, []call, window) error {
	return func(ctx context.Context, w *world, _ []call, when window) error {
		gotV3, gotV2, err := w.readSince(ctx, when.from)
		if err == nil && (len(gotV3) != v3 || len(gotV2) != v2) {
			err = fmt.Errorf("%d grants of V3 and %d of V2 were read since, not %d and %d", len(gotV3), len(gotV2), v3, v2)
		}
		return err
	}
}

// oneByOne holds that grants of both APIs were read since it struck, and never
// two of one API in short order.
func oneByOne(ctx context.Context, w *world, _ []call, when window) error {
	gotV3, gotV2, err := w.readSince(ctx, when.from)
	if n, m := most(gotV3, 3*time.Second), most(gotV2, 3*time.Second); err == nil && (n != 1 || m != 1) {
		err = fmt.Errorf("%d grants of V3 and %d of V2 were read within 3 s, not one of each", n, m)
	}
	return err
}

// readSince are the grants of each API that Vault was asked for since then.
func (w *world) readSince(ctx context.Context, then time.Time) (v3, v2 []request, err error) {
	reads, err := w.grantsRead(ctx)
	for _, read := range reads {
		switch {
		case read.at.Before(then):
		case read.v2:
			v2 = append(v2, read)
		default:
			v3 = append(v3, read)
		}
	}
	return v3, v2, err
}

// cutOffSeen holds that callers of both APIs saw answers end early: else it did
// not strike as it says.
func cutOffSeen(_ context.Context, _ *world, calls []call, _ window) error {
	cut := make(map[bool]int)
	for _, c := range calls {
		if c.failure == cutOff {
			cut[c.v2]++
		}
	}
	if cut[false] == 0 || cut[true] == 0 {
		return fmt.Errorf("%d answers of V3 and %d of V2 were cut off, not some of each", cut[false], cut[true])
	}
	return nil
}
