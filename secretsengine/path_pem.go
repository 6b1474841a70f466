// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func (b *backend) pathPEM() *framework.Path {
	return &framework.Path{
		Pattern: rolePattern("/pem"),
		Fields: map[string]*framework.FieldSchema{
			"role": roleField(),
			"cn":   {Type: framework.TypeString, Default: "Bearer", Description: "Name of who asks, for the one who exports.", Query: true},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: b.ofRole(b.readPEM, "Get the certificate by which another Vault exports to this role."),
		},
		HelpSynopsis:    "The certificate by which another Vault exports to this role.",
		HelpDescription: pemHelp,
	}
}

// longestCN is the longest common name an X.509 certificate may bear, in runes.
const longestCN = 64

// blockMark is what marks where a PEM block begins and ends, so that nothing in
// it may.
const blockMark = "-----"

func (b *backend) readPEM(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, cn := d.Get("role").(string), d.Get("cn").(string)
	r, err := loadRole(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return noRole(name)
	}
	if len([]rune(cn)) > longestCN || !utf8.ValidString(cn) || strings.ContainsFunc(cn, unicode.IsControl) || strings.Contains(cn, blockMark) {
		return logical.ErrorResponse("cn must be one line of at most %d characters, without %s", longestCN, blockMark), nil
	}
	key, err := b.keyOf(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	block, err := newRecipient(key, name, cn, b.now())
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"pem": block}}, nil
}

const pemHelp = `
Gives a certificate that another Vault's roles/:role/export takes: what it exports
only this role can then import. It says nothing secret and is good for four hours.
The role may be empty; the first reading, which makes its key, takes a second.
`
