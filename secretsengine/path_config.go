// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"maps"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func (b *backend) pathConfig() *framework.Path {
	return &framework.Path{
		Pattern: "config",
		Fields:  configFields(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.readConfig, Summary: "Read how Mashery is reached."},
			logical.UpdateOperation: writing(b.writeConfig, "Set how Mashery is reached; what is not named stays."),
		},
		HelpSynopsis:    "How Mashery is reached, and what the mount allows.",
		HelpDescription: configHelp,
	}
}

func configFields() map[string]*framework.FieldSchema {
	group := func(name string) *framework.DisplayAttributes { return &framework.DisplayAttributes{Group: name} }
	endpoints, trust, egress := group("Endpoints"), group("TLS"), group("Egress proxy")
	return map[string]*framework.FieldSchema{
		"v2_endpoint":       {Type: framework.TypeString, DisplayAttrs: endpoints, Description: "Address of the V2 API. Default: Mashery's own."},
		"v3_endpoint":       {Type: framework.TypeString, DisplayAttrs: endpoints, Description: "Address of the V3 API. Default: Mashery's own."},
		"v3_token_endpoint": {Type: framework.TypeString, DisplayAttrs: endpoints, Description: "Address V3 access tokens are asked for at. Default: Mashery's own."},

		"root_ca": {Type: framework.TypeString, DisplayAttrs: trust, Description: "PEM certificates that are trusted instead of the system's. Default: none."},
		"tls_pinning": {
			Type: framework.TypeString, DisplayAttrs: trust, AllowedValues: []any{pinningDefault, pinningSystem, pinningCustom, pinningInsecure},
			Description: "Which valid certificates are accepted: of mashery.com those Mashery is known to have (default), all (system), those of config/certs (custom); or even invalid ones (insecure).",
		},

		"proxy_server":      {Type: framework.TypeString, DisplayAttrs: egress, Description: "host:port of the proxy Mashery is reached through. Default: that of Vault's environment (HTTPS_PROXY)."},
		"proxy_server_auth": {Type: framework.TypeString, DisplayAttrs: egress, Description: "How that proxy authenticates: Basic, Bearer, … Default: Basic."},
		"proxy_server_creds": {
			Type: framework.TypeString, DisplayAttrs: &framework.DisplayAttributes{Group: "Egress proxy", Sensitive: true},
			Description: "Credentials for that proxy; user:password for Basic. Never read back.",
		},

		"oaep_label":          {Type: framework.TypeString, Description: "Label that exported roles are encrypted with; both Vaults must have the same. Default: one for all mounts."},
		"enable_cli_v3_write": {Type: framework.TypeBool, Description: "Whether roles/:role/v3 may write and delete. Default: false."},
	}
}

// strings are the texts of the configuration by the names of their fields.
func (c *config) strings() map[string]*string {
	return map[string]*string{
		"v2_endpoint": &c.V2Endpoint, "v3_endpoint": &c.V3Endpoint, "v3_token_endpoint": &c.V3TokenEndpoint,
		"root_ca": &c.RootCA, "tls_pinning": &c.TLSPinning,
		"proxy_server": &c.ProxyServer, "proxy_server_auth": &c.ProxyServerAuth,
		"oaep_label": &c.OAEPLabel,
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
	data := map[string]any{
		"proxy_server_creds_set": !c.ProxyServerCreds.IsZero(),
		"enable_cli_v3_write":    c.EnableCLIV3Write,
	}
	for name, value := range c.strings() {
		data[name] = *value
	}
	return &logical.Response{Data: data}, nil
}

func (b *backend) writeConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	return b.changeConfig(ctx, req, func(c *config) error {
		for name, to := range c.strings() {
			if value, named := d.GetOk(name); named {
				*to = value.(string)
			}
		}
		if value, named := d.GetOk("proxy_server_creds"); named {
			c.ProxyServerCreds = seal(value.(string))
		}
		if value, named := d.GetOk("enable_cli_v3_write"); named {
			c.EnableCLIV3Write = value.(bool)
		}
		return nil
	})
}

// errUnchanged is for changes that turn out to be none.
var errUnchanged = errors.New("nothing to change")

// changeConfig applies a change to the configuration and stores it, if with it
// Mashery can be reached.
func (b *backend) changeConfig(ctx context.Context, req *logical.Request, change func(*config) error) (*logical.Response, error) {
	b.configLock.Lock()
	defer b.configLock.Unlock()
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	c.Certs = maps.Clone(c.Certs)
	if err = change(&c); err == nil {
		_, err = newClient(c, b.now)
	}
	switch {
	case err == errUnchanged:
		return nil, nil
	case err != nil:
		return logical.ErrorResponse("nothing was changed: %v", err), nil
	}
	if err := store(ctx, req.Storage, configKey, c); err != nil {
		return nil, err
	}
	b.client.drop()
	if c.TLSPinning == pinningInsecure {
		resp := new(logical.Response)
		resp.AddWarning("tls_pinning is insecure: whoever answers in Mashery's place is sent the roles' credentials")
		return resp, nil
	}
	return nil, nil
}

const configHelp = `
Sets the addresses of Mashery's APIs, whose certificates are accepted there, and
the proxy on the way. Without it the engine talks to api.mashery.com, accepts
from there the certificates Mashery is known to have, and uses the proxy that
Vault's environment names. A write keeps what it does not name; an empty value
goes back to the default. Addresses must be https, or http to a loopback
address, which is never reached through a proxy.

Reading and writing need the sudo capability: whoever sets an address is sent
credentials. Read check afterwards: it says what works.
`
