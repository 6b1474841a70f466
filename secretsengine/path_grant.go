// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func (b *backend) pathGrant() *framework.Path {
	return &framework.Path{
		Pattern: rolePattern("/grant"),
		Fields: map[string]*framework.FieldSchema{
			"role":  roleField(),
			"api":   {Type: framework.TypeInt, Default: int(mashery.V3), Description: "API version: 2 or 3.", Query: true},
			"lease": {Type: framework.TypeBool, Default: false, Description: "Whether the grant comes with a lease.", Query: true},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: b.ofRole(b.readGrant, "Get a V2 signature or a V3 access token of your own."),
		},
		HelpSynopsis:    "A role's short-lived credential.",
		HelpDescription: grantHelp,
	}
}

func (b *backend) readGrant(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	api := mashery.API(d.Get("api").(int))
	buyer, refused, err := b.use(ctx, req.Storage, d.Get("role").(string), api, toReveal)
	if buyer == nil {
		return refused, err
	}
	leased := d.Get("lease").(bool)
	if api == mashery.V2 {
		return b.grantV2(ctx, buyer, leased), nil
	}
	return b.grantV3(ctx, buyer, leased)
}

func (b *backend) grantV2(ctx context.Context, buyer *buyer, leased bool) *logical.Response {
	creds := buyer.Role.credentials()
	answer := map[string]any{
		"api_key":  creds.APIKey.Reveal(),
		"area_nid": creds.AreaNID,
		"sig":      mashery.SignV2(creds.APIKey, creds.Secret, buyer.Client.masheryTime(ctx, 0)).Reveal(),
		"qps":      buyer.Role.QPS,
		"key_id":   buyer.Marks.KeyID,

		"v2_endpoint": buyer.Client.sender.V2.String(),
		"v3_endpoint": buyer.Client.sender.V3.String(),
	}
	if leased {
		return b.leased(leaseTypeV2, answer, buyer, leaseV2Max)
	}
	return &logical.Response{Data: answer}
}

func (b *backend) grantV3(ctx context.Context, buyer *buyer, leased bool) (*logical.Response, error) {
	token, err := buyer.own(ctx)
	if err != nil {
		buyer.giveBack(ctx)
		return b.failure(buyer.Role.Name, err)
	}
	answer := buyer.answer(token)
	if leased {
		// Nine tenths, so that the token outlives every copy of the lease.
		return b.leased(leaseTypeV3, answer, buyer, token.Life/10*9), nil
	}
	return &logical.Response{Data: answer}, nil
}

const grantHelp = `
Gives a new short-lived credential of the role. api=3, the default, asks Mashery
for an access token that nobody else has; api=2 signs with the time of now by
Mashery's clock, which Mashery accepts for five minutes.

With lease=true it comes as a lease (V2: 1 minute, at most 2; V3: 15 minutes, at
most nine tenths of the token's life) that can be renewed as long as the role
keeps its credentials and qps, and the mount its endpoints. Revoking the lease
does not end the credential, for which Mashery has no way.

key_id tells API keys of this mount apart without revealing them; v2_endpoint and
v3_endpoint are where the credential is good.
`
