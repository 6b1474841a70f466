// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"strings"
	"syscall"
	"time"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

// masheryFaults befall Mashery, and the way there.
func masheryFaults() []fault {
	return []fault{
		{name: "Mashery's answers end mid-body for 4 s", strike: all(masheryFault("cut_body,for=4s,api=v3,reset=true"), masheryFault("cut_body,for=4s,api=v2"), lasting(4*time.Second)),
			spares:  func(c call, when window) bool { return c.failure == cutOff && within(c, when) },
			allowed: "answers of which a part was passed on, seen to be cut off", check: cutOffSeen},
		{name: "Mashery killed while answers stream, back after 1 s", setup: setup{scarce: true},
			strike: all(masheryFault("stall_body,api=v3"), masheryFault("stall_body,api=v2"), lasting(time.Second),
				masheryGate(shut), clearFaults, lasting(time.Second), masheryGate(open)),
			spares: func(c call, when window) bool {
				return (c.failure == cutOff || c.failure == unreachable) && within(c, when)
			},
			allowed: "answers under way, seen to be cut off; 502 while it is away", check: cutOffSeen},
		{name: "5 V3 calls lost before their answers", strike: repeated(5, masheryFault("cut_before,count=1,api=v3,reset=true"))},
		{name: "3 V2 calls lost before their answers", strike: repeated(3, masheryFault("cut_before,count=1,api=v2,reset=true")),
			spares: lostV2, allowed: "those V2 calls: Mashery may have run them"},
		{name: "connections to Mashery reset every 0.5 s", setup: setup{scarce: true}, strike: repeated(8, resetMashery), spares: lostV2, allowed: "V2 calls under way: Mashery may have run them"},
		{name: "Mashery unreachable for 0.1 s", strike: all(masheryGate(shut), lasting(100*time.Millisecond), masheryGate(open)),
			spares: lostV2, allowed: "V2 calls: a POST is not sent twice"},
		{name: "Mashery unreachable for 3 s", setup: setup{scarce: true}, strike: all(masheryGate(shut), lasting(3*time.Second), masheryGate(open)),
			spares:  func(c call, when window) bool { return c.failure == unreachable && within(c, when) },
			allowed: "502 while it is away"},
		{name: "Mashery over QPS for 10 s", setup: setup{scarce: true}, strike: all(masheryFault("over_qps,for=10s"), lasting(10*time.Second)), longest: 14 * time.Second},
		{name: "Mashery over QPS for 4 s, without Retry-After", setup: setup{scarce: true}, strike: all(masheryFault("over_qps,for=4s,retry_after=none"), lasting(4*time.Second)), longest: 8 * time.Second},
		{name: "all but 10 calls a second taken by others for 8 s", strike: all(others(10), lasting(8*time.Second), others(plenty)), longest: 8 * time.Second},
		{name: "answers stall mid-body for 3 s", setup: setup{scarce: true}, strike: all(masheryFault("stall_body,by=3s,count=10"), lasting(4*time.Second)), longest: 5 * time.Second},
		{name: "answers delayed by 1 to 3 s for 4 s", strike: all(masheryFault("delay,by=1s,jitter=2s,for=4s"), lasting(5*time.Second)), longest: 5 * time.Second},
		{name: "Mashery silent for 5 s", strike: all(masheryGate(silent), lasting(5*time.Second), masheryGate(open)), longest: 8 * time.Second},
		{name: "all access tokens dead at Mashery", strike: killTokens, dead: underway, check: refetched(1, 0)},
		{name: "a signature refused", strike: masheryFault("bad_signature,count=1"), dead: 1, check: refetched(0, 1)},
		{name: "Mashery's clock 10 min ahead, then put right", setup: clockOff("10m"), strike: all(clearFaults, lasting(5*time.Second)),
			dead: underway, check: refetched(0, 1)},
		{name: "Mashery's clock 10 min behind, then put right", setup: clockOff("-10m"), strike: all(clearFaults, lasting(5*time.Second)),
			dead: underway, check: refetched(0, 1)},
		{name: "two proxies share a token, new ones kill older", setup: sharing(), strike: killTokens, dead: underway},
		{name: "stopped for 12 s, beyond leases of 6 s", setup: shortTokens(), longest: 15 * time.Second,
			strike: all(send(syscall.SIGSTOP), lasting(12*time.Second), vaultGate(silent), send(syscall.SIGCONT), lasting(500*time.Millisecond), vaultGate(open))},
	}
}

// masheryFault lets Mashery fail, as `mashproxy dev -fault` does.
func masheryFault(text string) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		f, err := emulator.ParseFault(text)
		if err == nil {
			_, err = w.Mashery().AddFault(f)
		}
		return err
	}
}

// repeated does something several times, half a second apart.
func repeated(times int, strike func(context.Context, *world) error) func(context.Context, *world) error {
	var steps []func(context.Context, *world) error
	for range times {
		steps = append(steps, strike, lasting(500*time.Millisecond))
	}
	return all(steps...)
}

func within(c call, when window) bool {
	return c.began.Add(c.took).After(when.from) && c.began.Before(when.to)
}

// unreachable is how a call fails that Mashery gave no answer to.
const unreachable = "502 mashery_unreachable"

// lostV2 spares V2 calls whose connection was lost: they are POSTs, which may
// have been run.
func lostV2(c call, when window) bool { return c.v2 && c.failure == unreachable && within(c, when) }

func masheryGate(mode gateMode) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return w.mashery.set(mode) }
}

func resetMashery(_ context.Context, w *world) error { w.mashery.reset(); return nil }

func others(left int) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { w.Mashery().SetQPS(left); return nil }
}

func killTokens(_ context.Context, w *world) error { w.Mashery().KillTokens(); return nil }

func clearFaults(_ context.Context, w *world) error { w.Mashery().ClearFaults(); return nil }

func clockOff(by string) setup {
	f, err := emulator.ParseFault("clock,by=" + by)
	if err != nil {
		panic(err) // a literal of this file's
	}
	return setup{sandbox: sandbox.Options{Faults: []emulator.Fault{f}}}
}

// sharing is two proxies that sign with one token, at a Mashery where a newer
// one would kill it.
func sharing() setup {
	return setup{
		sandbox: sandbox.Options{Faults: []emulator.Fault{{Kind: emulator.FaultKillOlder}}},
		edits:   []rig.Edit{rig.InMashery(`grant_from = "token"`)}, proxies: 2,
	}
}

// shortTokens is a Mashery whose tokens end soon, and leases that end before. Where
// Vault is silent when the program goes on, it cannot say so.
func shortTokens() setup {
	return setup{sandbox: sandbox.Options{Mashery: emulator.Options{TokenLife: 8 * time.Second}}, lease: 6 * time.Second, scarce: true}
}

func withCredentialsOf(box *sandbox.Sandbox) emulator.Options {
	return emulator.Options{Credentials: box.Credentials()}
}

func send(s syscall.Signal) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return w.proxies[0].Signal(s) }
}

func matching(faults []fault, text string) (found []fault) {
	for _, f := range faults {
		if strings.Contains(f.name, text) {
			found = append(found, f)
		}
	}
	return found
}
