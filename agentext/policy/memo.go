// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/logical"
)

const (
	memoSlots   = 1024 // answers kept of one rule set
	longestKept = 512  // bytes of a path whose answer is kept
)

// memo keeps what Vault has answered of one rule set, because Vault takes every
// rule with a "+" that might match apart for every question. The rules never
// change, so an answer is never out of date. A memo does not grow: every question
// has one slot, where the newest takes the place of the last.
type memo struct {
	seed  maphash.Seed
	slots [memoSlots]atomic.Pointer[match]
}

// match is Vault's answer about one operation on one path, apart from data.
type match struct {
	op      logical.Operation
	path    string
	allowed bool
	rule    *rule // that decides; nil if none matches
}

func newMemo() *memo { return &memo{seed: maphash.MakeSeed()} }

// match gives the answer that is kept, or else asks.
func (m *memo) match(op logical.Operation, path string, ask func(logical.Operation, string) (bool, *rule)) (bool, *rule) {
	if len(path) > longestKept {
		return ask(op, path)
	}
	slot := &m.slots[(maphash.String(m.seed, path)^maphash.String(m.seed, string(op)))%memoSlots]
	kept := slot.Load()
	if kept == nil || kept.op != op || kept.path != path {
		kept = &match{op: op, path: path}
		kept.allowed, kept.rule = ask(op, path)
		slot.Store(kept)
	}
	return kept.allowed, kept.rule
}
