// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/sink"

	"mashproxy/agentext/autoauth"
	"mashproxy/agentext/config"
	"mashproxy/agentext/forward"
	"mashproxy/agentext/intercept"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// application is one application's identity, rules and grants, and the way
// its requests take. A file without application blocks has one.
type application struct {
	login     *autoauth.Login // nil without auto_auth
	forwarder *forward.Forwarder
	policies  *policy.Policies // nil without a mashery block, and so the next three
	grants    intercept.Grants
	local     *intercept.Handler
	ways      []*way // to Mashery, by block
}

// shared is what the applications of a process share.
type shared struct {
	config  *config.Config
	client  *api.Client
	budgets *mashery.Budgets
	load    *load
	version string
	logger  hclog.Logger
}

func newApplication(s shared) (*application, error) {
	a := &application{}
	var err error
	if a.forwarder, err = s.forwarder(); err != nil {
		return nil, err
	}
	if s.config.Vault.AutoAuth != nil {
		if a.login, err = s.login(a.forwarder.PreviousToken()); err != nil {
			return nil, errors.Join(err, a.forwarder.Close())
		}
		a.login.AddSink(&sink.SinkConfig{Logger: s.logger.Named("sink.leases"), Sink: a.forwarder})
	}
	if len(s.config.Mashery) > 0 {
		a.serveLocally(s)
	}
	return a, nil
}

func (s shared) forwarder() (*forward.Forwarder, error) {
	c := s.config
	settings := forward.Config{
		Client: s.client, APIProxy: c.Vault.APIProxy, Cache: c.Vault.Cache,
		RetriesSet: c.RetriesSet, Mashery: len(c.Mashery) > 0, Logger: s.logger.Named("apiproxy"),
		DisableIdleConns:  c.Vault.DisableIdleConnsAPIProxy,
		DisableKeepAlives: c.Vault.DisableKeepAlivesAPIProxy,
	}
	if retry := c.Vault.Vault.Retry; retry != nil {
		settings.Retries = retry.NumRetries
	}
	return forward.New(settings)
}

func (s shared) login(previous string) (*autoauth.Login, error) {
	c := s.config.Vault
	return autoauth.New(autoauth.Config{
		AutoAuth: c.AutoAuth, VaultAddress: c.Vault.Address, Client: s.client,
		ExitAfterAuth:     c.ExitAfterAuth,
		DisableIdleConns:  c.DisableIdleConnsAutoAuth,
		DisableKeepAlives: c.DisableKeepAlivesAutoAuth,
		Waited:            len(s.config.Mashery) > 0,
		PreviousToken:     previous, Logger: s.logger,
	})
}

// serveLocally makes what takes a local call through policy, grant, pacing and
// signing, and hangs it on the token.
func (a *application) serveLocally(s shared) {
	identity := a.login.Identity
	a.ways = waysOf(s.config.Mashery)
	policies, settings := s.deciding(identity, a.ways)
	a.policies = policies
	a.grants = cache.New(cache.Config[*mashery.Grant]{
		Vault: identity, Parse: intercept.ParseGrant, Lasting: intercept.IsForced,
		Logger: s.logger.Named("grants"), Observe: countGrants,
	})
	identity.Listen(autoauth.Listener{
		Changed: func() { a.policies.Reread(); a.grants.TokenChanged() },
		Lost:    a.grants.TokenLost,
	})
	settings.Grants, settings.GrantRefused = a.grants, policies.Doubt
	settings.Observe = s.load.answered
	settings.Vault = a.forwarder.Handler(identity).Direct()
	a.local = intercept.New(settings)
}

// deciding is what decides about calls by the policies of a token: all that a
// handler needs but what it would take to make them.
func (s shared) deciding(identity *autoauth.Identity, ways []*way) (*policy.Policies, intercept.Config) {
	var mounts []*intercept.Mount
	var scopes []policy.Mount
	for i, block := range s.config.Mashery {
		mount := &intercept.Mount{
			Mashery: block,
			Sender:  &mashery.Sender{Transport: ways[i].Connections, V2: block.V2Endpoint, V3: block.V3Endpoint},
		}
		mounts, scopes = append(mounts, mount), append(scopes, mount.PolicyMount())
	}
	namespace := strings.Trim(s.config.Namespace(), "/")
	policies := policy.New(policy.Config{Vault: identity, Namespace: namespace, Mounts: scopes, Logger: s.logger.Named("policy")})
	settings := intercept.Config{
		Mounts: mounts, LocalRules: s.config.LocalRules, RevealsTokenCreation: s.config.RevealsTokenCreation(),
		VaultAddress: s.client.Address(),
		Rules:        policies, HasNamespaces: policies.HasNamespaces, Budgets: s.budgets,
		Version: s.version, Logger: s.logger.Named("intercept"),
	}
	if proxy := s.config.Vault.APIProxy; proxy != nil && proxy.PrependConfiguredNamespace {
		settings.PrependNamespace = namespace
	}
	return policies, settings
}

// forward is the way on to Vault.
func (a *application) forward() http.Handler {
	if a.login == nil {
		return a.forwarder.Handler(nil)
	}
	return a.forwarder.Handler(a.login.Identity)
}

// warnOfReveal tells which credentials leave this proxy because the file says so.
func warnOfReveal(c *config.Config, log hclog.Logger) {
	for _, block := range c.Mashery {
		for _, entry := range block.Reveal {
			log.Warn("callers may read a credential, and with it step around policy and pacing",
				"mount", block.Path(), "reveal", entry, "source", fmt.Sprintf("mashery %q { reveal }", block.Mount))
		}
	}
}

// close gives up what is held; the token and its leases live on in Vault.
func (a *application) close() error {
	if a.grants != nil {
		a.grants.Close()
	}
	return a.forwarder.Close()
}
