// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Clients call this long before a fault, and after it.
const (
	before = 2 * time.Second
	after  = 3 * time.Second
)

// patience is the longest a call may take where a fault says nothing else.
const patience = 2500 * time.Millisecond

// fault is something that goes wrong while clients call, and what then is
// promised.
type fault struct {
	name  string
	setup setup
	// beside says that it lasts for minutes, and strikes beside the others. Clients
	// call less often then, so as not to be in their way.
	beside bool
	// strike breaks something, and mends it.
	strike func(context.Context, *world) error
	// spares tells the failures that nobody can spare the caller, and in
	// allowed says why; nil: no call may fail.
	spares  func(call, window) bool
	allowed string
	// longest is the longest a call may take; 0: patience.
	longest time.Duration
	// dead is how many calls may be signed with a grant that has ended, because they
	// were under way when it did.
	dead int
	// check looks at what else is promised, given the calls and when it struck;
	// nil: nothing.
	check func(context.Context, *world, []call, window) error
}

// window is when a fault was there.
type window struct{ from, to time.Time }

// result is what became of the calls.
type result struct {
	fault   fault
	calls   int
	failed  int
	why     map[string]int
	longest time.Duration
	broken  []string // promises
	again   bool     // it is struck with once more, and that counts
}

// run lets clients call, strikes, and judges.
func (f fault) run(ctx context.Context, binary string) (result, error) {
	w, err := newWorld(ctx, binary, f.setup)
	if err != nil {
		return result{}, err
	}
	load := startLoad(ctx, f.pace(), w.roles, w.sockets...)
	when, err := f.strikeWithin(ctx, w)
	calls := load.end()
	r := f.judge(calls, when)
	r.broken = append(r.broken, f.always(w.Mashery().Counts(), w.qps)...)
	if err == nil && f.check != nil {
		if broken := f.check(ctx, w, calls, when); broken != nil {
			r.broken = append(r.broken, broken.Error())
		}
	}
	said := w.said()
	if ended := w.close(); ended != nil {
		r.broken = append(r.broken, ended.Error())
	}
	if len(r.broken) > 0 {
		r.broken = append(r.broken, "the proxy wrote:\n"+said)
	}
	return r, err
}

// pace is the time from one call of a client to its next.
func (f fault) pace() time.Duration {
	if f.beside {
		return rarely
	}
	return between
}

func (f fault) strikeWithin(ctx context.Context, w *world) (window, error) {
	if err := pause(ctx, before); err != nil {
		return window{}, err
	}
	when := window{from: time.Now()}
	if f.strike != nil {
		if err := f.strike(ctx, w); err != nil {
			return when, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	when.to = time.Now()
	return when, pause(ctx, after)
}

// judge holds the calls against what is promised.
func (f fault) judge(calls []call, when window) result {
	r := result{fault: f, calls: len(calls), why: make(map[string]int)}
	limit := f.longest
	if limit == 0 {
		limit = patience
	}
	broken := make(map[string]int)
	for _, c := range calls {
		r.longest = max(r.longest, c.took)
		if c.took > limit {
			broken[fmt.Sprintf("took longer than %s", limit)]++
		}
		if c.failure == "" {
			continue
		}
		r.failed++
		r.why[c.failure]++
		if f.spares == nil || !f.spares(c, when) {
			broken["failed, which was not to be: "+c.failure+c.at(when)]++
		}
	}
	for promise, count := range broken {
		r.broken = append(r.broken, fmt.Sprintf("%d %s", count, promise))
	}
	slices.Sort(r.broken)
	return r
}

// at tells when a call was made, for people.
func (c call) at(when window) string {
	api := "V3"
	if c.v2 {
		api = "V2"
	}
	switch {
	case c.began.Before(when.from):
		return " (" + api + ", before)"
	case c.began.After(when.to):
		return " (" + api + ", after)"
	}
	return " (" + api + ", meanwhile)"
}

// reasons lists why calls failed.
func (r result) reasons() string {
	var texts []string
	for why, count := range r.why {
		texts = append(texts, fmt.Sprintf("%d× %s", count, why))
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// all does several things one after the other.
func all(steps ...func(context.Context, *world) error) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		for _, step := range steps {
			if err := step(ctx, w); err != nil {
				return err
			}
		}
		return nil
	}
}

func lasting(d time.Duration) func(context.Context, *world) error {
	return func(ctx context.Context, _ *world) error { return pause(ctx, d) }
}
