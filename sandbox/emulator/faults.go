// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ActiveFault is a [Fault] that can still befall calls.
type ActiveFault struct {
	ID    int
	Fault Fault
	// Calls is how many it befell so far.
	Calls int
	// Ends is when it ends by itself, by [Options].Now; zero: not by time.
	Ends time.Time
}

// AddFault makes something go wrong from now on. The id is for [Emulator.ClearFault];
// the error is that of [Fault.Validate].
func (e *Emulator) AddFault(f Fault) (id int, err error) {
	if err := f.Validate(); err != nil {
		return 0, err
	}
	return e.faults.add(f, e.opts.Now()), nil
}

// ClearFault ends a fault, and tells whether there was one of that id; calls that
// it delays or stalls go on.
func (e *Emulator) ClearFault(id int) bool { return e.faults.clear(id) }

// ClearFaults ends all faults; calls that they delay or stall go on, and so do
// those of faults that have ended by themselves.
func (e *Emulator) ClearFaults() { e.faults.clearAll() }

// Faults are the faults that can still befall calls, oldest first.
func (e *Emulator) Faults() []ActiveFault { return e.faults.list(e.opts.Now()) }

// faults are the active faults.
type faults struct {
	mu      sync.Mutex
	lastID  int
	active  []activeFault
	cleared chan struct{} // closed when all are cleared
}

type activeFault struct {
	ActiveFault
	ended chan struct{} // closed when it is cleared by its id
}

func newFaults() *faults { return &faults{cleared: make(chan struct{})} }

func (s *faults) add(f Fault, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	added := activeFault{ActiveFault{ID: s.lastID, Fault: f}, make(chan struct{})}
	if f.For > 0 {
		added.Ends = now.Add(f.For)
	}
	s.active = append(s.active, added)
	return added.ID
}

func (s *faults) clear(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.active, func(a activeFault) bool { return a.ID == id })
	if i < 0 {
		return false
	}
	close(s.active[i].ended)
	s.active = slices.Delete(s.active, i, i+1)
	return true
}

func (s *faults) clearAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = nil
	close(s.cleared)
	s.cleared = make(chan struct{})
}

func (s *faults) list(now time.Time) []ActiveFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOver(now)
	var list []ActiveFault
	for _, a := range s.active {
		list = append(list, a.ActiveFault)
	}
	return list
}

// forgetOver forgets the faults that have ended by themselves.
func (s *faults) forgetOver(now time.Time) {
	s.active = slices.DeleteFunc(s.active, func(a activeFault) bool {
		return a.Fault.Count > 0 && a.Calls >= a.Fault.Count || !a.Ends.IsZero() && !now.Before(a.Ends)
	})
}

// take gives the faults that befall a call, and counts it; nil for none.
func (s *faults) take(api, path string, signed bool, now time.Time) *mishap {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.active) == 0 {
		return nil
	}
	s.forgetOver(now)
	m := &mishap{cleared: s.cleared}
	for i := range s.active {
		if a := &s.active[i]; a.Fault.befalls(api, path, signed) {
			a.Calls++
			m.faults = append(m.faults, suffered{a.Fault, a.ended})
		}
	}
	if m.faults == nil {
		return nil
	}
	return m
}

// mishap is what befalls one call. A nil one is nothing.
type mishap struct {
	faults  []suffered
	cleared <-chan struct{}
}

// suffered is a fault that befalls a call.
type suffered struct {
	Fault
	ended <-chan struct{}
}

// mishapKey is the key of a request's mishap in its context.
type mishapKey struct{}

func (m *mishap) befall(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), mishapKey{}, m))
}

func mishapOf(r *http.Request) *mishap {
	m, _ := r.Context().Value(mishapKey{}).(*mishap)
	return m
}

// get gives the first fault of a kind.
func (m *mishap) get(kind FaultKind) (suffered, bool) {
	if m != nil {
		for _, f := range m.faults {
			if f.Kind == kind {
				return f, true
			}
		}
	}
	return suffered{}, false
}

// has tells whether there is a fault of one of the kinds.
func (m *mishap) has(kinds ...FaultKind) bool {
	return slices.ContainsFunc(kinds, func(kind FaultKind) bool { _, is := m.get(kind); return is })
}

// clockOff is how far Mashery's clock is ahead.
func (m *mishap) clockOff() (off time.Duration) {
	if m != nil {
		for _, f := range m.faults {
			if f.Kind == FaultClock {
				off += f.By
			}
		}
	}
	return off
}

// wait waits that long, or less when the fault or all are cleared, and tells
// whether the caller is still there. Without a duration it waits for one of these.
func (m *mishap) wait(ctx context.Context, f suffered, d time.Duration) bool {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-f.ended:
		return true
	case <-m.cleared:
		return true
	case <-ctx.Done():
		return false
	}
}
