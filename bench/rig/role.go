// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"context"

	"github.com/hashicorp/vault/api"

	"mashproxy/mashery"
	"mashproxy/sandbox"
)

// AddRole makes a role in a sandbox, with a key of its own that may make qps calls
// a second. root is a client of the sandbox's Vault.
func AddRole(ctx context.Context, box *sandbox.Sandbox, root *api.Client, name string, qps int) error {
	key := box.Credentials()
	key.APIKey = mashery.NewSecret(name + key.APIKey.Reveal())
	box.Mashery().AddKey(key, qps)
	return WriteRole(ctx, root, name, key, qps)
}

// WriteRole makes a role with credentials.
func WriteRole(ctx context.Context, root *api.Client, name string, c mashery.Credentials, qps int) error {
	_, err := root.Logical().WriteWithContext(ctx, sandbox.DefaultMount+"/roles/"+name, map[string]any{
		"area_id": c.AreaID, "area_nid": c.AreaNID, "api_key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(),
		"username": c.Username, "password": c.Password.Reveal(), "qps": qps,
	})
	return err
}
