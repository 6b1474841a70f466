// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// tamperedStorage counts what is asked of the storage under it, and lets a test
// stand between: before and after are called with what is done to which key.
type tamperedStorage struct {
	logical.Storage
	asked         atomic.Int64
	before, after tamper
}

type tamper func(ctx context.Context, what, key string) error

func (t tamper) with(ctx context.Context, what, key string) error {
	if t == nil {
		return nil
	}
	return t(ctx, what, key)
}

func (s *tamperedStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.asked.Add(1)
	if err := s.before.with(ctx, "get", key); err != nil {
		return nil, err
	}
	entry, err := s.Storage.Get(ctx, key)
	return entry, errors.Join(err, s.after.with(ctx, "get", key))
}

func (s *tamperedStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.asked.Add(1)
	if err := s.before.with(ctx, "put", entry.Key); err != nil {
		return err
	}
	return errors.Join(s.Storage.Put(ctx, entry), s.after.with(ctx, "put", entry.Key))
}

func (s *tamperedStorage) Delete(ctx context.Context, key string) error {
	s.asked.Add(1)
	if err := s.before.with(ctx, "delete", key); err != nil {
		return err
	}
	return errors.Join(s.Storage.Delete(ctx, key), s.after.with(ctx, "delete", key))
}

// tampered puts storage that can be tampered with under the engine.
func (e *engine) tampered() *tamperedStorage {
	s := &tamperedStorage{Storage: e.storage}
	e.on(s)
	return s
}

func TestARepeatedCallAsksStorageForNothing(t *testing.T) {
	for path, use := range usesOf {
		e := newDemo(t)
		storage := e.tampered()
		e.must(use.op, path, use.data)
		first := storage.asked.Swap(0)
		e.must(use.op, path, use.data)
		if again := storage.asked.Load(); first == 0 || again != 0 {
			t.Errorf("%s: asked %d times, then %d times", path, first, again)
		}
	}
}

func TestAUseOfALimitedRoleIsOneWrite(t *testing.T) {
	for path, use := range usesOf {
		e := newDemo(t)
		e.writeRole("demo", map[string]any{"explicit_num_uses": 10})
		storage := e.tampered()
		e.must(use.op, path, use.data)
		e.must(use.op, path, use.data)
		storage.asked.Store(0)
		e.must(use.op, path, use.data)
		wantEqual(t, path+": asked", storage.asked.Load(), 1)
		wantEqual(t, path+": left", e.usesLeft(), "7 times (30% used)")
	}
}

func TestWhereVaultCachesNothingNothingIsHeld(t *testing.T) {
	e := newDemo(t)
	e.system.CachingDisabledVal = true
	e.clock.move(2 * believed)
	storage := e.tampered()
	e.read("roles/demo/token", nil)
	storage.asked.Store(0)
	e.read("roles/demo/token", nil)
	wantEqual(t, "asked", storage.asked.Load(), 3) // role, role as it is used, token
}

func TestAChangedRoleIsSeenByTheNextCall(t *testing.T) {
	e := newDemo(t)
	apiKey := func() any { return e.read("roles/demo/grant", map[string]any{"api": 2})["api_key"] }
	token := func() any { return e.read("roles/demo/token", nil)["access_token"] }
	wantEqual[any](t, "api_key", apiKey(), plantedKey)
	wantEqual[any](t, "token", token(), "token-1")

	e.writeRole("demo", map[string]any{"api_key": "another-key"})
	wantEqual[any](t, "api_key of the changed role", apiKey(), "another-key")
	wantEqual[any](t, "token of the changed role", token(), "token-2")

	e.must(logical.DeleteOperation, "roles/demo/token", nil)
	wantEqual[any](t, "token after the last was forgotten", token(), "token-3")

	e.writeRole("demo", map[string]any{"forced_proxy_mode": true})
	e.refused(logical.ReadOperation, "roles/demo/token", nil, "operation is not permitted as this role requires proxy mode")
}

