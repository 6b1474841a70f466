// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/hashicorp/vault/sdk/helper/salt"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

const saltKey = "salt"

// saltCache remembers the mount's salt, which is made on first use.
type saltCache struct {
	mu   sync.Mutex
	salt *salt.Salt
}

func (c *saltCache) get(ctx context.Context, s logical.Storage) (*salt.Salt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.salt != nil {
		return c.salt, nil
	}
	made, err := salt.NewSalt(ctx, s, &salt.Config{Location: saltKey, HMAC: sha256.New, HMACType: "hmac-sha256"})
	if err != nil {
		return nil, fmt.Errorf("the mount's salt: %w", err)
	}
	c.salt = made
	return made, nil
}

func (c *saltCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.salt = nil
}

// marks are what can be told about credentials without revealing them.
type marks struct {
	// KeyID names the API key: equal for two roles of this mount exactly when
	// their keys are.
	KeyID string
	// Fingerprint names all of the credentials together.
	Fingerprint string
}

func (b *backend) marks(ctx context.Context, s logical.Storage, c mashery.Credentials) (marks, error) {
	salt, err := b.salt.get(ctx, s)
	if err != nil {
		return marks{}, err
	}
	all, err := json.Marshal([]any{
		c.AreaID, c.AreaNID, c.APIKey.Reveal(), c.Secret.Reveal(), c.Username, c.Password.Reveal(),
	})
	if err != nil {
		return marks{}, err
	}
	return marks{KeyID: salt.GetHMAC(c.APIKey.Reveal()), Fingerprint: salt.GetHMAC(string(all))}, nil
}
