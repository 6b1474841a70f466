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
	})
	// Not nothing, which Vault would take for its default: the term may just have ended.
	most = max(time.Second, of.Role.Term.within(most, b.now()))
	resp.Secret.TTL = min(resp.Secret.TTL, most)
	resp.Secret.MaxTTL = most
	return resp
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
		marks, err := b.marks(ctx, req.Storage, r.credentials())
		if err != nil {
			return nil, err
		}
		if marks.Fingerprint != req.Secret.InternalData[leaseFingerprint] {
			return nil, fmt.Errorf("lease is not renewable: role %q has other credentials now; read a new grant", name)
		}
		switch now := b.now(); {
		case r.ForcedProxyMode:
			return nil, fmt.Errorf("lease is not renewable: role %q requires proxy mode now", name)
		case r.Term.over(now):
			return nil, fmt.Errorf("lease is not renewable: role %q has expired (granted until %s)", name, r.Term)
		default:
			req.Secret.TTL = r.Term.within(ttl, now)
		}
		if most := req.Secret.MaxTTL; most > 0 {
			req.Secret.TTL = min(req.Secret.TTL, most)
		}
		return &logical.Response{Secret: req.Secret}, nil
	}
}

// revokeLease does nothing, and always can: Mashery has no way to end a
// signature or a token before its time.
func revokeLease(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	return nil, nil
}
