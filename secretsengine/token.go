// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/singleflight"

	"mashproxy/mashery"
)

const (
	tokenPrefix = "token/"
	// renewBefore is the life left under which a shared token is renewed.
	renewBefore = 5 * time.Minute
	// longestLife is the longest life believed; Mashery gives an hour.
	longestLife = 365 * 24 * time.Hour
)

// token is a V3 access token, as it is stored for the readers of one role.
type token struct {
	Access  sealed `json:"access"`
	Refresh sealed `json:"refresh"`
	// Expiry is by this machine's clock, counted from before it was asked for.
	Expiry time.Time `json:"expiry"`
	// Life is how long it was to live when it was given.
	Life time.Duration `json:"life"`
	// Fingerprint and Endpoint are of the credentials it was bought with, and where.
	Fingerprint string `json:"fingerprint"`
	Endpoint    string `json:"endpoint"`
}

// left is the life left; never negative, and none when there is no token.
func (t *token) left(now time.Time) time.Duration {
	if t == nil {
		return 0
	}
	return max(0, t.Expiry.Sub(now))
}

// aging tells whether the token is to be renewed: under five minutes are left,
// or half of a life that is shorter than that.
func (t *token) aging(now time.Time) bool {
	if t == nil {
		return true
	}
	margin := renewBefore
	if t.Life <= renewBefore {
		margin = t.Life / 2
	}
	return t.left(now) < margin
}

// state is what a role tells of its shared token.
func (t *token) state(now time.Time) string {
	switch {
	case t == nil:
		return "---NOT-SET---"
	case t.left(now) == 0:
		return "---EXPIRED---"
	case t.aging(now):
		return "---NEEDS-RENEW---"
	}
	return "---ACQUIRED---"
}

// lifeLeft is how long the shared token lives, as a role tells it.
func (t *token) lifeLeft(now time.Time) string {
	switch {
	case t == nil:
		return "n/a"
	case t.left(now) == 0:
		return fmt.Sprintf("expired %s ago", now.Sub(t.Expiry).Truncate(time.Second))
	}
	return t.left(now).Truncate(time.Second).String()
}

// buyer gets tokens for one role.
type buyer struct {
	*backend
	Role   role
	Marks  marks
	Client *client
	Store  logical.Storage
}

func (b *backend) buyer(ctx context.Context, s logical.Storage, r *role) (*buyer, error) {
	client, err := b.reach(ctx, s)
	if err != nil {
		return nil, err
	}
	marks, err := b.marks(ctx, s, r.credentials())
	if err != nil {
		return nil, err
	}
	return &buyer{backend: b, Role: *r, Marks: marks, Client: client, Store: s}, nil
}

// Format implements fmt.Formatter. Behind a pointer within what it prints,
// package fmt passes over the methods that hide secrets (under %s, for one).
func (b buyer) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "role %q", b.Role.Name) }

// answer is what a reader of the token is given.
func (b *buyer) answer(t *token) map[string]any {
	return map[string]any{
		"access_token":         t.Access.Reveal(),
		"expiry":               t.Expiry.UTC().Format(time.RFC3339),
		"expiry_epoch":         t.Expiry.Unix(),
		"token_time_remaining": int64(t.left(b.now()).Round(time.Second) / time.Second),
		"qps":                  b.Role.QPS,
		"key_id":               b.Marks.KeyID,
		"v2_endpoint":          b.Client.sender.V2.String(),
		"v3_endpoint":          b.Client.sender.V3.String(),
	}
}

// own buys a token that is nobody else's.
func (b *buyer) own(ctx context.Context) (*token, error) {
	ctx, cancel := context.WithTimeout(ctx, b.bounds.Fetch)
	defer cancel()
	return b.bought(ctx, b.bounds.Turn, func() (mashery.Token, error) {
		return b.Client.tokens.Password(ctx, b.Role.credentials())
	})
}

// shared returns the role's shared token, bought or renewed first when need
// be. However many ask, one fetch is under way, and one who leaves does not
// stop it. While a renewal fails, or takes its time, the old token serves to its end.
func (b *buyer) shared(ctx context.Context) (*token, error) {
	t, err := b.stored(ctx)
	if err != nil || !t.aging(b.now()) {
		return t, err
	}
	var enough <-chan time.Time
	if b.serves(t) {
		if b.rests.resting(b.Role.Name, t, b.now()) {
			return t, nil
		}
		patience := time.NewTimer(b.bounds.Renewal)
		defer patience.Stop()
		enough = patience.C
	}
	select {
	case result := <-b.fetched(ctx):
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*token), nil
	case <-enough:
		b.rests.rest(b.Role.Name, t, b.now())
		return t, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// serves tells whether the token lives for longer than its renewal is waited for.
func (b *buyer) serves(t *token) bool { return t.left(b.now()) > b.bounds.Renewal }

// fetched is what the fetch under way will give; one begins if none is.
func (b *buyer) fetched(ctx context.Context) <-chan singleflight.Result {
	return b.fetches.DoChan(b.Role.Name+"\x00"+b.Marks.Fingerprint, func() (any, error) {
		b.running.Add(1)
		defer b.running.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.bounds.Fetch)
		defer cancel()
		defer context.AfterFunc(b.mounted, cancel)()
		return b.renewed(ctx)
	})
}

