// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/sandbox"
)

// vaultFaults befall Vault, the token and the leases.
func vaultFaults() []fault {
	return []fault{
		{name: "nothing, with leases of 10 s", setup: setup{lease: 10 * time.Second}, strike: lasting(25 * time.Second), longest: time.Second},
		{name: "Vault sealed, unsealed after 6 s", strike: all(seal, lasting(6*time.Second), unseal)},
		{name: "Vault sealed for 5 s when leases of 18 s are to be renewed", setup: setup{lease: 18 * time.Second},
			strike: all(lasting(7*time.Second), seal, lasting(5*time.Second), unseal, lasting(6*time.Second))},
		{name: "Vault sealed for 12 s, beyond leases of 6 s", setup: setup{lease: 6 * time.Second, roles: 12},
			strike: all(seal, lasting(12*time.Second), unseal),
			spares: withoutGrant, allowed: "503 once the leases are over, within 2 s each; served again 2 s after Vault", check: gentle},
		{name: "Vault unreachable for 6 s", strike: all(vaultGate(shut), lasting(6*time.Second), vaultGate(open))},
		{name: "3 calls of each API refused by mistake, Vault unreachable for 6 s",
			strike: all(vaultGate(shut), repeated(3, mistakes), lasting(4500*time.Millisecond), vaultGate(open)),
			spares: mistaken, allowed: "those calls", check: fewMistaken},
		{name: "Vault silent for 6 s", strike: all(vaultGate(silent), lasting(6*time.Second), vaultGate(open))},
		{name: "Vault answers web pages for 6 s", strike: all(vaultGate(nonsense), lasting(6*time.Second), vaultGate(open))},
		{name: "Vault unreachable for 5 s when leases of 18 s are to be renewed", setup: setup{lease: 18 * time.Second, roles: 12},
			strike: all(lasting(7*time.Second), vaultGate(shut), lasting(5*time.Second), vaultGate(open), lasting(6*time.Second)), check: gentle},
		{name: "Vault restarted with a new root", setup: setup{lease: 10 * time.Second, scarce: true},
			strike: all(newRoot, lasting(10*time.Second)), check: loggedInAnew},
		{name: "the token revoked", setup: setup{lease: 10 * time.Second, scarce: true},
			strike: all(revokeToken, lasting(10*time.Second)), check: loggedInAnew},
		{name: "the leases revoked", setup: setup{lease: 10 * time.Second}, strike: all(revokeLeases, lasting(10*time.Second)), longest: time.Second, check: oneByOne},
	}
}

// mistakes lets Mashery refuse a call of each API as it does those of dead grants.
func mistakes(ctx context.Context, w *world) error {
	return all(masheryFault("error,code=ERR_403_NOT_AUTHORIZED,api=v2,count=1"), masheryFault("error,status=401,api=v3,count=1"))(ctx, w)
}

// mistaken spares calls that were refused so: by Mashery's answer, or, on V3 the
// first time, because there is no other grant to be had.
func mistaken(c call, _ window) bool {
	if c.v2 {
		return c.failure == "403 ERR_403_NOT_AUTHORIZED"
	}
	return c.failure == "401 from mashery" || c.failure == unavailable
}

// fewMistaken holds that no other calls failed.
func fewMistaken(_ context.Context, _ *world, calls []call, _ window) error {
	failed := 0
	for _, c := range calls {
		if c.failure != "" {
			failed++
		}
	}
	if failed > 6 {
		return fmt.Errorf("%d calls failed, of which 6 were refused", failed)
	}
	return nil
}

func seal(ctx context.Context, w *world) error   { return w.Vault().Seal(ctx) }
func unseal(ctx context.Context, w *world) error { return w.Vault().Unseal(ctx) }

func vaultGate(mode gateMode) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return w.vault.set(mode) }
}

// unavailable is how a call fails that has no live grant and gets none.
const unavailable = "503 vault_unavailable"

// recovery is how long after Vault's return calls must be served again.
const recovery = 2 * time.Second

// withoutGrant spares calls while Vault is away and grants have ended.
func withoutGrant(c call, when window) bool {
	return c.failure == unavailable && c.began.After(when.from) && c.began.Before(when.to.Add(recovery))
}

// newRoot puts another Vault in the place of the first, which knows neither its
// tokens nor its leases, and what the proxy logs in with at that.
func newRoot(ctx context.Context, w *world) error {
	if err := w.vault.set(shut); err != nil {
		return err
	}
	second, err := sandbox.Start(ctx, sandbox.Options{QPS: w.qps, Mashery: withCredentialsOf(w.Sandbox)})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, second.Close)
	if w.root, err = second.Vault().Client(); err != nil {
		return err
	}
	if err := w.furnish(ctx, w.root, w.lease); err != nil {
		return err
	}
	for _, name := range []string{"role-id", "secret-id"} {
		if err := replace(filepath.Join(w.Dir(), name), filepath.Join(second.Dir(), name)); err != nil {
			return err
		}
	}
	w.vault.lead(strings.TrimPrefix(second.Vault().Address(), "http://"))
	return w.vault.set(open)
}

// replace makes a file another's copy, in one step.
func replace(path, by string) error {
	text, err := os.ReadFile(by)
	if err != nil {
		return err
	}
	draft := path + ".new"
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// accessors are those of the proxies' tokens.
func accessors(ctx context.Context, root *api.Client) (found []string, err error) {
	list, err := root.Logical().ListWithContext(ctx, "auth/token/accessors")
	if err != nil {
		return nil, err
	}
	keys, _ := list.Data["keys"].([]any)
	for _, key := range keys {
		accessor, _ := key.(string)
		token, err := root.Auth().Token().LookupAccessorWithContext(ctx, accessor)
		var gone *api.ResponseError
		if errors.As(err, &gone) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		if path, _ := token.Data["path"].(string); path == "auth/approle/login" {
			found = append(found, accessor)
		}
	}
	return found, nil
}

func revokeToken(ctx context.Context, w *world) error {
	tokens, err := accessors(ctx, w.root)
	if err != nil {
		return err
	}
	if len(tokens) != 1 {
		return fmt.Errorf("the proxy has %d tokens", len(tokens))
	}
	return w.root.Auth().Token().RevokeAccessorWithContext(ctx, tokens[0])
}

func loggedInAnew(ctx context.Context, w *world, _ []call, _ window) error {
	tokens, err := accessors(ctx, w.root)
	if err == nil && len(tokens) != 1 {
		err = fmt.Errorf("the proxy has logged in %d times at Vault since, not once", len(tokens))
	}
	return err
}

func revokeLeases(ctx context.Context, w *world) error {
	return w.root.Sys().RevokePrefixWithContext(ctx, sandbox.DefaultMount+"/roles/demo/grant")
}
