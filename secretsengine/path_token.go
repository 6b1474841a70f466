// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func (b *backend) pathToken() *framework.Path {
	return &framework.Path{
		Pattern: rolePattern("/token"),
		Fields: map[string]*framework.FieldSchema{
			"role":   roleField(),
			"sha256": {Type: framework.TypeString, Query: true, Description: "Of DELETE: forget the token only if this is its SHA-256, in hexadecimal; another stays."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   b.ofRole(b.readToken, "Read the V3 access token the role's readers share."),
			logical.DeleteOperation: b.ofRole(b.deleteToken, "Forget the shared token; the next reader gets a new one."),
		},
		HelpSynopsis:    "The V3 access token the role's readers share.",
		HelpDescription: tokenHelp,
	}
}

func (b *backend) readToken(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("role").(string)
	buyer, refused, err := b.use(ctx, req.Storage, name, mashery.V3, toReveal)
	if buyer == nil {
		return refused, err
	}
	token, err := buyer.shared(ctx)
	if err != nil {
		buyer.giveBack(ctx)
		return b.failure(name, err)
	}
	return &logical.Response{Data: buyer.answer(token)}, nil
}

func (b *backend) deleteToken(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("role").(string)
	defer b.lockRole(name)()
	if sum := d.Get("sha256").(string); sum != "" {
		t, err := load[token](ctx, req.Storage, tokenPrefix+name)
		if err != nil || t == nil || !strings.EqualFold(sum, t.sum()) {
			return nil, err
		}
	}
	return nil, remove(ctx, req.Storage, tokenPrefix+name)
}

// sum is the SHA-256 of the access token, in hexadecimal.
func (t *token) sum() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(t.Access.Reveal()))) }

const tokenHelp = `
Reading it gives one V3 access token to all readers of the role. It is kept, and
renewed when less than five minutes are left. Deleting forgets it; at Mashery it
lives on to its end, for there is no way to revoke it. With sha256 only that
token is forgotten: of several readers that find it dead, none then deletes the
successor that another has just got.
`
