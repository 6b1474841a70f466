// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	"github.com/hashicorp/vault/api"
)

// longestStagger is the longest wait before a shared token is deleted at an engine
// that deletes whatever it has: of several proxies that find it dead one comes
// first, and the others find its successor.
const longestStagger = 300 * time.Millisecond

// readShared reads the token that all readers of the role share. If it is the
// one that Mashery refused it is deleted, and read once more.
func (g *Grants[G]) readShared(ctx context.Context, key Key, dead [sha256.Size]byte) (*Grant[G], error) {
	grant, err := g.readToken(ctx, key)
	if err != nil || grant.mark != dead {
		return grant, err
	}
	if grant.keyID == "" {
		select {
		case <-time.After(jitter(0, longestStagger)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if grant, err = g.readToken(ctx, key); err != nil || grant.mark != dead {
			return grant, err
		}
	}
	which := url.Values{"sha256": {hex.EncodeToString(dead[:])}}
	if err := ofVault(nil, g.Vault.Delete(ctx, key.Namespace, key.path(), which)); err != nil {
		if Refused(err) {
			return nil, fmt.Errorf("%w: Mashery refuses the role's shared token, and Vault does not let it be deleted (%s); give the policy \"delete\" on %s", ErrUnusable, brief(err), key.path())
		}
		return nil, err
	}
	return g.readToken(ctx, key)
}

func (g *Grants[G]) readToken(ctx context.Context, key Key) (*Grant[G], error) {
	sent := time.Now()
	secret, header, err := g.answer(ctx, key)
	if err != nil {
		return nil, err
	}
	t, err := tokenTerms(secret, header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	grant, err := g.make(key, secret, t, sent)
	if err != nil {
		return nil, err
	}
	token, _ := secret.Data["access_token"].(string)
	grant.mark = sha256.Sum256([]byte(token))
	return grant, nil
}

// make makes a grant of Vault's answer to a request sent then.
func (g *Grants[G]) make(key Key, secret *api.Secret, t terms, sent time.Time) (*Grant[G], error) {
	value, err := g.Parse(key, secret.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	grant := &Grant[G]{Value: value}
	grant.keyID, _ = secret.Data["key_id"].(string)
	now := time.Now()
	if grant.begin(secret, t, sent, now); !grant.live(now) {
		return nil, fmt.Errorf("%w: the grant ended %s after it was asked for", ErrLate, t.usable())
	}
	return grant, nil
}
