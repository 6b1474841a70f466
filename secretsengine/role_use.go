// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// purpose is what a role is used for.
type purpose int

const (
	// toReveal: a credential is given to the caller.
	toReveal purpose = iota
	// toCall: the engine makes a call itself.
	toCall
)

// use is the beginning of whatever needs a role's credentials: it makes all
// checks of the role and counts one use. Without a buyer there is none, and the
// response and the error are the answer. Who could then do nothing with it gives
// the use back.
func (b *backend) use(ctx context.Context, s logical.Storage, name string, api mashery.API, why purpose) (*buyer, *logical.Response, error) {
	r, err := loadRole(ctx, s, name)
	if r != nil && r.Quota.limited() {
		// What is checked must still be so when it is counted.
		defer b.lockRole(name)()
		r, err = loadRole(ctx, s, name)
	}
	if err != nil {
		return nil, nil, err
	}
	if r == nil {
		resp, err := noRole(name)
		return nil, resp, err
	}
	if resp, err := b.refusal(ctx, s, r, api, why); resp != nil || err != nil {
		return nil, resp, err
	}
	buyer, err := b.buyer(ctx, s, r)
	if err != nil {
		return nil, nil, err
	}
	if err := r.count(ctx, s, +1); err != nil {
		return nil, nil, err
	}
	return buyer, nil, nil
}

// refusal says why the role cannot be used so; nil when it can. Callers rely
// on the order of what is checked.
func (b *backend) refusal(ctx context.Context, s logical.Storage, r *role, api mashery.API, why purpose) (*logical.Response, error) {
	counts := spent{}
	if r.Quota.limited() {
		var err error
		if counts, err = loadSpent(ctx, s, r.Name); err != nil {
			return nil, err
		}
	}
	switch {
	case why == toReveal && r.ForcedProxyMode:
		// mashproxy knows a role in forced proxy mode by this text.
		return logical.ErrorResponse("operation is not permitted as this role requires proxy mode"), nil
	case r.Term.over(b.now()):
		return logical.ErrorResponse("this role has expired (granted until %s)", r.Term), nil
	case r.Quota.limited() && r.Quota.left(counts) == 0:
		return logical.ErrorResponse("this role has depleted its usage quota"), nil
	case api != mashery.V2 && api != mashery.V3:
		return logical.ErrorResponse("unsupported api version: %d", int(api)), nil
	case !r.capable(api):
		return notCapable(r, api), nil
	}
	return nil, nil
}

// giveBack undoes the counting of a use that came to nothing.
func (b *buyer) giveBack(ctx context.Context) {
	if !b.Role.Quota.limited() {
		return
	}
	ctx = context.WithoutCancel(ctx) // the caller may have left
	defer b.lockRole(b.Role.Name)()
	now, err := loadRole(ctx, b.Store, b.Role.Name)
	if err == nil && now != nil && now.Quota.ID == b.Role.Quota.ID {
		err = now.count(ctx, b.Store, -1)
	}
	if err != nil {
		b.Logger().Warn("a use that came to nothing could not be given back", "role", b.Role.Name, "error", err)
	}
}
