// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/hashicorp/go-hclog"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// What [Options] mean where they say nothing.
const (
	DefaultMount = "mash-creds"
	DefaultQPS   = 10
	// DefaultQuota is what Mashery's own sample has.
	DefaultQuota = 2_000_000
)

// Options say where a sandbox listens and what it is made of. The zero value is a
// sandbox on free ports with its files in a temporary folder.
type Options struct {
	// ProxyListen, VaultListen, MasheryListen and MasheryAdminListen are loopback
	// addresses with a port, such as 127.0.0.1:8300; port 0 picks a free one.
	// "": 127.0.0.1:0. ProxyListen is not listened on: it is checked, chosen and
	// written into the configuration file.
	ProxyListen, VaultListen, MasheryListen string
	// MasheryAdminListen is where [emulator.Emulator.Admin] is.
	MasheryAdminListen string
	// Dir is the folder for the files. It is made when absent, kept at the end,
	// and may hold other files. "": a temporary one, removed at the end.
	Dir string
	// Mount is where the secrets engine is mounted, such as team/a/mash. "": [DefaultMount].
	Mount string
	// QPS is how many calls a second the role demo and its key at the emulated
	// Mashery are allowed. 0: [DefaultQPS].
	QPS int
	// Quota is how many calls a day that key is allowed. 0: [DefaultQuota].
	Quota int
	// Mashery changes the emulated Mashery. Its QPS and daily quota are those
	// above; credentials are made up when there are none.
	Mashery emulator.Options
	// MasheryTLS serves the emulated Mashery by TLS. A throw-away authority signs
	// its certificate: the secrets engine is told to trust it (root_ca), and
	// mashery-ca.pem in the folder is its certificate. See [Sandbox.MasheryCA].
	MasheryTLS bool
	// Faults befall the emulated Mashery as soon as Vault is furnished.
	Faults []emulator.Fault
	// Logger is told what the sandbox's Vault does. nil: silence.
	Logger hclog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.QPS < 0 {
		return o, fmt.Errorf("-qps=%d: it must be a positive number", o.QPS)
	}
	if o.Quota < 0 {
		return o, fmt.Errorf("-quota=%d: it must be a positive number", o.Quota)
	}
	o.Mount = cmp.Or(strings.Trim(o.Mount, "/"), DefaultMount)
	o.QPS = cmp.Or(o.QPS, DefaultQPS)
	o.Mashery.QPS = o.QPS
	o.Mashery.DailyQuota = cmp.Or(o.Quota, DefaultQuota)
	if o.Mashery.Credentials == (mashery.Credentials{}) {
		o.Mashery.Credentials = newCredentials()
	}
	for _, f := range o.Faults {
		if err := f.Validate(); err != nil {
			return o, fmt.Errorf("-fault=%s: %w", f, err)
		}
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
	adminURL     string
	authority    []byte // PEM; nil without TLS

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
	if err := s.startMashery(ports); err != nil {
		return errors.Join(err, ports.vault.Close())
	}
	if err := s.startVault(ctx, ports); err != nil {
		return err
	}
	role, err := s.furnish(ctx)
	if err != nil {
		return err
	}
	if err := s.writeFiles(role); err != nil {
		return err
	}
	return s.befall()
}

func (s *Sandbox) startMashery(p ports) error {
	s.emulator = emulator.New(s.options.Mashery)
	s.adminURL = "http://" + p.admin.Addr().String()
	logger := s.options.Logger.Named("mashery")
	s.closers = append(s.closers, serve(p.admin, s.emulator.Admin(), logger).Close)
	listener, scheme := p.mashery, "http://"
	if s.options.MasheryTLS {
		secure, err := s.secure(listener)
		if err != nil {
			return errors.Join(fmt.Errorf("making a certificate for the emulated Mashery: %w", err), listener.Close())
		}
		listener, scheme = secure, "https://"
	}
	s.masheryURL = scheme + listener.Addr().String()
	s.closers = append(s.closers, serve(listener, s.emulator, logger).Close)
	return nil
}

// secure puts TLS on a listener, with a certificate for its address.
func (s *Sandbox) secure(listener net.Listener) (net.Listener, error) {
	authority, err := emulator.NewAuthority()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	config, err := authority.ServerConfig(host, "localhost")
	if err != nil {
		return nil, err
	}
	s.authority = authority.PEM()
	return tls.NewListener(listener, config), nil
}

// befall adds the faults that are there from the start.
func (s *Sandbox) befall() error {
	for _, f := range s.options.Faults {
		if _, err := s.emulator.AddFault(f); err != nil {
			return fmt.Errorf("-fault=%s: %w", f, err)
		}
	}
	return nil
}

func (s *Sandbox) startVault(ctx context.Context, p ports) error {
	var err error
	if s.vault, err = StartVault(ctx, p.vault, VaultOptions{Logger: s.options.Logger.Named("vault")}); err != nil {
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
		authority:   string(s.authority),
		credentials: s.options.Mashery.Credentials,
		qps:         s.options.QPS,
	}
}

// writeFiles writes what the application's operator would have written, and what
// was printed when Vault was initialised.
func (s *Sandbox) writeFiles(role appRole) error {
	demo := s.demo()
	values := configValues{
		Vault:      s.vault.Address(),
		Proxy:      s.proxyAddress,
		RoleID:     s.folder.file(roleIDFile),
		SecretID:   s.folder.file(secretIDFile),
		Socket:     s.Socket(),
		Mount:      demo.mount,
		V2Endpoint: demo.v2,
		V3Endpoint: demo.v3,
	}
	if s.authority != nil {
		values.MasheryCA = s.folder.file(authorityFile)
		if err := s.folder.write(file{authorityFile, string(s.authority)}); err != nil {
			return err
		}
	}
	config, err := renderConfig(values)
	if err != nil {
		return err
	}
	credentials, err := demo.role()
	if err != nil {
		return err
	}
	return s.folder.write(
		file{configFile, config},
		file{policyFile, demo.policy()},
		file{credentialsFile, credentials},
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

// MasheryAdminURL is where it is told to fail, and shows its counts.
func (s *Sandbox) MasheryAdminURL() string { return s.adminURL }

// MasheryCA is the PEM certificate of the authority that signed the emulated
// Mashery's; nil without TLS.
func (s *Sandbox) MasheryCA() []byte { return s.authority }

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
