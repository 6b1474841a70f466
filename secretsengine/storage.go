// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// load reads the entry under key; nil when there is none. Others may have been
// given the same value: it must not be changed.
func load[T any](ctx context.Context, s logical.Storage, key string) (*T, error) {
	entry, err := s.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading %s from Vault's storage: %w", key, err)
	}
	if entry == nil {
		return nil, nil
	}
	remembered, _ := s.(*rememberedStorage)
	if remembered != nil {
		if value, ok := remembered.memory.value(entry).(*T); ok {
			return value, nil
		}
	}
	value := new(T)
	if err := entry.DecodeJSON(value); err != nil {
		return nil, fmt.Errorf("reading %s from Vault's storage: %w", key, err)
	}
	if remembered != nil {
		remembered.memory.tell(entry, value)
	}
	return value, nil
}

// store writes value under key.
func store(ctx context.Context, s logical.Storage, key string, value any) error {
	entry, err := logical.StorageEntryJSON(key, value)
	if err == nil {
		err = s.Put(ctx, entry)
	}
	if err != nil {
		return fmt.Errorf("writing %s to Vault's storage: %w", key, err)
	}
	return nil
}

// remove deletes the entry under key; that there is none is no error.
func remove(ctx context.Context, s logical.Storage, key string) error {
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("deleting %s from Vault's storage: %w", key, err)
	}
	return nil
}
