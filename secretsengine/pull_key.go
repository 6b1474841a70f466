// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

const (
	keyPrefix = "key/"
	// keyBits is the length of a role's key [as of hcvault-mashery-api-auth].
	keyBits = 4096
)

// pullKey is the key that exports to a role are encrypted with. It is an entry of
// its own: it is long and seldom used.
type pullKey struct {
	PKCS8 []byte `json:"pkcs8"`
}

// loadKey reads the key of a role; nil when it has none yet.
func loadKey(ctx context.Context, s logical.Storage, name string) (*rsa.PrivateKey, error) {
	stored, err := load[pullKey](ctx, s, keyPrefix+name)
	if err != nil || stored == nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("the key of role %q in Vault's storage is not usable; delete the role and write it anew", name)
	}
	return key, nil
}

// errRoleGone is the error of who made something for a role deleted meanwhile.
var errRoleGone = errors.New("the role was deleted meanwhile")

// keyOf returns the key of a role, which is made on first use: that takes a
// second, in which nobody else is kept waiting but who wants the same.
func (b *backend) keyOf(ctx context.Context, s logical.Storage, name string) (*rsa.PrivateKey, error) {
	ctx = context.WithoutCancel(ctx) // others may want the same
	made, err, _ := b.fetches.Do("\x00key\x00"+name, func() (any, error) {
		key, err := loadKey(ctx, s, name)
		if err != nil || key != nil {
			return key, err
		}
		if key, err = rsa.GenerateKey(rand.Reader, keyBits); err != nil {
			return nil, err
		}
		defer b.lockRole(name)()
		if r, err := loadRole(ctx, s, name); err != nil || r == nil {
			return nil, errors.Join(errRoleGone, err)
		}
		return key, storeKey(ctx, s, name, key)
	})
	if err != nil {
		return nil, fmt.Errorf("a key for role %q: %w", name, err)
	}
	return made.(*rsa.PrivateKey), nil
}

func storeKey(ctx context.Context, s logical.Storage, name string, key *rsa.PrivateKey) error {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return store(ctx, s, keyPrefix+name, pullKey{PKCS8: pkcs8})
}
