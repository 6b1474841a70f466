// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/logical"
)

// ErrNoToken says that there is no token to ask Vault with: auto-auth has not
// logged in yet, or logs in again.
var ErrNoToken = errors.New("not logged in to Vault yet; look for auth errors in this program's log")

// Listener is told of changes of the token, in their order. Its functions must
// neither block nor change the token.
type Listener struct {
	// Changed tells of a new token.
	Changed func()
	// Lost tells that Vault no longer knows the token, or that its time is over.
	Lost func()
}

// Identity holds the auto-auth token of one application.
type Identity struct {
	client   *api.Client // of our own requests: no retries
	invalid  chan<- error
	renewals *renewals
	lookups  lookups

	changes   sync.Mutex // held while the token changes and listeners are told
	mu        sync.RWMutex
	token     string
	previous  string
	changed   chan struct{} // closes when the token changes
	trust     trust
	listeners []Listener
}

// newIdentity makes an identity without a token. Its requests go through
// client; a token that is lost is reported on invalid.
func newIdentity(client *api.Client, renewals *renewals, invalid chan<- error) *Identity {
	return &Identity{client: client, invalid: invalid, renewals: renewals, lookups: newLookups(), changed: make(chan struct{})}
}

// String tells whether there is a token, never which.
func (i *Identity) String() string {
	if i.Token() == "" {
		return "not logged in to Vault"
	}
	return "logged in to Vault"
}

// GoString is String: %#v would print the token.
func (i *Identity) GoString() string { return i.String() }

// Token is the current token; "" while there is none.
func (i *Identity) Token() string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.token
}

// Await is the current token, if there is one and it is not the old one; else
// the first of which that can be said. It is "" when ctx ends before.
func (i *Identity) Await(ctx context.Context, old string) string {
	for {
		i.mu.RLock()
		token, changed := i.token, i.changed
		i.mu.RUnlock()
		if token != "" && token != old {
			return token
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ""
		}
	}
}

// Previous is the token before the current one; "" if there was none.
func (i *Identity) Previous() string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.previous
}

// Listen adds a listener; it must be called before the first login.
func (i *Identity) Listen(l Listener) { i.listeners = append(i.listeners, l) }

// set takes over a token that auto-auth obtained. One that is the current one
// already changes nothing.
func (i *Identity) set(token string) {
	i.changes.Lock()
	defer i.changes.Unlock()
	if !i.replace(i.Token(), token) {
		return
	}
	for _, l := range i.listeners {
		l.Changed()
	}
}

// Invalid tells that Vault called the token of a request invalid. If it still
// is the current one it is lost, and auto-auth is told, once. Late answers to
// an older token count for nothing.
func (i *Identity) Invalid(token string) {
	i.changes.Lock()
	defer i.changes.Unlock()
	if !i.replace(token, "") {
		return
	}
	for _, l := range i.listeners {
		l.Lost()
	}
	select {
	case i.invalid <- logical.ErrInvalidToken:
	default: // it has been told already
	}
}

// replace puts one token in the place of another, unless that is not the
// current one, or both are the same.
func (i *Identity) replace(old, token string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if old == token || old != i.token {
		return false
	}
	if old != "" {
		i.previous = old
	}
	i.token = token
	i.trust.replaced(old, token, time.Now(), i.end(old))
	close(i.changed)
	i.changed = make(chan struct{})
	return true
}

// Read sends one GET with the current token, without retries; ctx bounds it.
// It fails with [ErrNoToken], with *api.ResponseError when Vault refuses, and
// returns the header with the answer. What Vault says of auth/token/lookup-self is
// asked once for each token: with one whose uses count, every question is a use.
func (i *Identity) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	if path == lookupSelf {
		found := i.lookup(ctx, namespace, false)
		return found.secret, found.header, found.err
	}
	return i.read(ctx, i.Token(), namespace, path, query)
}

func (i *Identity) read(ctx context.Context, token, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	if token == "" {
		return nil, nil, ErrNoToken
	}
	return i.answer(token)(i.with(token, namespace).ReadRawWithDataWithContext(ctx, path, query))
}

// Write sends one PUT with the current token, without retries; ctx bounds it.
// It fails as [Identity.Read] does; the secret is nil when Vault had nothing to
// say. (WriteRawWithContext would end its context before the answer's body is
// read, which breaks off one that comes later than its header.)
func (i *Identity) Write(ctx context.Context, namespace, path string, data map[string]any) (*api.Secret, error) {
	token := i.Token()
	if token == "" {
		return nil, ErrNoToken
	}
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	secret, err := i.with(token, namespace).WriteBytesWithContext(ctx, path, body)
	i.judge(token, err)
	return secret, err
}

// Delete sends one DELETE with the current token, without retries; ctx bounds
// it. It fails as [Identity.Read] does.
func (i *Identity) Delete(ctx context.Context, namespace, path string, query url.Values) error {
	token := i.Token()
	if token == "" {
		return ErrNoToken
	}
	_, err := i.with(token, namespace).DeleteWithDataWithContext(ctx, path, query)
	i.judge(token, err)
	return err
}

func (i *Identity) with(token, namespace string) *api.Logical {
	client := i.client.WithNamespace(namespace)
	client.SetToken(token)
	return client.Logical()
}

// answer reads Vault's answer to a request that carried this token.
func (i *Identity) answer(token string) func(*api.Response, error) (*api.Secret, http.Header, error) {
	return func(resp *api.Response, err error) (*api.Secret, http.Header, error) {
		if resp != nil {
			defer resp.Body.Close()
		}
		if err != nil {
			i.judge(token, err)
			return nil, nil, err
		}
		secret, err := api.ParseSecret(resp.Body)
		return secret, resp.Header, err
	}
}

// judge takes note of an answer that calls the token invalid.
func (i *Identity) judge(token string, err error) {
	if IsInvalidToken(err) {
		i.Invalid(token)
	}
}

// nextLogin is when to log in again at the earliest. It is asked before each login.
func (i *Identity) nextLogin() hold {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token == "" {
		return i.trust.afterLoss()
	}
	return i.trust.giveUp(time.Now(), i.end(i.token))
}

// IsInvalidToken tells whether err is Vault's word that it does not know the
// token (any more), as opposed to the token's not being allowed something, or
// to a plugin's own words about another token.
func IsInvalidToken(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusForbidden {
		return false
	}
	invalid := logical.ErrInvalidToken.Error()
	for _, said := range answer.Errors {
		if said == invalid || strings.Contains(said, "* "+invalid) {
			return true
		}
	}
	return false
}
