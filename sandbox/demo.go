// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/api"

	"mashproxy/mashery"
	"mashproxy/secretsengine"
)

// demoRole is the name of the role in the secrets engine, of the AppRole role
// and of the policy.
const demoRole = "demo"

// demo is what the sandbox's Vault is furnished with: what an operator would have
// prepared for one application.
type demo struct {
	mount           string // of the secrets engine, without "/" at the end
	v2, v3, v3Token string // endpoints of the emulated Mashery
	authority       string // PEM of what signed its certificate; "" without TLS
	credentials     mashery.Credentials
	qps             int
}

// appRole is what the application logs in with.
type appRole struct{ roleID, secretID mashery.Secret }

// policy is what the application may do.
func (d demo) policy() string {
	return strings.ReplaceAll(`# What an application needs of the Mashery secrets engine at MOUNT/.

# Calls of Mashery's APIs, in the name of any role.
path "MOUNT/roles/+/proxy/*" {
  capabilities = ["read", "list", "update", "delete"]
}

# What the proxy signs those calls with. It does not hand it on to its callers.
path "MOUNT/roles/+/grant" {
  capabilities = ["read"]
}
path "MOUNT/roles/+/token" {
  capabilities = ["read", "delete"]
}

# Which roles there are, and what they can do.
path "MOUNT/roles/" {
  capabilities = ["list"]
}
path "MOUNT/roles/+" {
  capabilities = ["read"]
}
`, "MOUNT", d.mount)
}

// furnish writes everything through the API, as an operator would.
func (d demo) furnish(ctx context.Context, client *api.Client) (appRole, error) {
	for _, write := range d.writes() {
		if _, err := client.Logical().WriteWithContext(ctx, write.path, write.data); err != nil {
			return appRole{}, fmt.Errorf("writing %s: %w", write.path, err)
		}
	}
	roleID, err := client.Logical().ReadWithContext(ctx, "auth/approle/role/"+demoRole+"/role-id")
	if err != nil {
		return appRole{}, fmt.Errorf("reading the role id: %w", err)
	}
	secretID, err := client.Logical().WriteWithContext(ctx, "auth/approle/role/"+demoRole+"/secret-id", nil)
	if err != nil {
		return appRole{}, fmt.Errorf("making a secret id: %w", err)
	}
	return appRole{field(roleID, "role_id"), field(secretID, "secret_id")}, nil
}

func field(answer *api.Secret, name string) mashery.Secret {
	text, _ := answer.Data[name].(string)
	return mashery.NewSecret(text)
}

// roleFields are the emulated Mashery's credentials, as a role of the secrets
// engine has them.
func (d demo) roleFields() map[string]any {
	return map[string]any{
		"area_id":  d.credentials.AreaID,
		"area_nid": d.credentials.AreaNID,
		"api_key":  d.credentials.APIKey.Reveal(),
		"secret":   d.credentials.Secret.Reveal(),
		"username": d.credentials.Username,
		"password": d.credentials.Password.Reveal(),
		"qps":      d.qps,
	}
}

// role is what `vault write` takes to make a further role of them.
func (d demo) role() (string, error) {
	text, err := json.MarshalIndent(d.roleFields(), "", "  ")
	return string(text), err
}

type write struct {
	path string
	data map[string]any
}

func (d demo) writes() []write {
	return []write{
		// The first mount makes Vault generate the signing keys of its identity tokens,
		// which nothing here uses: two RSA keys take most of a second, Ed25519 no time.
		{"identity/oidc/key/default", map[string]any{"algorithm": "EdDSA"}},
		{"sys/mounts/" + d.mount, map[string]any{
			"type":        engineType,
			"description": "Mashery's APIs (emulated)",
			"config": map[string]any{
				"allowed_response_headers":    secretsengine.ResponseHeaders(),
				"passthrough_request_headers": secretsengine.RequestHeaders(),
			},
		}},
		{d.mount + "/config", map[string]any{
			"v2_endpoint":       d.v2,
			"v3_endpoint":       d.v3,
			"v3_token_endpoint": d.v3Token,
			"root_ca":           d.authority,
		}},
		{d.mount + "/roles/" + demoRole, d.roleFields()},
		{"sys/policies/acl/" + demoRole, map[string]any{"policy": d.policy()}},
		{"sys/auth/approle", map[string]any{"type": "approle"}},
		{"auth/approle/role/" + demoRole, map[string]any{
			"token_policies":     demoRole,
			"token_ttl":          "1h", // renewed by the proxy's auto-auth
			"secret_id_num_uses": 0,    // any number of times, for ever
			"secret_id_ttl":      0,
		}},
	}
}
