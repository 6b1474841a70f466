// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-hclog"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// What [Options] mean where they say nothing.
const (
	DefaultMount = "mash-creds"
	DefaultQPS   = 10
)

// Options say where a sandbox listens and what it is made of. The zero value is a
// sandbox on free ports with its files in a temporary folder.
type Options struct {
	// ProxyListen, VaultListen and MasheryListen are loopback addresses with a
	// port, such as 127.0.0.1:8300; port 0 picks a free one. "": 127.0.0.1:0.
	// ProxyListen is not listened on: it is checked, chosen and written into the
	// configuration file.
	ProxyListen, VaultListen, MasheryListen string
	// Dir is the folder for the files. It is made when absent, kept at the end,
	// and may hold other files. "": a temporary one, removed at the end.
	Dir string
	// Mount is where the secrets engine is mounted, such as team/a/mash. "": [DefaultMount].
	Mount string
	// QPS is how many calls a second the role demo and its key at the emulated
	// Mashery are allowed. 0: [DefaultQPS].
	QPS int
	// Mashery changes the emulated Mashery. Its QPS is the one above; credentials
	// are made up when there are none.
	Mashery emulator.Options
	// Logger is told what the sandbox's Vault does. nil: silence.
	Logger hclog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.QPS < 0 {
		return o, fmt.Errorf("-qps=%d: it must be a positive number", o.QPS)
	}
	o.Mount = cmp.Or(strings.Trim(o.Mount, "/"), DefaultMount)
	o.QPS = cmp.Or(o.QPS, DefaultQPS)
	o.Mashery.QPS = o.QPS
	if o.Mashery.Credentials == (mashery.Credentials{}) {
		o.Mashery.Credentials = newCredentials()
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return o, nil
}

// newCredentials are as Mashery's look, and new every time.
func newCredentials() mashery.Credentials {
	secret := func() mashery.Secret { return mashery.NewSecret(strings.ToLower(rand.Text()[:24])) }
	return mashery.Credentials{
		AreaID:   "3f0b6c1e-5a0d-4f0e-9d55-7a1c6b2e8d40",
		AreaNID:  1042,
		APIKey:   secret(),
		Secret:   secret(),
		Username: "service-account",
		Password: secret(),
	}
}

// Sandbox is a running sandbox.
type Sandbox struct {
	options      Options
	folder       folder
	vault        *Vault
	emulator     *emulator.Emulator
	proxyAddress string
	masheryURL   string

	closers []func() error // the last is called first
}

// Start starts the emulated Mashery and a Vault that is furnished for one
// application, and writes the application's files. Its errors name the flag of
// `mashproxy dev` to change. The caller runs Close.
func Start(ctx context.Context, options Options) (*Sandbox, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{options: options}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context) error {
	var err error
	if s.folder, err = openFolder(s.options.Dir); err != nil {
		return err
	}
	s.closers = append(s.closers, s.folder.Close)
	ports, err := bindPorts(s.options)
	if err != nil {
		return err
	}
	defer ports.proxy.Close() // free again for the proxy, which is started next
	s.proxyAddress = ports.proxy.Addr().String()
	s.startMashery(ports)
	if err := s.startVault(ctx, ports); err != nil {
		return err
	}
	role, err := s.furnish(ctx)
	if err != nil {
		return err
	}
	return s.writeFiles(role)
}

func (s *Sandbox) startMashery(p ports) {
	s.emulator = emulator.New(s.options.Mashery)
	s.masheryURL = "http://" + p.mashery.Addr().String()
	server := serve(p.mashery, s.emulator, s.options.Logger.Named("mashery"))
	s.closers = append(s.closers, server.Close)
}

func (s *Sandbox) startVault(ctx context.Context, p ports) error {
	var err error
	if s.vault, err = StartVault(ctx, p.vault, s.options.Logger.Named("vault")); err != nil {
		return err
	}
	s.closers = append(s.closers, s.vault.Close)
	return nil
}

// furnish prepares Vault for the application.
func (s *Sandbox) furnish(ctx context.Context) (appRole, error) {
	client, err := s.vault.Client()
	if err != nil {
		return appRole{}, err
	}
	role, err := s.demo().furnish(ctx, client)
	if err != nil {
		return appRole{}, fmt.Errorf("furnishing the sandbox's Vault: %w", err)
	}
	return role, nil
}

func (s *Sandbox) demo() demo {
	return demo{
		mount:       s.options.Mount,
		v2:          s.masheryURL + "/v2/json-rpc",
		v3:          s.masheryURL + "/v3/rest",
		v3Token:     s.masheryURL + "/v3/token",
		credentials: s.options.Mashery.Credentials,
		qps:         s.options.QPS,
	}
}

// writeFiles writes what the application's operator would have written, and what
// was printed when Vault was initialised.
func (s *Sandbox) writeFiles(role appRole) error {
	demo := s.demo()
	config, err := renderConfig(configValues{
		Vault:      s.vault.Address(),
		Proxy:      s.proxyAddress,
		RoleID:     s.folder.file(roleIDFile),
		SecretID:   s.folder.file(secretIDFile),
		Socket:     s.Socket(),
		Mount:      demo.mount,
		V2Endpoint: demo.v2,
		V3Endpoint: demo.v3,
	})
	if err != nil {
		return err
	}
	return s.folder.write(
		file{configFile, config},
		file{policyFile, demo.policy()},
		file{roleIDFile, role.roleID.Reveal()},
		file{secretIDFile, role.secretID.Reveal()},
		file{rootTokenFile, s.vault.RootToken().Reveal()},
		file{unsealKeyFile, s.vault.UnsealKey().Reveal()},
	)
}

// Vault is the Vault server.
func (s *Sandbox) Vault() *Vault { return s.vault }

// Mashery is the emulated Mashery.
func (s *Sandbox) Mashery() *emulator.Emulator { return s.emulator }

// MasheryURL is where the emulated Mashery is, such as http://127.0.0.1:8400.
func (s *Sandbox) MasheryURL() string { return s.masheryURL }

// Credentials are those of the role demo at the emulated Mashery.
func (s *Sandbox) Credentials() mashery.Credentials { return s.options.Mashery.Credentials }

// ProxyAddress is the proxy's TCP address, such as 127.0.0.1:8300.
func (s *Sandbox) ProxyAddress() string { return s.proxyAddress }

// Socket is the path of the proxy's unix socket.
func (s *Sandbox) Socket() string { return s.folder.file(socketFile) }

// ConfigFile is the path of the proxy's configuration.
func (s *Sandbox) ConfigFile() string { return s.folder.file(configFile) }

// Dir is the folder of the files.
func (s *Sandbox) Dir() string { return s.folder.path }

// Close stops everything and removes a temporary folder. The proxy should have
// been stopped before.
func (s *Sandbox) Close() error {
	var errs []error
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		errs = append(errs, s.closers[last]())
		s.closers = s.closers[:last]
	}
	return errors.Join(errs...)
}
