// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func (b *backend) pathConfigCertList() *framework.Path {
	return &framework.Path{
		Pattern: "config/certs/?$",
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{Callback: b.listCertPins, Summary: "List which certificates are pinned."},
		},
		HelpSynopsis:    "Which certificates are pinned.",
		HelpDescription: "Lists which of leaf, issuer and root have a pin. The pins count when tls_pinning is custom.",
	}
}

func (b *backend) pathConfigCert() *framework.Path {
	return &framework.Path{
		Pattern: "config/certs/(?P<cert>leaf|issuer|root)",
		Fields: map[string]*framework.FieldSchema{
			"cert": {Type: framework.TypeString, AllowedValues: []any{"leaf", "issuer", "root"}, Description: "Which certificate: the server's own (leaf), the one that issued it (issuer), or the trusted one (root)."},
			"cn":   {Type: framework.TypeString, Description: "Common name the certificate must have; one of its DNS names will do."},
			"sn":   {Type: framework.TypeString, Description: "Serial number it must have, in hex."},
			"fp":   {Type: framework.TypeString, Description: "SHA-256 fingerprint it, or its public key, must have; in hex or base64."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.readCertPin, Summary: "Read what is pinned."},
			logical.UpdateOperation: writing(b.writeCertPin, "Pin a certificate; what is not named stays."),
			logical.DeleteOperation: writing(b.deleteCertPin, "Pin it no more."),
		},
		HelpSynopsis:    "What a certificate of Mashery's servers must show.",
		HelpDescription: configCertHelp,
	}
}

func (b *backend) listCertPins(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	var pinned []string
	for _, place := range pinnedPlaces() {
		if _, ok := c.Certs[place.String()]; ok {
			pinned = append(pinned, place.String())
		}
	}
	return logical.ListResponse(pinned), nil
}

func (b *backend) readCertPin(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	pin, pinned := c.Certs[d.Get("cert").(string)]
	if !pinned {
		return nil, nil
	}
	return &logical.Response{Data: map[string]any{"cn": pin.CN, "sn": pin.SN, "fp": pin.FP}}, nil
}

func (b *backend) writeCertPin(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	place := d.Get("cert").(string)
	return b.changeConfig(ctx, req, func(c *config) error {
		pin := c.Certs[place]
		for name, to := range map[string]*string{"cn": &pin.CN, "sn": &pin.SN, "fp": &pin.FP} {
			if value, named := d.GetOk(name); named {
				*to = value.(string)
			}
		}
		if _, err := pin.pin(mashery.Anywhere); err != nil {
			return err
		}
		if c.Certs == nil {
			c.Certs = make(map[string]certPin)
		}
		c.Certs[place] = pin
		return nil
	})
}

func (b *backend) deleteCertPin(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	place := d.Get("cert").(string)
	return b.changeConfig(ctx, req, func(c *config) error {
		if _, pinned := c.Certs[place]; !pinned {
			return errUnchanged
		}
		delete(c.Certs, place)
		return nil
	})
}

const configCertHelp = `
Pins a certificate of the chain by which Mashery's servers prove who they are,
beside the ordinary checks: by its name (cn), its serial number (sn), its SHA-256
fingerprint or that of its public key (fp), or several of these. All pins must be
met. They count when tls_pinning is custom, which wants at least one; so write
the pins first. A call that meets other certificates fails and says which.

    openssl s_client -connect api.mashery.com:443 -showcerts </dev/null

shows the certificates in use. Reading and writing need the sudo capability.
`
