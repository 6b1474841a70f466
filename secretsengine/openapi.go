// SPDX-License-Identifier: MPL-2.0

package secretsengine

import "github.com/hashicorp/vault/sdk/framework"

// named lets the names of all operations in Vault's OpenAPI document begin as
// one would look for them; what follows is Vault's: the verb and the pattern.
func named(paths []*framework.Path) []*framework.Path {
	for _, path := range paths {
		if path.DisplayAttrs == nil {
			path.DisplayAttrs = new(framework.DisplayAttributes)
		}
		path.DisplayAttrs.OperationPrefix = "mashery"
	}
	return paths
}
