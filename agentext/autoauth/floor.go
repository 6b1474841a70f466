// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/auth"

	"mashproxy/agentext/redirect"
)

// floor is a method that does not log in again at once when a young token was
// lost, or one after the other is given up. Vault's own handler pauses only after
// logins that fail: two Vaults behind one address, the one giving tokens and the
// other not knowing them, would be asked for hundreds a second, and each token is
// written to their storage.
type floor struct {
	auth.AuthMethod
	identity *Identity
	renewals *renewals
	refusals *refusals
	first    *sync.Once // the first login, before which those of earlier starts count
	log      hclog.Logger
}

// withFloor puts the floor below a method.
func withFloor(method auth.AuthMethod, identity *Identity, renewals *renewals, refusals *refusals, log hclog.Logger) auth.AuthMethod {
	f := floor{method, identity, renewals, refusals, new(sync.Once), log}
	if own, has := method.(auth.AuthMethodWithClient); has {
		return guarded{f, own}
	}
	return f
}

// Authenticate is auth.AuthMethod's: what is asked for before each login.
func (f floor) Authenticate(ctx context.Context, client *api.Client) (string, http.Header, map[string]any, error) {
	held := f.identity.nextLogin()
	if held.why != "" {
		f.log.Warn(held.why, "tokens", held.tokens, "next_login_in", max(0, time.Until(held.until)).Round(time.Millisecond))
	}
	f.first.Do(func() {
		if held.until.IsZero() {
			held.until = f.refusals.next()
		}
	})
	if !wait(ctx, held.until) {
		return "", nil, nil, context.Cause(ctx)
	}
	path, header, data, err := f.AuthMethod.Authenticate(ctx, client)
	f.refusals.expect(path)
	return path, header, data, err
}

// guarded is a method that logs in with a client of its own (cert).
type guarded struct {
	floor
	own auth.AuthMethodWithClient
}

// AuthClient is auth.AuthMethodWithClient's.
func (g guarded) AuthClient(client *api.Client) (*api.Client, error) {
	own, err := g.own.AuthClient(client)
	if err != nil || own == client {
		return own, err
	}
	return redirect.Client(own, g.renewals.over, g.refusals.over)
}
