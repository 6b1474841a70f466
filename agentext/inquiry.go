// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/autoauth"
	"mashproxy/agentext/config"
	"mashproxy/agentext/intercept"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
)

const (
	giveBackTime = 2 * time.Second // for revoking a token
	patience     = 3               // times the policies are waited for
)

// InquiryOptions are what an inquiry needs beside the configuration.
type InquiryOptions struct {
	// Version is as in [Options].
	Version string
	// TokenFile holds a Vault token that is used in place of a login; "": log in.
	TokenFile string
}

// Inquiry tells what would become of calls without making any. It decides by
// the code of a proxy with this configuration, and by the policies of a token
// that it got as that would. It opens no listener, writes neither sinks nor other
// files, and reads no grant.
type Inquiry struct {
	config  *config.Config
	login   *autoauth.Login
	handler *intercept.Handler
	own     bool   // the token is of a login of our own
	stop    func() // ends what runs, and waits for its end
}

// Inquire logs in. The caller runs Close.
func Inquire(ctx context.Context, c *config.Config, o InquiryOptions) (*Inquiry, error) {
	method, err := inquiryMethod(c, o.TokenFile)
	if err != nil {
		return nil, err
	}
	client, err := vaultClient(c)
	if err != nil {
		return nil, err
	}
	s := shared{config: c, client: client, budgets: mashery.NewBudgets(), version: o.Version, logger: hclog.NewNullLogger()}
	login, err := autoauth.New(autoauth.Config{
		AutoAuth: &proxyconfig.AutoAuth{Method: method}, VaultAddress: c.Vault.Vault.Address, Client: client, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	policies, settings := s.deciding(login.Identity, waysOf(c.Mashery))
	settings.Grants = cache.New(cache.Config[*mashery.Grant]{Vault: login.Identity, Parse: intercept.ParseGrant}) // none is asked for
	q := &Inquiry{config: c, login: login, handler: intercept.New(settings), own: method.Type != tokenFile}
	if err := q.run(ctx, policies); err != nil {
		return nil, errors.Join(fmt.Errorf("logging in to Vault by %s: %w", method.Type, err), q.Close())
	}
	return q, nil
}

// run starts what keeps the token and its policies, and waits for the login.
func (q *Inquiry) run(ctx context.Context, policies *policy.Policies) error {
	loggedIn := make(chan struct{})
	tell := sync.OnceFunc(func() { close(loggedIn) })
	q.login.Identity.Listen(autoauth.Listener{Changed: func() { policies.Reread(); tell() }, Lost: func() {}})
	running, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	var parts sync.WaitGroup
	parts.Go(func() { _ = policies.Run(running) }) // it never fails
	parts.Go(func() { failed <- q.login.RunHandler(running) })
	q.stop = func() { cancel(); parts.Wait() }
	select {
	case <-loggedIn:
		return nil
	case err := <-failed:
		if err == nil {
			err = errors.New("Vault gave no token")
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Listeners are the doors that serve calls, in the order of the file.
func (q *Inquiry) Listeners() (doors []*intercept.Listener) {
	for i, c := range q.config.Vault.Listeners {
		if !metricsOnly(c) {
			doors = append(doors, doorOf(q.config, i))
		}
	}
	return doors
}

// Judge tells what would become of a request that comes in by a listener.
func (q *Inquiry) Judge(l *intercept.Listener, r *http.Request) *intercept.Judgement {
	j := q.handler.Judge(l, r)
	for tries := 1; errors.Is(j.Unknown, policy.ErrNotReady) && tries < patience; tries++ {
		j = q.handler.Judge(l, r)
	}
	return j
}

// Policies are the names of the token's Vault policies; nil where Vault does not
// tell.
func (q *Inquiry) Policies(ctx context.Context) (names []string) {
	answer, _, err := q.login.Identity.Read(ctx, q.namespace(), "auth/token/lookup-self", nil)
	if err != nil || answer == nil {
		return nil
	}
	for _, field := range []string{"policies", "identity_policies"} {
		list, _ := answer.Data[field].([]any)
		for _, name := range list {
			names = append(names, fmt.Sprint(name))
		}
	}
	return names
}

func (q *Inquiry) namespace() string { return strings.Trim(q.config.Namespace(), "/") }

// Close gives the token back, if it was got for this inquiry.
func (q *Inquiry) Close() error {
	q.stop()
	if !q.own || q.login.Identity.Token() == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), giveBackTime)
	defer cancel()
	_, err := q.login.Identity.Write(ctx, q.namespace(), "auth/token/revoke-self", nil)
	var refused *api.ResponseError
	switch {
	case err == nil, errors.As(err, &refused) && strings.Contains(strings.Join(refused.Errors, " "), "batch tokens cannot be revoked"):
		return nil
	}
	return fmt.Errorf("the token of this inquiry could not be revoked, and lives on to its end: %w", err)
}
