// SPDX-License-Identifier: MPL-2.0

// Package forward sends requests on to Vault, through the API proxy and the
// lease cache of Vault Proxy (command/agentproxyshared/cache), and keeps what
// must not come back from there: the auto-auth token.
//
// It differs from Vault Proxy's own handler (cache.ProxyHandler) where that one
// hurts: a client that leaves ends its request at Vault; long bodies stream; a
// sealed or unreachable Vault is reported at once; the token is searched for in
// every answer, not only removed from one path; nothing is logged per request
// above debug level.
package forward

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"
	"github.com/hashicorp/vault/command/agentproxyshared/sink"
	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/helper/useragent"
)

// Identity is the Vault identity that requests are forwarded with.
type Identity interface {
	// Token is the current token; "" before the first login.
	Token() string

	// Await is the current token as soon as there is one that is not the old
	// one; "" when ctx ends before.
	Await(ctx context.Context, old string) string

	// Previous is the token before the current one; "" if there was none.
	Previous() string

	// Invalid is told that Vault refused token as invalid when it was the
	// current one. It may be told so several times, but not at the same time.
	Invalid(token string)
}

// Config is what a Forwarder is made of.
type Config struct {
	// Client reaches Vault: address, TLS, namespace and time-out are taken from
	// it, its retries and token are not. It is not changed.
	Client *api.Client

	// APIProxy and Cache are the blocks of the configuration file, as
	// command/proxy/config reads them; either may be nil.
	APIProxy *config.APIProxy
	Cache    *config.Cache

	// RetriesSet says that somebody set a number of retries
	// (vault { retry { num_retries } }, VAULT_MAX_RETRIES). Then Retries are
	// made as Vault Proxy makes them, for 5xx too. Otherwise 412 and refused
	// connections are retried for at most a second.
	RetriesSet bool
	Retries    int

	// DisableIdleConns and DisableKeepAlives are Vault Proxy's settings of the
	// same name, for "proxying".
	DisableIdleConns, DisableKeepAlives bool

	// Mashery says that the file has a mashery block: answers say where they
	// come from, and that nobody is logged in yet. Otherwise nothing is added
	// to what a Vault Proxy answers.
	Mashery bool

	// Logger is required.
	Logger hclog.Logger
}

// A Forwarder is the way to Vault. It is a sink for auto-auth tokens
// (agentproxyshared/sink), which is how the lease cache gets to know them.
type Forwarder struct {
	address string // without user info
	timeout time.Duration
	force   bool // the auto-auth token goes with every request
	useOwn  bool // it goes with those that have none
	mashery bool

	direct    cache.Proxier // the API proxy
	cached    cache.Proxier // the lease cache over it; nil without
	leases    *leases       // nil without
	client    *api.Client
	closeIdle func()
	redactor  *redactor
	log       hclog.Logger
}

// New makes a Forwarder. With a persistent cache it opens that, and reads what
// an earlier process left; Close closes it.
func New(c Config) (*Forwarder, error) {
	client, closeIdle, err := ownClient(c)
	if err != nil {
		return nil, fmt.Errorf("a client for forwarding to Vault: %w", err)
	}
	f := &Forwarder{
		address:   address(client),
		timeout:   c.Client.ClientTimeout(),
		mashery:   c.Mashery,
		client:    client,
		closeIdle: closeIdle,
		redactor:  newRedactor(),
	}
	f.log = f.redactor.logger(c.Logger)
	if c.APIProxy != nil {
		f.force = c.APIProxy.ForceAutoAuthToken
		f.useOwn = f.force || c.APIProxy.UseAutoAuthToken
	}
	if f.direct, err = f.apiProxy(c); err != nil {
		return nil, err
	}
	if c.Cache != nil {
		if f.leases, err = f.openLeases(c); err != nil {
			return nil, err
		}
		f.cached = f.leases.cache
	}
	return f, nil
}

// Handler forwards requests with an identity; nil without auto_auth.
func (f *Forwarder) Handler(identity Identity) *Handler {
	if identity == nil {
		identity = nobody{}
	}
	return &Handler{vault: f, identity: identity, log: f.log.Named("forward")}
}

