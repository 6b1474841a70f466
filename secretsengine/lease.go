// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// Lease types and times. A V2 signature is good for five minutes either way
// of its time, a V3 token for as long as Mashery says.
const (
	leaseTypeV2 = "mashery_v2"
	leaseTypeV3 = "mashery_v3"

	leaseV2TTL = time.Minute
	leaseV2Max = 2 * time.Minute
	leaseV3TTL = 15 * time.Minute
)

// What a lease remembers of its grant.
const (
	leaseRole        = "role"
	leaseFingerprint = "credentials"
	leaseTold        = "told"
)

func (b *backend) leaseV2() *framework.Secret {
	return &framework.Secret{
		Type: leaseTypeV2,
		Fields: map[string]*framework.FieldSchema{
			"api_key":  {Type: framework.TypeString, Description: "The API key"},
			"area_nid": {Type: framework.TypeInt64, Description: "The area's number"},
			"sig":      {Type: framework.TypeString, Description: "The signature"},
		},
		DefaultDuration: leaseV2TTL,
		Renew:           b.renewLease(leaseV2TTL),
		Revoke:          revokeLease,
	}
}

func (b *backend) leaseV3() *framework.Secret {
	return &framework.Secret{
		Type: leaseTypeV3,
		Fields: map[string]*framework.FieldSchema{
			"access_token": {Type: framework.TypeString, Description: "The access token"},
			"expiry":       {Type: framework.TypeString, Description: "When the access token ends"},
		},
		DefaultDuration: leaseV3TTL,
		Renew:           b.renewLease(leaseV3TTL),
		Revoke:          revokeLease,
	}
}

// leased makes the answer a lease of the named type, of at most most in all.
func (b *backend) leased(leaseType string, answer map[string]any, of *buyer, most time.Duration) *logical.Response {
	resp := b.Secret(leaseType).Response(answer, map[string]any{
		leaseRole:        of.Role.Name,
		leaseFingerprint: of.Marks.Fingerprint,
		leaseTold:        of.told(),
	})
	// Not nothing, which Vault would take for its default: the term may just have ended.
	most = max(time.Second, of.Role.Term.within(most, b.now()))
	resp.Secret.TTL = min(resp.Secret.TTL, most)
	resp.Secret.MaxTTL = most
	return resp
}

// told is what a grant tells beside its credential that can change while that is
// good. It is a text, for a number would come back from storage as another type.
func (b *buyer) told() string {
	return fmt.Sprint(b.Role.QPS, " ", b.Client.sender.V2, " ", b.Client.sender.V3)
}

// renewLease gives the lease its full time again, up to its maximum and the
// mount's, which Vault applies. Vault keeps the maximum with the lease, but
// would take the time left over from the last renewal for the one to give.
func (b *backend) renewLease(ttl time.Duration) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
		if req.Secret == nil {
			return nil, fmt.Errorf("lease is not renewable: the request carries no lease")
		}
		name, _ := req.Secret.InternalData[leaseRole].(string)
		r, err := loadRole(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, fmt.Errorf("lease is not renewable: role %q is gone", name)
		}
		buyer, err := b.buyer(ctx, req.Storage, r)
		if err != nil {
			return nil, err
		}
		if err := buyer.outgrown(req.Secret.InternalData); err != nil {
			return nil, err
		}
		req.Secret.TTL = r.Term.within(ttl, b.now())
		if most := req.Secret.MaxTTL; most > 0 {
			req.Secret.TTL = min(req.Secret.TTL, most)
		}
		return &logical.Response{Secret: req.Secret}, nil
	}
}

// outgrown says why the role would not give the grant again that the lease is of;
// nil when it would. "Lease is not renewable" are Vault's own words for a lease
// that is over, by which mashproxy drops the grant at once: it stands for what the
// role gives nobody any more. What it merely tells may be old for as long as it
// takes to read another; in other words, mashproxy signs with it until then.
func (b *buyer) outgrown(lease map[string]any) error {
	// A lease of an earlier version's does not say what its grant told.
	told, known := lease[leaseTold].(string)
	switch name := b.Role.Name; {
	case b.Marks.Fingerprint != lease[leaseFingerprint]:
		return fmt.Errorf("lease is not renewable: role %q has other credentials now; read a new grant", name)
	case b.Role.ForcedProxyMode:
		return fmt.Errorf("lease is not renewable: role %q requires proxy mode now", name)
	case b.Role.Term.over(b.now()):
		return fmt.Errorf("lease is not renewable: role %q has expired (granted until %s)", name, b.Role.Term)
	case known && told != b.told():
		return fmt.Errorf("the grant is out of date: role %q has another qps, or the mount another endpoint, than it tells; read a new one", name)
	}
	return nil
}

// revokeLease does nothing, and always can: Mashery has no way to end a
// signature or a token before its time.
func revokeLease(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	return nil, nil
}
