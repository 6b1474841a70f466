// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

const configKey = "config"

// config is what is stored of the mount's configuration. An empty field means
// the default, so the zero value is a mount nobody has configured.
type config struct {
	V2Endpoint      string `json:"v2_endpoint,omitempty"`
	V3Endpoint      string `json:"v3_endpoint,omitempty"`
	V3TokenEndpoint string `json:"v3_token_endpoint,omitempty"`
	// RootCA holds PEM certificates trusted instead of the system's.
	RootCA string `json:"root_ca,omitempty"`
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
	return config{
		V2Endpoint:      cmp.Or(c.V2Endpoint, mashery.DefaultV2Endpoint),
		V3Endpoint:      cmp.Or(c.V3Endpoint, mashery.DefaultV3Endpoint),
		V3TokenEndpoint: cmp.Or(c.V3TokenEndpoint, mashery.DefaultV3TokenEndpoint),
		RootCA:          c.RootCA,
	}
}

// parseRoots reads PEM certificates; nil, the system's, when there is no text.
// Anything that is not a certificate is an error rather than passed over.
func parseRoots(text string) (*x509.CertPool, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for rest := []byte(text); len(rest) > 0; {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("give PEM certificates only (BEGIN CERTIFICATE … END CERTIFICATE)")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a certificate in it cannot be read: %w", err)
		}
		pool.AddCert(cert)
		rest = []byte(strings.TrimSpace(string(after)))
	}
	return pool, nil
}
