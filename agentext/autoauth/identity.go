// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/logical"
)

// ErrNoToken says that there is no token to ask Vault with: auto-auth has not
// logged in yet, or logs in again.
var ErrNoToken = errors.New("not logged in to Vault yet; look for auth errors in this program's log")

// Listener is told of changes of the token. Its functions must not block.
type Listener struct {
	// Changed tells of a new token.
	Changed func()
	// Lost tells that Vault no longer knows the token.
	Lost func()
}

// Identity holds the auto-auth token of one application.
type Identity struct {
	client  *api.Client // of our own requests: no retries
	invalid chan<- error

	mu        sync.RWMutex
	token     string
	previous  string
	listeners []Listener
}

// newIdentity makes an identity without a token. Its requests go through
// client; a token that Vault no longer knows is reported on invalid.
func newIdentity(client *api.Client, invalid chan<- error) *Identity {
	return &Identity{client: client, invalid: invalid}
}

// Token is the current token; "" while there is none.
func (i *Identity) Token() string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.token
}

// Previous is the token before the current one; "" if there was none.
func (i *Identity) Previous() string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.previous
}

// Listen adds a listener; it must be called before the first login.
func (i *Identity) Listen(l Listener) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.listeners = append(i.listeners, l)
}

// set takes over a token that auto-auth obtained.
func (i *Identity) set(token string) {
	i.mu.Lock()
	if i.token != "" && i.token != token {
		i.previous = i.token
	}
	i.token = token
	listeners := i.listeners
	i.mu.Unlock()
	for _, l := range listeners {
		l.Changed()
	}
}

// Invalid tells that Vault called the token of a request invalid. If it still
// is the current one it is lost, and auto-auth is told, once. Late answers to
// an older token count for nothing.
func (i *Identity) Invalid(token string) {
	i.mu.Lock()
	if token == "" || token != i.token {
		i.mu.Unlock()
		return
	}
	i.token, i.previous = "", token
	listeners := i.listeners
	i.mu.Unlock()
	for _, l := range listeners {
		l.Lost()
	}
	select {
	case i.invalid <- logical.ErrInvalidToken:
	default: // it has been told already
	}
}

// Read sends one GET with the current token, without retries; ctx bounds it.
// It fails with [ErrNoToken], with *api.ResponseError when Vault refuses, and
// returns the header with the answer.
func (i *Identity) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	token := i.Token()
	if token == "" {
		return nil, nil, ErrNoToken
	}
	client := i.client.WithNamespace(namespace)
	client.SetToken(token)
	resp, err := client.Logical().ReadRawWithDataWithContext(ctx, path, query)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		if IsInvalidToken(err) {
			i.Invalid(token)
		}
		return nil, nil, err
	}
	secret, err := api.ParseSecret(resp.Body)
	return secret, resp.Header, err
}

// IsInvalidToken tells whether err is Vault's word that it does not know the
// token (any more), as opposed to the token's not being allowed something.
func IsInvalidToken(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusForbidden {
		return false
	}
	for _, said := range answer.Errors {
		if strings.Contains(said, logical.ErrInvalidToken.Error()) {
			return true
		}
	}
	return false
}
