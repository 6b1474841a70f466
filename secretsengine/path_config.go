// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func (b *backend) pathConfig() *framework.Path {
	return &framework.Path{
		Pattern: "config",
		Fields: map[string]*framework.FieldSchema{
			"v2_endpoint":       {Type: framework.TypeString, Description: "Address of the V2 API. Default: Mashery's own."},
			"v3_endpoint":       {Type: framework.TypeString, Description: "Address of the V3 API. Default: Mashery's own."},
			"v3_token_endpoint": {Type: framework.TypeString, Description: "Address V3 access tokens are asked for at. Default: Mashery's own."},
			"root_ca":           {Type: framework.TypeString, Description: "PEM certificates that are trusted instead of the system's. Default: none."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.readConfig, Summary: "Read how Mashery is reached."},
			logical.UpdateOperation: writing(b.writeConfig, "Set how Mashery is reached; what is not named stays."),
		},
		HelpSynopsis:    "How Mashery is reached.",
		HelpDescription: configHelp,
	}
}

// writing is an operation that may write to storage: where storage is
// read-only, Vault sends it to a node where it is not.
func writing(callback framework.OperationFunc, summary string) *framework.PathOperation {
	return &framework.PathOperation{
		Callback: callback, Summary: summary,
		ForwardPerformanceSecondary: true, ForwardPerformanceStandby: true,
	}
}

func (b *backend) readConfig(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	stored, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	c := stored.effective()
	return &logical.Response{Data: map[string]any{
		"v2_endpoint":       c.V2Endpoint,
		"v3_endpoint":       c.V3Endpoint,
		"v3_token_endpoint": c.V3TokenEndpoint,
		"root_ca":           c.RootCA,
	}}, nil
}

func (b *backend) writeConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := unknownFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	b.configLock.Lock()
	defer b.configLock.Unlock()
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	for name, field := range map[string]*string{
		"v2_endpoint": &c.V2Endpoint, "v3_endpoint": &c.V3Endpoint,
		"v3_token_endpoint": &c.V3TokenEndpoint, "root_ca": &c.RootCA,
	} {
		if value, named := d.GetOk(name); named {
			*field = value.(string)
		}
	}
	if _, err := newClient(c, b.now); err != nil {
		return logical.ErrorResponse(fmt.Sprintf("nothing was changed: %v", err)), nil
	}
	if err := store(ctx, req.Storage, configKey, c); err != nil {
		return nil, err
	}
	b.client.drop()
	return nil, nil
}

const configHelp = `
Sets the addresses of Mashery's APIs and the certificates they are checked
against. Without it the engine talks to api.mashery.com and trusts what the
system trusts. A write keeps what it does not name; an empty value goes back to
the default. Addresses must be https, or http to a loopback address.

Writing needs the sudo capability: whoever sets an address is sent credentials.
`
