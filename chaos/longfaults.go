// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

const (
	// steady is after how long the rests between grants that Mashery refuses are
	// as long as they get.
	steady = 2 * time.Minute
	// long is how long faults last whose grants are counted: a while beyond that.
	long = 4*time.Minute + 15*time.Second
)

// longFaults last for minutes: Mashery refuses one grant after the other.
func longFaults() []fault {
	return []fault{
		{name: "two proxies whose tokens kill each other, for 4 min", beside: true, setup: rivals(), dead: anyDead, strike: lasting(long),
			spares:  func(c call, _ window) bool { return !c.v2 && c.failure == inactive },
			allowed: "V3 calls, by Mashery's answer that the token is dead", check: rivalsRest},
		{name: "an inactive key for 4 min", beside: true,
			strike: all(refuseAll("v2"), refuseAll("v3"), lasting(long)),
			spares: func(c call, when window) bool {
				return (c.failure == inactive || c.failure == refused) && c.began.Add(c.took).After(when.from)
			},
			allowed: "all, by Mashery's answer, or 502 until the next grant", check: fewGrants},
	}
}

// rivals are two proxies with tokens of their own, at a Mashery where a newer one
// kills the older.
func rivals() setup {
	return setup{sandbox: sandbox.Options{Faults: []emulator.Fault{{Kind: emulator.FaultKillOlder}}}, proxies: 2}
}

const (
	// inactive is how Mashery refuses a dead token, and an inactive key.
	inactive = "403 ERR_403_DEVELOPER_INACTIVE"
	// refused is how a call fails whose grants Mashery has refused, while there is
	// none.
	refused = "502 grant_refused"
)

// refuseAll lets Mashery refuse the calls of an API, as those of an inactive key.
func refuseAll(api string) func(context.Context, *world) error {
	return masheryFault("error,code=ERR_403_DEVELOPER_INACTIVE,api=" + api)
}

// rivalsRest holds that each proxy comes to two tokens a minute at most, and says
// what mends it.
func rivalsRest(ctx context.Context, w *world, _ []call, when window) error {
	reads, err := w.grantsRead(ctx)
	if err != nil {
		return err
	}
	late := make(map[string][]request)
	for _, read := range reads {
		if !read.v2 && read.at.After(when.from.Add(steady)) {
			late[read.token] = append(late[read.token], read)
		}
	}
	if len(late) != len(w.proxies) {
		return fmt.Errorf("%d of %d proxies have tried another token after %s", len(late), len(w.proxies), steady)
	}
	for _, reads := range late {
		if n := most(reads, time.Minute); n > 2 {
			return fmt.Errorf("a proxy has read %d tokens within a minute, after %s", n, steady)
		}
	}
	for _, proxy := range w.proxies {
		if !strings.Contains(proxy.Said(), `grant_from = "token"`) {
			return fmt.Errorf("a proxy has not said what mends it")
		}
	}
	return nil
}

// fewGrants holds that the key costs at most ten grants at first, and then one a
// minute.
func fewGrants(ctx context.Context, w *world, _ []call, when window) error {
	reads, err := w.grantsRead(ctx)
	if err != nil {
		return err
	}
	var early, late []request
	for _, read := range reads {
		switch since := read.at.Sub(when.from); {
		case since < 0: // before it was inactive
		case since < steady:
			early = append(early, read)
		default:
			late = append(late, read)
		}
	}
	if n, minutes := len(late), int(when.to.Sub(when.from.Add(steady))/time.Minute); len(early) > 10 || n == 0 || n > minutes+1 {
		return fmt.Errorf("%d grants were read in the first %s, and %d in more than %d minutes after", len(early), steady, n, minutes)
	}
	return nil
}
