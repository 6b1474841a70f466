// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"maps"
	"slices"

	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault/plugincatalog"

	"mashproxy/secretsengine"
)

// engineType is the name the secrets engine is mounted by: that of its plugin binary.
const engineType = "vault-plugin-secrets-mashery"

// builtins is the plugin catalogue of the sandbox's Vault: what it can mount
// without a plugin binary. (Token authentication, kv, cubbyhole and identity
// are part of Vault's core and need no entry.)
type builtins map[consts.PluginType]map[string]logical.Factory

var _ plugincatalog.BuiltinRegistry = builtins(nil)

func newBuiltins() builtins {
	return builtins{
		consts.PluginTypeCredential: {"approle": approle.Factory},
		consts.PluginTypeSecrets:    {engineType: asPlugin(secretsengine.Factory)},
	}
}

// Contains says whether there is a plugin of that name and type.
func (b builtins) Contains(name string, t consts.PluginType) bool {
	_, ok := b[t][name]
	return ok
}

// Get returns what Vault calls to obtain the plugin's factory.
func (b builtins) Get(name string, t consts.PluginType) (func() (any, error), bool) {
	factory, ok := b[t][name]
	return func() (any, error) { return factory, nil }, ok
}

// Keys returns the names of the plugins of one type, sorted.
func (b builtins) Keys(t consts.PluginType) []string {
	return slices.Sorted(maps.Keys(b[t]))
}

// DeprecationStatus is "supported" for all there is.
func (b builtins) DeprecationStatus(name string, t consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, b.Contains(name, t)
}

// IsBuiltinEntPlugin is false: nothing here is of Vault Enterprise.
func (b builtins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
