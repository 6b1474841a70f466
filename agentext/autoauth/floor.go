// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/auth"

	"mashproxy/agentext/redirect"
)

// loginFloor is the time between a token and the next login, if Vault calls the
// token invalid. It doubles, up to waitedBackoff, while Vault knows none of the
// tokens that it gives.
const loginFloor = time.Second

// trust is what has become of the latest tokens. The zero value has had none.
type trust struct {
	issued  time.Time // when the last one came
	known   bool      // Vault has shown that it knows it
	unknown int       // tokens in a row that Vault gave and did not know
}

// replaced takes in another token; "": Vault called the last one invalid.
func (t *trust) replaced(token string, now time.Time) {
	switch {
	case token != "":
		t.issued, t.known = now, false
	case !t.known:
		t.unknown++
	}
}

func (t *trust) accepted() { t.known, t.unknown = true, 0 }

// next is when to log in again; zero: there has been no token.
func (t *trust) next() time.Time {
	if t.issued.IsZero() {
		return time.Time{}
	}
	pause := loginFloor
	for n := 1; n < t.unknown && pause < waitedBackoff; n++ {
		pause *= 2
	}
	if pause > loginFloor { // so that many proxies do not come together
		pause = min(pause, waitedBackoff) - rand.N(pause/4)
	}
	return t.issued.Add(pause)
}

// floor is a method that does not log in again at once when a young token was
// lost. Vault's own handler pauses only after logins that fail: two Vaults behind
// one address, the one giving tokens and the other not knowing them, would be
// asked for hundreds a second, and each token is written to their storage.
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
	next, unknown := f.identity.nextLogin()
	if unknown > 1 {
		f.log.Warn("Vault gives tokens and then calls them invalid; are there several Vaults behind its address?",
			"tokens", unknown, "next_login_in", max(0, time.Until(next)).Round(time.Millisecond))
	}
	f.first.Do(func() {
		if next.IsZero() {
			next = f.refusals.next()
		}
	})
	if !wait(ctx, next) {
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