// renewed is the one fetch: it looks once more, for another may just have
// ended, then buys a successor and stores it.
func (b *buyer) renewed(ctx context.Context) (*token, error) {
	old, err := b.stored(ctx)
	if err != nil || !old.aging(b.now()) {
		return old, err
	}
	next, err := b.successor(ctx, old)
	if err != nil {
		if old.left(b.now()) > 0 {
			b.Logger().Warn("the shared token could not be renewed; the old one serves on", "role", b.Role.Name, "error", err)
			b.rests.rest(b.Role.Name, old, b.now())
			return old, nil
		}
		return nil, err
	}
	return next, b.keep(ctx, next)
}

// successor buys a token with the old one's refresh token, or with the
// password where there is none or Mashery does not take it in time.
func (b *buyer) successor(ctx context.Context, old *token) (*token, error) {
	creds, most := b.Role.credentials(), b.bounds.Turn
	if b.serves(old) {
		most = min(most, b.bounds.Renewal)
	}
	if old != nil && !old.Refresh.IsZero() {
		next, err := b.bought(ctx, most, func() (mashery.Token, error) {
			ctx, cancel := context.WithTimeout(ctx, b.bounds.Refresh)
			defer cancel()
			return b.Client.tokens.Refresh(ctx, creds, old.Refresh.Secret)
		})
		if err == nil || ctx.Err() != nil || overQPS(err) != nil {
			return next, err
		}
		b.Logger().Debug("the refresh token was not taken; asking with the password", "role", b.Role.Name, "error", err)
	}
	return b.bought(ctx, most, func() (mashery.Token, error) { return b.Client.tokens.Password(ctx, creds) })
}

// errTokenLate is the error of a token that did not come in time.
var errTokenLate = errors.New("Mashery's token endpoint did not answer in time; try again later")

// bought makes a token of what Mashery gave, on this machine's clock. most is
// how long to wait for a turn to ask.
func (b *buyer) bought(ctx context.Context, most time.Duration, ask func() (mashery.Token, error)) (*token, error) {
	var (
		asked time.Time
		given mashery.Token
	)
	err := b.inTurn(ctx, most, func() (err error) {
		asked = b.now()
		given, err = ask()
		return err
	})
	switch {
	case late(err):
		return nil, errors.Join(errTokenLate, err)
	case err != nil:
		return nil, err
	}
	life := min(given.ExpiresIn, longestLife)
	return &token{
		Access: sealed{given.Access}, Refresh: sealed{given.Refresh},
		Expiry: asked.Add(life), Life: life,
		Fingerprint: b.Marks.Fingerprint, Endpoint: b.Client.tokens.Endpoint.String(),
	}, nil
}

// stored returns the shared token in storage; nil when there is none that was
// bought with these credentials at this endpoint.
func (b *buyer) stored(ctx context.Context) (*token, error) {
	t, err := load[token](ctx, b.Store, tokenPrefix+b.Role.Name)
	if err != nil || t == nil {
		return nil, err
	}
	if t.Fingerprint != b.Marks.Fingerprint || t.Endpoint != b.Client.tokens.Endpoint.String() {
		return nil, nil
	}
	return t, nil
}

// keep stores the token, unless the role has meanwhile gone or changed hands.
func (b *buyer) keep(ctx context.Context, t *token) error {
	defer b.lockRole(b.Role.Name)()
	now, err := loadRole(ctx, b.Store, b.Role.Name)
	if err != nil || now == nil {
		return err
	}
	marks, err := b.marks(ctx, b.Store, now.credentials())
	if err != nil || marks.Fingerprint != t.Fingerprint {
		return err
	}
	return store(ctx, b.Store, tokenPrefix+b.Role.Name, t)
}

// forget drops the shared token; a dead one only if it is still the one kept.
func (b *buyer) forget(ctx context.Context, dead mashery.Secret) error {
	defer b.lockRole(b.Role.Name)()
	t, err := b.stored(ctx)
	if err != nil || t == nil || t.Access.Reveal() != dead.Reveal() {
		return err
	}
	return remove(ctx, b.Store, tokenPrefix+b.Role.Name)
}
