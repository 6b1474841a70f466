// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func (b *backend) pathCheck() *framework.Path {
	return &framework.Path{
		Pattern: "check",
		Fields: map[string]*framework.FieldSchema{
			"role": {Type: framework.TypeCommaStringSlice, Query: true, Description: "Roles whose credentials are tried; none are when no role is named."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: writing(b.readCheck, "Try what the mount needs, and say what works."),
		},
		HelpSynopsis:    "What works, and what does not.",
		HelpDescription: checkHelp,
	}
}

func (b *backend) readCheck(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	stored, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	client, err := b.reach(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	check := &checkup{backend: b, client: client, store: req.Storage, end: time.Now().Add(b.bounds.Call)}
	findings := check.endpoints(ctx)
	for _, name := range d.Get("role").([]string) {
		of, err := check.role(ctx, name)
		if err != nil {
			return nil, err
		}
		findings = append(findings, of...)
	}
	data := map[string]any{"version": Version, "tls_pinning": stored.effective().TLSPinning}
	works := true
	for _, f := range findings {
		data[f.of] = f.String()
		works = works && !f.failed
	}
	data["works"] = works
	return &logical.Response{Data: data}, nil
}

const checkHelp = `
Tries what the mount needs and says of each part whether it works: that Mashery's
endpoints answer, with which certificates, and how far its clock is from this
machine's. works tells whether all of it does.

    vault read mash-creds/check
    vault read mash-creds/check role=billing,reports

Of each role named, V3 is tried by getting its shared token, and V2 by a call of
test.echo, in the key's turn. No credential is given out and no use of the role
is counted.
`
