// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/api"
)

// renewTimeout bounds one renewal of a lease.
const renewTimeout = 2 * time.Second

// attend is called when an entry's upkeep is due. A grant that nobody used since
// the last time lapses, unless somebody does before its end.
func (g *Grants[G]) attend(e *entry[G]) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.used && e.grant.live(now) && g.ctx.Err() == nil {
		g.keepUp(e, now)
	}
}

// keepUp sees to it that a live grant that is in use goes on: its lease is
// renewed, or a successor read while it still signs. g.mu is held.
func (g *Grants[G]) keepUp(e *entry[G], now time.Time) {
	if now.Before(e.due) || e.fetch != nil || e.renewing || g.ctx.Err() != nil {
		return
	}
	if grant := e.grant; grant.generation == g.generation && !grant.spent && !e.tooLateToRenew(now) {
		g.renewLater(e, grant)
		return
	}
	g.replace(e)
}

// tooLateToRenew tells that a renewal as vain as the last would leave no time for a
// read as slow as the last.
func (e *entry[G]) tooLateToRenew(now time.Time) bool {
	return e.mute && now.Add(renewTimeout+e.grant.took).After(e.grant.deadline)
}

// renewLater puts the renewal of a grant's lease in line. g.mu is held.
func (g *Grants[G]) renewLater(e *entry[G], grant *Grant[G]) {
	e.renewing = true
	g.line.add(&job{
		engine: e.key.engine(),

		begin: func() bool {
			e.renewing = e.grant == grant && grant.generation == g.generation
			return e.renewing
		},
		ask: func() (func(), error) {
			sent := time.Now()
			secret, err := g.renew(e.key, grant)
			return func() { g.renewed(e, grant, secret, sent, err) }, away(err)
		},
	}, renewal)
	g.dispatch()
}

func (g *Grants[G]) renew(key Key, grant *Grant[G]) (*api.Secret, error) {
	ctx, cancel := context.WithTimeout(g.ctx, renewTimeout)
	defer cancel()
	began := time.Now()
	secret, err := g.Vault.Write(ctx, key.Namespace, "sys/leases/renew", map[string]any{
		"lease_id": grant.leaseID, "increment": int(grant.lease / time.Second),
	})
	return secret, timely(ofVault(secret, err), began, renewTimeout)
}

// renewed takes over what a renewal brought. g.mu is held.
func (g *Grants[G]) renewed(e *entry[G], grant *Grant[G], secret *api.Secret, sent time.Time, err error) {
	e.renewing, e.mute = false, errors.Is(err, context.DeadlineExceeded)
	if e.grant != grant || grant.generation != g.generation || g.ctx.Err() != nil {
		return
	}
	switch {
	case err == nil && grant.extend(secret, sent):
		g.observe(RenewalOK)
		g.Logger.Debug("a lease was renewed", append(e.key.fields(), "good_for", time.Until(grant.deadline).Round(time.Second))...)
		e.used = false
		g.plan(e, grant.due)
	case err == nil:
		g.observe(RenewalNotExtended)
		g.replace(e)
	case leaseGone(err):
		g.observe(RenewalRefused)
		g.leaseEnded(e, err)
	case away(err) == nil:
		g.observe(RenewalRefused)
		g.Logger.Debug("Vault does not renew a lease, so the grant is replaced", append(e.key.fields(), "error", brief(err))...)
		g.replace(e)
	default:
		g.observe(RenewalFailed)
		g.notRenewed(e, err)
	}
}

// notRenewed sees to it that a grant whose renewal did not succeed goes on: it is
// tried again where nobody was reached. Where Vault was only too slow, or somebody
// answered, that would be so the next time, too; but a read may take its time, and
// may be let through. g.mu is held.
func (g *Grants[G]) notRenewed(e *entry[G], err error) {
	if (answered(err) || errors.Is(err, context.DeadlineExceeded)) && !e.grant.useless() {
		g.want(e, false)
		return
	}
	now := time.Now()
	g.plan(e, now.Add(retryIn(e.grant.deadline.Sub(now))))
}

// replace reads a successor of a grant whose lease ends, while it still signs.
// One that Mashery refuses is not replaced before its time. g.mu is held.
func (g *Grants[G]) replace(e *entry[G]) {
	e.grant.spent = true
	if e.grant.useless() {
		e.refusals.end(e.grant.deadline)
		return
	}
	g.want(e, false)
}

// leaseEnded drops a grant whose lease Vault has no more, and reads another: it
// was in use. g.mu is held.
func (g *Grants[G]) leaseEnded(e *entry[G], err error) {
	g.drop(e, DropLease)
	g.Logger.Warn("Vault has ended the lease of a grant", append(e.key.fields(), "error", brief(err))...)
	if g.Lasting != nil && g.Lasting(err) {
		g.remember(e, err, time.Now())
		return
	}
	if e.refusals.rest(time.Now()) == 0 {
		g.want(e, false)
	}
}
