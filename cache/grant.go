// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"
)

// renewBefore is the life left under which the engine renews a shared token
// that is read [engine, roles/:role/token].
const renewBefore = 300 * time.Second

// Grant is a credential of a role, parsed and ready to sign with.
type Grant[G any] struct {
	Value G
	held
}

// held is what is known of a grant beside its value. All but live is under the
// lock of the grants.
type held struct {
	// generation counts the tokens of the application; a grant of an older
	// one is replaced.
	generation int
	// mark tells shared tokens apart.
	mark [sha256.Size]byte
	// keyID names the API key that it is of, among those of the mount; "": not told,
	// by an engine that cannot tell tokens apart by their marks either.
	keyID  string
	issued time.Time
	// took is how long its read did.
	took time.Duration
	// deadline is the time from which it is not signed with any more, end that
	// of the lease, or of the credential where that comes first.
	deadline, end time.Time
	// due is when it is to be renewed or replaced.
	due time.Time
	// own is the credential's own end, whatever the lease; zero: not told.
	own time.Time

	leaseID  string
	lease    time.Duration // as it was given at first
	renewals int
	// spent says that the lease will not be extended any more.
	spent bool

	// replaces says that the grant before was refused by Mashery.
	replaces bool
	// refused is when Mashery first refused this one, or did again after a while
	// of nothing else; accepted when the last call was sent that it did not refuse,
	// or one of the last second's as long as it has refused none.
	refused, accepted time.Time
	// fine is until when, in ns, no more needs to be said of calls that are not
	// refused. It is not under the lock, which every call would take for that.
	fine atomic.Int64
}

// useless says that Mashery refuses it to all calls, as far as is known.
func (h *held) useless() bool { return h.refused.After(h.accepted) }

// live tells whether the grant may still sign. Wall and monotonic clock are
// both asked, and whichever says "over" wins: a machine may have slept, or its
// clock been set.
func (g *Grant[G]) live(now time.Time) bool {
	return g != nil && now.Before(g.deadline) && now.Round(0).Before(g.deadline.Round(0))
}

// begin takes over the terms of an answer that has come to a request sent then.
func (h *held) begin(secret *api.Secret, t terms, sent, came time.Time) {
	h.issued, h.took = came, came.Sub(sent)
	h.leaseID, h.lease = secret.LeaseID, t.lease
	h.spent = !secret.Renewable || secret.LeaseID == ""
	if t.left > 0 {
		h.own = sent.Add(t.left)
	}
	h.reckon(t, sent)
}

// extend takes over a renewal's answer, and tells whether the lease now ends
// later. One that gives less than was asked for, or as much as the credential
// has, was the last.
func (h *held) extend(secret *api.Secret, sent time.Time) bool {
	if secret == nil || secret.LeaseDuration <= 0 {
		return false
	}
	t := terms{lease: seconds(int64(secret.LeaseDuration))}
	if !h.own.IsZero() {
		t.left = max(h.own.Sub(sent), 1)
	}
	if !sent.Add(t.life()).After(h.end) {
		return false
	}
	h.spent = t.lease < h.lease || t.life() < t.lease
	h.renewals++
	h.reckon(t, sent)
	return true
}

func (h *held) reckon(t terms, sent time.Time) {
	h.end, h.deadline = sent.Add(t.life()), sent.Add(t.usable())
	h.due = sent.Add(min(upkeepAfter(t), t.usable()-h.ahead(t)))
}

// ahead is how long before its end something must be done for a grant to go on
// where Vault is as slow as it was: time for a renewal, which may bring nothing, and
// for a read, with a margin. After a renewal that was answered only the read was
// slow, as behind it the engine may have been logging in to Mashery; but the next
// renewal may extend the lease by next to nothing. Half of the time is enough for
// that, or a short lease would be renewed all the time.
func (h *held) ahead(t terms) time.Duration {
	read := h.took + h.took/4
	switch {
	case h.spent:
		return read
	case h.renewals > 0:
		return min(read, t.usable()/2)
	}
	return min(h.took, renewTimeout) + read
}

// upkeepAfter is when something is done for a grant to go on: at about two
// thirds of the time it may be used. A shared token is renewed by the engine
// when it is read shortly before its end, so that is when.
func upkeepAfter(t terms) time.Duration {
	if t.lease == 0 && t.left > renewBefore {
		return t.left - renewBefore + jitter(2*time.Second, time.Minute)
	}
	return t.usable()*2/3 - jitter(0, t.usable()/10)
}

// jitter is a duration from least to most.
func jitter(least, most time.Duration) time.Duration {
	return least + rand.N(max(most-least, 1))
}