func TestADeletedRoleIsGoneForTheNextCall(t *testing.T) {
	for path, use := range usesOf {
		e := newDemo(t)
		e.must(use.op, path, use.data)
		e.must(logical.DeleteOperation, "roles/demo", nil)
		if _, err := e.ask(use.op, path, use.data); !errors.Is(err, logical.ErrUnsupportedPath) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestARoleMadeAgainHasNothingOfTheOld(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_num_uses": 2})
	e.read("roles/demo/token", nil)
	e.read("roles/demo/token", nil)
	e.must(logical.DeleteOperation, "roles/demo", nil)
	again := demoRole()
	again["api_key"] = "another-key"
	e.writeRole("demo", again)
	wantEqual[any](t, "use_remaining", e.usesLeft(), unlimited)
	wantEqual[any](t, "token", e.read("roles/demo/token", nil)["access_token"], "token-2")
	wantEqual[any](t, "api_key", e.read("roles/demo/grant", map[string]any{"api": 2})["api_key"], "another-key")
}

// Another node changes storage, and Vault tells (Invalidate).
func TestWhatChangedOnAnotherNodeIsTakenUp(t *testing.T) {
	other := func(e *engine, key string, value any) {
		if err := store(e.Context(), e.storage, key, value); err != nil {
			e.Fatal(err)
		}
		e.InvalidateKey(e.Context(), key)
	}
	t.Run("a role", func(t *testing.T) {
		e := newDemo(t)
		e.read("roles/demo/token", nil)
		r, err := loadRole(t.Context(), e.storage, "demo")
		if err != nil {
			t.Fatal(err)
		}
		r.APIKey = seal("another-key")
		other(e, rolePrefix+"demo", r)
		wantEqual[any](t, "api_key", e.read("roles/demo/grant", map[string]any{"api": 2})["api_key"], "another-key")
		wantEqual[any](t, "token", e.read("roles/demo/token", nil)["access_token"], "token-2")
	})
	t.Run("a role that is gone", func(t *testing.T) {
		e := newDemo(t)
		e.read("roles/demo/token", nil)
		if err := e.storage.Delete(t.Context(), rolePrefix+"demo"); err != nil {
			t.Fatal(err)
		}
		e.InvalidateKey(t.Context(), rolePrefix+"demo")
		if _, err := e.ask(logical.ReadOperation, "roles/demo/token", nil); !errors.Is(err, logical.ErrUnsupportedPath) {
			t.Error(err)
		}
	})
	t.Run("a token", func(t *testing.T) {
		e := newDemo(t)
		e.read("roles/demo/token", nil)
		kept, err := load[token](t.Context(), e.storage, tokenPrefix+"demo")
		if err != nil {
			t.Fatal(err)
		}
		kept.Access = seal("another-token")
		other(e, tokenPrefix+"demo", kept)
		wantEqual[any](t, "token", e.read("roles/demo/token", nil)["access_token"], "another-token")
	})
	t.Run("uses", func(t *testing.T) {
		e := newDemo(t)
		e.writeRole("demo", map[string]any{"explicit_num_uses": 2})
		e.read("roles/demo/token", nil)
		r, err := loadRole(t.Context(), e.storage, "demo")
		if err != nil {
			t.Fatal(err)
		}
		other(e, usesPrefix+"demo", spent{r.Quota.ID: 2})
		e.refused(logical.ReadOperation, "roles/demo/token", nil, depletedText)
	})
	t.Run("whether the command line may write", func(t *testing.T) {
		e := newDemo(t)
		e.read("roles/demo/v3/services", nil)
		c, err := loadConfig(t.Context(), e.storage)
		if err != nil {
			t.Fatal(err)
		}
		c.EnableCLIV3Write = true
		other(e, configKey, c)
		e.must(logical.UpdateOperation, "roles/demo/v3/services", map[string]any{"name": "x"})
	})
}

func TestAFailedReadIsNotHeld(t *testing.T) {
	e := newDemo(t)
	storage := e.tampered()
	storage.before = func(context.Context, string, string) error { return errBroken }
	if _, err := e.ask(logical.ReadOperation, "roles/demo/token", nil); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	storage.before = nil
	e.read("roles/demo/token", nil)
}

// Whether a write that failed took place is not known, nor whether it still will.
func TestOfAFailedWriteNothingIsBelieved(t *testing.T) {
	e := newDemo(t)
	storage := e.tampered()
	qps := func() any { return e.read("roles/demo", nil)["qps"] }
	wantEqual[any](t, "qps", qps(), 1000)
	storage.before = func(_ context.Context, what, key string) error {
		if what == "put" && key == rolePrefix+"demo" {
			return errBroken
		}
		return nil
	}
	if _, err := e.ask(logical.UpdateOperation, "roles/demo", map[string]any{"qps": 7}); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	storage.before = nil
	wantEqual[any](t, "qps before the write takes place", qps(), 1000)
	r, err := loadRole(t.Context(), e.storage, "demo")
	if err != nil {
		t.Fatal(err)
	}
	r.QPS = 7
	if err := store(t.Context(), storage, rolePrefix+"demo", r); err != nil { // as Vault may, later
		t.Fatal(err)
	}
	wantEqual[any](t, "qps after it did", qps(), 7)

	e.writeRole("demo", map[string]any{"qps": 8})
	wantEqual[any](t, "qps of the next write", qps(), 8)
	storage.asked.Store(0)
	wantEqual[any](t, "qps, held again", qps(), 8)
	wantEqual(t, "asked for role, uses and token", storage.asked.Load(), 2) // there are neither uses nor a token
}

func TestAfterTheMountsEndNothingIsHeld(t *testing.T) {
	e := newDemo(t)
	e.read("roles/demo/token", nil)
	e.backend.Cleanup(t.Context())
	wantEqual(t, "held", len(e.memory.known), 0)
}
