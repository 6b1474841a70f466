// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared"
	"github.com/hashicorp/vault/command/agentproxyshared/auth"
	"github.com/hashicorp/vault/command/agentproxyshared/sink"
	"github.com/hashicorp/vault/command/agentproxyshared/sink/file"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/helper/useragent"

	"mashproxy/agentext/redirect"
)

// waitedBackoff is the longest pause between two logins that fail while calls wait
// for one. Vault Proxy's own is 5 minutes, however soon Vault is back.
const waitedBackoff = 10 * time.Second

// Config says how to log in.
type Config struct {
	// AutoAuth is the file's block.
	AutoAuth *proxyconfig.AutoAuth
	// VaultAddress is Vault's, which one method (oci) wants to know.
	VaultAddress string
	// Client is the template of all clients: address, TLS, and the namespace
	// to log in to.
	Client *api.Client
	// ExitAfterAuth ends the sinks' actor after the first token is written.
	ExitAfterAuth bool
	// DisableIdleConns and DisableKeepAlives are Vault Proxy's settings.
	DisableIdleConns, DisableKeepAlives bool
	// Waited says that calls wait for the login. Where the file does not set
	// max_backoff it is then 10 s, or min_backoff if that is more, and not 5 minutes.
	Waited bool
	// PreviousToken, of a persistent cache, is tried before logging in; "": none.
	PreviousToken string
	Logger        hclog.Logger
}

// Login logs in, keeps the token alive and writes the sinks.
type Login struct {
	// Identity is the token and who is told of it.
	Identity *Identity
	// Handler is Vault's auto-auth.
	Handler *auth.AuthHandler

	method  auth.AuthMethod
	server  *sink.SinkServer
	sinks   []*sink.SinkConfig
	wrapped bool
	tokens  chan string
	ended   chan struct{} // closes with RunHandler
	log     hclog.Logger
}

// New makes the method, the handler and the sinks of a file's auto_auth block.
func New(c Config) (*Login, error) {
	method, err := agentproxyshared.GetAutoAuthMethodFromConfig(c.AutoAuth.Method.Type, &auth.AuthConfig{
		Logger:    c.Logger.Named("auth." + c.AutoAuth.Method.Type),
		MountPath: c.AutoAuth.Method.MountPath,
		Config:    c.AutoAuth.Method.Config,
	}, c.VaultAddress)
	if err != nil {
		return nil, fmt.Errorf("auto_auth method %q: %w", c.AutoAuth.Method.Type, err)
	}
	log, ended := c.Logger.Named("auth"), make(chan struct{})
	renewals, refusals := &renewals{ended: ended, log: log}, newRefusals(c, log)
	client, err := loginClient(c, renewals.over, refusals.over)
	if err != nil {
		return nil, err
	}
	sinks, err := fileSinks(c, client)
	if err != nil {
		return nil, err
	}
	handler := newHandler(c, client)
	own, err := client.CloneWithHeaders()
	if err != nil {
		return nil, err
	}
	own.SetMaxRetries(0)
	identity := newIdentity(own, renewals, handler.InvalidToken)
	return &Login{
		Identity: identity,
		Handler:  handler,
		method:   withFloor(method, identity, renewals, refusals, log),
		server: sink.NewSinkServer(&sink.SinkServerConfig{
			Logger: c.Logger.Named("sink.server"), Client: client, ExitAfterAuth: c.ExitAfterAuth,
		}),
		sinks:   sinks,
		wrapped: c.AutoAuth.Method.WrapTTL > 0,
		tokens:  make(chan string, 1),
		ended:   ended,
		log:     log,
	}, nil
}

// AddSink adds a sink beside the file's; before Run.
func (l *Login) AddSink(s *sink.SinkConfig) { l.sinks = append(l.sinks, s) }

// RunHandler logs in and keeps the token alive until ctx ends. It fails as
// Vault Proxy does (exit_on_err).
func (l *Login) RunHandler(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	relayed := make(chan struct{})
	go func() { defer close(relayed); l.relay(ctx) }()
	defer func() { cancel(); <-relayed; close(l.ended) }()
	return l.Handler.Run(ctx, l.method)
}

// RunSinks writes every new token to the sinks until ctx ends, or after the
// first when the file says exit_after_auth.
func (l *Login) RunSinks(ctx context.Context) error {
	return l.server.Run(ctx, l.tokens, l.sinks, l.Handler.AuthInProgress)
}

// relay passes tokens on to the identity first, then to the sinks. The sink
// server would hold back a token that is the same as the last, and a slow
// sink would keep calls waiting. The newest token is watched until its end.
func (l *Login) relay(ctx context.Context) {
	var watches sync.WaitGroup
	defer watches.Wait()
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case token, open := <-l.Handler.OutputCh:
			if !open {
				return
			}
			if !l.wrapped {
				l.Identity.set(token)
				stop()
				watched, cancel := context.WithCancel(ctx)
				stop = cancel
				watches.Go(func() { l.watch(watched, token) })
			}
			select {
			case l.tokens <- token:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (l *Login) watch(ctx context.Context, token string) {
	if l.Identity.watch(ctx, token) {
		l.log.Warn("the time of the Vault token is over, and Vault did not say that it was extended; logging in again")
	}
}

func loginClient(c Config, layers ...func(http.RoundTripper) http.RoundTripper) (*api.Client, error) {
	client, err := c.Client.CloneWithHeaders()
	if err != nil {
		return nil, err
	}
	if c.DisableIdleConns {
		client.SetMaxIdleConnections(-1)
	}
	if c.DisableKeepAlives {
		client.SetDisableKeepAlives(true)
	}
	return redirect.Client(client, layers...)
}

func newHandler(c Config, client *api.Client) *auth.AuthHandler {
	return auth.NewAuthHandler(&auth.AuthHandlerConfig{
		Logger:                       c.Logger.Named("auth.handler"),
		Client:                       client,
		WrapTTL:                      c.AutoAuth.Method.WrapTTL,
		MinBackoff:                   c.AutoAuth.Method.MinBackoff,
		MaxBackoff:                   c.maxBackoff(),
		EnableReauthOnNewCredentials: c.AutoAuth.EnableReauthOnNewCredentials,
		Token:                        c.PreviousToken,
		ExitOnError:                  c.AutoAuth.Method.ExitOnError,
		UserAgent:                    useragent.ProxyAutoAuthString(),
		MetricsSignifier:             "proxy",
	})
}

// maxBackoff is the file's, if it sets one; 0: Vault's.
func (c Config) maxBackoff() time.Duration {
	method := c.AutoAuth.Method
	if method.MaxBackoff <= 0 && c.Waited {
		return max(waitedBackoff, method.MinBackoff)
	}
	return method.MaxBackoff
}

func fileSinks(c Config, client *api.Client) ([]*sink.SinkConfig, error) {
	var sinks []*sink.SinkConfig
	for _, s := range c.AutoAuth.Sinks {
		if s.Type != "file" {
			return nil, fmt.Errorf("sink type %q is not known; use \"file\"", s.Type)
		}
		config := &sink.SinkConfig{
			Logger: c.Logger.Named("sink.file"), Config: s.Config, Client: client,
			WrapTTL: s.WrapTTL, DHType: s.DHType, DeriveKey: s.DeriveKey, DHPath: s.DHPath, AAD: s.AAD,
		}
		written, err := file.NewFileSink(config)
		if err != nil {
			return nil, fmt.Errorf("file sink: %w", err)
		}
		config.Sink = written
		sinks = append(sinks, config)
	}
	return sinks, nil
}
