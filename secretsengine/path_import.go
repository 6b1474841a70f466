// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func (b *backend) pathImport() *framework.Path {
	return &framework.Path{
		Pattern: rolePattern("/import"),
		Fields: map[string]*framework.FieldSchema{
			"role": roleField(),
			"pem":  {Type: framework.TypeString, Description: "What the other Vault's roles/:role/export gave.", Required: true},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: b.ofRole(b.importRole, "Import what another Vault exported to this role."),
		},
		HelpSynopsis:    "Takes what another Vault exported to this role.",
		HelpDescription: importHelp,
	}
}

func (b *backend) importRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	name := d.Get("role").(string)
	defer b.lockRole(name)()
	old, err := loadRole(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if old == nil {
		return noRole(name)
	}
	block, err := decodeBlock(d.Get("pem").(string), dataBlock, "what the other Vault's roles/:role/export gave")
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	r, refused, err := b.opened(ctx, req.Storage, name, block)
	if r == nil {
		return refused, err
	}
	counts, err := loadSpent(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if err := store(ctx, req.Storage, rolePrefix+name, r); err != nil {
		return nil, err
	}
	return imported(r, counts), b.released(ctx, req.Storage, old)
}

// imported says what may surprise of the role that was imported; nil: nothing.
func imported(r *role, counts spent) *logical.Response {
	resp := new(logical.Response)
	if counts[r.Quota.ID] > 0 {
		resp.AddWarning("this export was imported before; its uses are counted on, not anew")
	}
	if !r.capable(mashery.V2) && !r.capable(mashery.V3) {
		resp.AddWarning("what was imported is capable of neither API: the export lacks credentials; ask for another")
	}
	if len(resp.Warnings) == 0 {
		return nil
	}
	return resp
}

// opened is the role in a block that was made for the role of that name; nil
// when there is none, and why.
func (b *backend) opened(ctx context.Context, s logical.Storage, name string, block *pem.Block) (*role, *logical.Response, error) {
	key, err := loadKey(ctx, s, name)
	if err != nil {
		return nil, nil, err
	}
	if key == nil {
		return nil, logical.ErrorResponse("nothing was exported to role %q yet; read roles/%s/pem and have the export made for that", name, name), nil
	}
	c, err := loadConfig(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	x, err := openExchange(block.Bytes, key, c.oaepLabel())
	if err == nil {
		err = x.checkHeaders(block.Headers, name)
	}
	if err != nil {
		return nil, refusedBlock(name, block, err), nil
	}
	id := sha256.Sum256(block.Bytes)
	r, err := x.role(name, hex.EncodeToString(id[:]), b.now())
	if err != nil {
		return nil, refusedBlock(name, block, err), nil
	}
	return r, nil, nil
}

func refusedBlock(name string, block *pem.Block, err error) *logical.Response {
	if to := block.Headers["Recipient Role"]; to != "" && to != name {
		return logical.ErrorResponse("the block was not imported to role %q (it says it is for role %q): %v", name, to, err)
	}
	return logical.ErrorResponse("the block was not imported to role %q: %v", name, err)
}

const importHelp = `
Takes what another Vault's roles/:role/export gave for the certificate of this
role (roles/:role/pem), and with it the limits set there. It replaces what the
role had; an imported role can then not be written, only imported to anew or
deleted. The uses of one export are counted once, however often it is imported.
`
