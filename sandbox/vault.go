// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/audit"
	vaultserver "github.com/hashicorp/vault/command/server"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"

	"mashproxy/mashery"
)

// Vault is a real Vault server whose storage is in memory: Vault's own core and
// HTTP API in this process. It is initialised with one key share and unsealed;
// AppRole, the `file` audit device and the Mashery secrets engine are available
// to be enabled, and nothing is mounted yet.
type Vault struct {
	core   *vault.Core
	server *server

	address   string
	client    *api.Client
	transport *http.Transport
	rootToken mashery.Secret
	unsealKey mashery.Secret
}

// VaultOptions say what a [Vault] is. The zero value is a silent one that takes
// no plugins.
type VaultOptions struct {
	// Logger is told what Vault does. nil: silence.
	Logger hclog.Logger
	// PluginDirectory is where the binaries of plugins are that may be
	// registered (sys/plugins/catalog). "": none may.
	PluginDirectory string
}

// StartVault starts a Vault that serves its API on the listener, which it takes
// over: Close closes it.
func StartVault(ctx context.Context, listener net.Listener, options VaultOptions) (*Vault, error) {
	if options.Logger == nil {
		options.Logger = hclog.NewNullLogger()
	}
	core, err := newCore(options)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the sandbox's Vault: %w", err), listener.Close())
	}
	v := &Vault{
		core:      core,
		address:   "http://" + listener.Addr().String(),
		transport: &http.Transport{}, // no proxy from the environment: this never leaves the machine
	}
	v.server = serve(listener, v.handler(listener), options.Logger.Named("http"))
	if err := v.initialise(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("initialising the sandbox's Vault: %w", err), v.Close())
	}
	return v, nil
}

// newCore is what `vault server` builds from its configuration (command/server.go).
func newCore(options VaultOptions) (*vault.Core, error) {
	storage, err := inmem.NewInmem(nil, options.Logger.Named("storage"))
	if err != nil {
		return nil, err
	}
	return vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		StorageType:     "inmem",
		Logger:          options.Logger,
		PluginDirectory: options.PluginDirectory,
		BuiltinRegistry: newBuiltins(),
		AuditBackends:   map[string]audit.Factory{"file": audit.NewFileBackend},
		RawConfig:       &vaultserver.Config{SharedConfig: &configutil.SharedConfig{}},
		ClusterName:     "mashproxy-sandbox",
		DisableMlock:    true, // nothing in here is worth the privilege
	})
}

// handler is Vault's HTTP API. Zero values are Vault's defaults (the maximum
// request size included), but the listener's configuration must be there.
func (v *Vault) handler(listener net.Listener) http.Handler {
	return vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           v.core,
		ListenerConfig: &configutil.Listener{Type: "tcp", Address: listener.Addr().String()},
	})
}

// initialise does what an operator does first: init, unseal, log in as root.
func (v *Vault) initialise(ctx context.Context) error {
	var err error
	if v.client, err = v.newClient(); err != nil {
		return err
	}
	answer, err := v.client.Sys().InitWithContext(ctx, &api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		return err
	}
	v.unsealKey = mashery.NewSecret(answer.KeysB64[0])
	v.rootToken = mashery.NewSecret(answer.RootToken)
	v.client.SetToken(answer.RootToken)
	return v.Unseal(ctx)
}

// newClient makes a client that knows nothing of the environment's VAULT_*
// variables, which speak of another Vault.
func (v *Vault) newClient() (*api.Client, error) {
	client, err := api.NewClient(&api.Config{
		Address:    v.address,
		HttpClient: &http.Client{Transport: v.transport},
	})
	if err != nil {
		return nil, err
	}
	client.ClearToken()
	client.ClearNamespace()
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	return client, nil
}

// Address is the URL of the API, such as http://127.0.0.1:8200.
func (v *Vault) Address() string { return v.address }

// RootToken is the token that may do everything.
func (v *Vault) RootToken() mashery.Secret { return v.rootToken }

// UnsealKey is the one key share, in base64 as Vault prints it.
func (v *Vault) UnsealKey() mashery.Secret { return v.unsealKey }

// Client returns a client of the API with the root token. Every call returns a
// client of its own, so that a caller may change its token or namespace.
func (v *Vault) Client() (*api.Client, error) {
	client, err := v.newClient()
	if err != nil {
		return nil, err
	}
	client.SetToken(v.rootToken.Reveal())
	return client, nil
}

// Seal seals Vault: until Unseal every request is answered 503.
func (v *Vault) Seal(ctx context.Context) error {
	if err := v.client.Sys().SealWithContext(ctx); err != nil {
		return fmt.Errorf("sealing the sandbox's Vault: %w", err)
	}
	return nil
}

// Unseal opens a sealed Vault.
func (v *Vault) Unseal(ctx context.Context) error {
	status, err := v.client.Sys().UnsealWithContext(ctx, v.unsealKey.Reveal())
	if err != nil {
		return fmt.Errorf("unsealing the sandbox's Vault: %w", err)
	}
	if status.Sealed {
		return errors.New("unsealing the sandbox's Vault: it is still sealed")
	}
	return nil
}

// Close stops serving and shuts the core down. What was stored is gone.
func (v *Vault) Close() error {
	err := v.server.Close()
	v.transport.CloseIdleConnections()
	return errors.Join(err, v.core.ShutdownWait())
}
