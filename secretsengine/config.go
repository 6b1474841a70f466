// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"cmp"
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

const (
	configKey = "config"
	// defaultOAEPLabel is one for all mounts, so that any two can exchange a role.
	defaultOAEPLabel = "mashery-role"
)

// config is what is stored of the mount's configuration. An empty field means
// the default, so the zero value is a mount nobody has configured.
type config struct {
	V2Endpoint      string `json:"v2_endpoint,omitempty"`
	V3Endpoint      string `json:"v3_endpoint,omitempty"`
	V3TokenEndpoint string `json:"v3_token_endpoint,omitempty"`
	// RootCA holds PEM certificates trusted instead of the system's.
	RootCA string `json:"root_ca,omitempty"`
	// TLSPinning says which of them are accepted: one of the pinnings.
	TLSPinning string `json:"tls_pinning,omitempty"`
	// Certs are the pins of tls_pinning=custom by their places.
	Certs map[string]certPin `json:"certs,omitempty"`
	// ProxyServer is the egress proxy; empty: the environment's.
	ProxyServer      string `json:"proxy_server,omitempty"`
	ProxyServerAuth  string `json:"proxy_server_auth,omitempty"`
	ProxyServerCreds sealed `json:"proxy_server_creds,omitzero"`
	// OAEPLabel binds exported roles to those who know it.
	OAEPLabel string `json:"oaep_label,omitempty"`
	// EnableCLIV3Write lets roles/:role/v3 write.
	EnableCLIV3Write bool `json:"enable_cli_v3_write,omitempty"`
}

func loadConfig(ctx context.Context, s logical.Storage) (config, error) {
	c, err := load[config](ctx, s, configKey)
	if err != nil || c == nil {
		return config{}, err
	}
	return *c, nil
}

// effective is c with the defaults in place of what is not set.
func (c config) effective() config {
	c.V2Endpoint = cmp.Or(c.V2Endpoint, mashery.DefaultV2Endpoint)
	c.V3Endpoint = cmp.Or(c.V3Endpoint, mashery.DefaultV3Endpoint)
	c.V3TokenEndpoint = cmp.Or(c.V3TokenEndpoint, mashery.DefaultV3TokenEndpoint)
	c.TLSPinning = cmp.Or(c.TLSPinning, pinningDefault)
	c.OAEPLabel = cmp.Or(c.OAEPLabel, defaultOAEPLabel)
	return c
}
