// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"fmt"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/config"
)

// vaultClient is the template of every client to Vault, set up as
// command/proxy.go does: address, TLS and namespace. The environment's token
// and agent address are not used.
func vaultClient(c *config.Config) (*api.Client, error) {
	settings := api.DefaultConfig()
	if settings.Error != nil {
		return nil, fmt.Errorf("the environment's settings for Vault: %w", settings.Error)
	}
	vault := c.Vault.Vault
	settings.Address, settings.AgentAddress = vault.Address, ""
	tls := api.TLSConfig{
		CACert: vault.CACert, CAPath: vault.CAPath, ClientCert: vault.ClientCert, ClientKey: vault.ClientKey,
		TLSServerName: vault.TLSServerName, Insecure: vault.TLSSkipVerify,
	}
	if vault.CACert != "" || vault.CAPath != "" || vault.ClientCert != "" || vault.ClientKey != "" ||
		vault.TLSServerName != "" || vault.TLSSkipVerify {
		if err := settings.ConfigureTLS(&tls); err != nil {
			return nil, fmt.Errorf("the TLS settings of the vault block: %w", err)
		}
	}
	client, err := api.NewClient(settings)
	if err != nil {
		return nil, fmt.Errorf("a client for Vault: %w", err)
	}
	client.ClearToken()
	client.ClearNamespace()
	if namespace := c.Namespace(); namespace != "" {
		client.SetNamespace(namespace)
	}
	return client, nil
}