// WriteToken takes a new auto-auth token (sink.Sink).
func (f *Forwarder) WriteToken(token string) error {
	f.redactor.learn(token)
	if f.leases == nil {
		return nil
	}
	return f.leases.sink.WriteToken(token)
}

// PreviousToken is the auto-auth token an earlier process left in the
// persistent cache; "" if there is none.
func (f *Forwarder) PreviousToken() string {
	if f.leases == nil {
		return ""
	}
	return f.leases.previous
}

// Update keeps cached static secrets up to date, until ctx ends. Without
// cache_static_secrets it only waits for that.
func (f *Forwarder) Update(ctx context.Context, identity Identity) {
	if f.leases == nil || f.leases.updater == nil {
		<-ctx.Done()
		return
	}
	f.leases.update(ctx, identity)
}

// CacheClear serves /proxy/v1/cache-clear (cache.LeaseCache.HandleCacheClear).
func (f *Forwarder) CacheClear() http.Handler {
	if f.leases == nil {
		return (*cache.LeaseCache)(nil).HandleCacheClear(context.Background())
	}
	return f.leases.cache.HandleCacheClear(f.leases.ctx)
}

// Close stops renewing leases, without revoking them, and closes the
// persistent cache.
func (f *Forwarder) Close() error {
	defer f.closeIdle()
	if f.leases == nil {
		return nil
	}
	return f.leases.close()
}

var _ sink.Sink = (*Forwarder)(nil)

// apiProxy is the way to Vault that knows neither cache nor identity.
func (f *Forwarder) apiProxy(c Config) (cache.Proxier, error) {
	settings := cache.APIProxyConfig{
		Client: f.client,
		// It logs two lines per request, and the client full addresses.
		Logger:                  hclog.NewNullLogger(),
		UserAgentString:         useragent.ProxyAPIProxyString(),
		UserAgentStringFunction: useragent.ProxyStringWithProxiedUserAgent,
	}
	if c.APIProxy != nil {
		var err error
		if settings.EnforceConsistency, settings.WhenInconsistentAction, err = consistency(c.APIProxy); err != nil {
			return nil, err
		}
		settings.PrependConfiguredNamespace = c.APIProxy.PrependConfiguredNamespace
	}
	proxy, err := cache.NewAPIProxy(&settings)
	if err != nil {
		return nil, fmt.Errorf("Vault's API proxy: %w", err)
	}
	return &retrier{
		next:    proxy,
		counted: c.RetriesSet,
		retries: c.Retries,
		waitMin: c.Client.MinRetryWait(),
		waitMax: c.Client.MaxRetryWait(),
		leaves412: settings.EnforceConsistency == cache.EnforceConsistencyAlways &&
			settings.WhenInconsistentAction == cache.WhenInconsistentFail,
	}, nil
}

// consistency reads the values command/proxy.go knows.
func consistency(p *config.APIProxy) (enforce cache.EnforceConsistency, when cache.WhenInconsistentAction, err error) {
	switch p.EnforceConsistency {
	case "always":
		enforce = cache.EnforceConsistencyAlways
	case "never", "":
		enforce = cache.EnforceConsistencyNever
	default:
		return 0, 0, fmt.Errorf(`api_proxy: enforce_consistency is %q: use "always" or "never"`, p.EnforceConsistency)
	}
	switch p.WhenInconsistent {
	case "retry":
		when = cache.WhenInconsistentRetry
	case "forward":
		when = cache.WhenInconsistentForward
	case "fail", "":
		when = cache.WhenInconsistentFail
	default:
		return 0, 0, fmt.Errorf(`api_proxy: when_inconsistent is %q: use "retry", "forward" or "fail"`, p.WhenInconsistent)
	}
	return enforce, when, nil
}

// address is client's address, fit for messages.
func address(client *api.Client) string {
	u, err := url.Parse(client.Address())
	if err != nil {
		return "the configured address"
	}
	u.User = nil
	return u.String()
}

// nobody is the identity of a file without auto_auth.
type nobody struct{}

func (nobody) Token() string                        { return "" }
func (nobody) Await(context.Context, string) string { return "" }
func (nobody) Previous() string                     { return "" }
func (nobody) Invalid(string)                       {}
