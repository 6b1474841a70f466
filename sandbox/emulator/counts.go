// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"mashproxy/mashery"
)

// Cause is why the gateway refused a call.
type Cause string

// The causes of refusals.
const (
	CauseToken      Cause = "token"        // no access token, or an unknown or lapsed one
	CauseSignature  Cause = "signature"    // unknown key; wrong, late or early signature
	CauseUnsigned   Cause = "unsigned"     // no signature, as of a HEAD that asks for the time
	CauseOverQPS    Cause = "over_qps"     // too many calls in the second
	CauseOverQuota  Cause = "over_quota"   // too many calls in the day
	CauseNoSuchPath Cause = "no_such_path" // no endpoint there
	CauseArea       Cause = "area"         // a V2 call to another area than the key's
	CauseFault      Cause = "fault"        // the fault [FaultError]
)

// Counts are what an [Emulator] was asked since it was made. They hold no secret.
type Counts struct {
	// V2 and V3 are calls that passed the gateway.
	V2 int `json:"v2"`
	V3 int `json:"v3"`
	// Password and Refresh are token requests by grant type, answered with a
	// token; TokensRefused are all token requests answered otherwise.
	Password      int `json:"password"`
	Refresh       int `json:"refresh"`
	TokensRefused int `json:"tokens_refused"`
	// Refused are calls the gateway refused.
	Refused map[Cause]int `json:"refused"`
	// Calls are those that passed it, by verb and kind of path:
	// "GET services", "PUT services/{id}/endpoints/{id}", "v2 object.query",
	// "route /v3/rest/big"; "OTHER …" for any other verb.
	Calls map[string]int `json:"calls"`
	// Faults are how many calls faults befell, by their kind.
	Faults map[FaultKind]int `json:"faults"`
	// Keys are in the order the keys became known: that of
	// Options.Credentials first.
	Keys []KeyCounts `json:"keys"`
}

// KeyCounts are the calls of one API key that had the right credentials.
type KeyCounts struct {
	// Counted are calls that were let through; Refused those over a limit.
	Counted int `json:"counted"`
	Refused int `json:"refused"`
	// Sliding is the most calls that were let through within any one second,
	// whatever the calendar says; Arrived counts the refused ones, too.
	Sliding int `json:"sliding"`
	Arrived int `json:"arrived"`
	// Seconds are the calendar seconds with calls in them, oldest first; the
	// last 3,600 of them.
	Seconds []Second `json:"seconds"`
}

// Second is one calendar second of a key's calls.
type Second struct {
	Unix    int64 `json:"unix"`
	Counted int   `json:"counted"`
	Refused int   `json:"refused"`
}

// Busiest is the second that let through the most calls; zero without calls.
func (k KeyCounts) Busiest() Second {
	if len(k.Seconds) == 0 {
		return Second{}
	}
	return slices.MaxFunc(k.Seconds, func(a, b Second) int { return cmp.Compare(a.Counted, b.Counted) })
}

// Counts gives a copy of what was counted so far.
func (e *Emulator) Counts() Counts {
	counts := e.counter.copy()
	for _, k := range e.keys.all() {
		counts.Keys = append(counts.Keys, k.meter.counts())
	}
	return counts
}

// counter counts everything but what meters count.
type counter struct {
	mu     sync.Mutex
	counts Counts
}

func newCounter() *counter {
	return &counter{counts: Counts{Refused: map[Cause]int{}, Calls: map[string]int{}, Faults: map[FaultKind]int{}}}
}

func (c *counter) copy() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	counts.Refused = maps.Clone(counts.Refused)
	counts.Calls = maps.Clone(counts.Calls)
	counts.Faults = maps.Clone(counts.Faults)
	return counts
}

func (c *counter) add(count func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count(&c.counts)
}

func (c *counter) refused(cause Cause) { c.add(func(n *Counts) { n.Refused[cause]++ }) }

func (c *counter) call(class string) { c.add(func(n *Counts) { n.Calls[class]++ }) }

func (c *counter) befell(m *mishap) {
	c.add(func(n *Counts) {
		for _, f := range m.faults {
			n.Faults[f.Kind]++
		}
	})
}

func (c *counter) api(api mashery.API) {
	c.add(func(n *Counts) {
		if api == mashery.V2 {
			n.V2++
		} else {
			n.V3++
		}
	})
}
