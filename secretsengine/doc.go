// SPDX-License-Identifier: MPL-2.0

// Package secretsengine is the Vault secrets engine for Mashery's two
// administration APIs. A role keeps the long-term credentials; reading its
// grant gives a short-lived one (a V2 signature or a V3 access token), with or
// without a lease; reading its token gives the one V3 token all readers share;
// and below its proxy paths the engine makes the calls itself.
//
// There is one file per path (path_*.go), which says what Vault's users see,
// and one per noun behind it: role, config, token, lease, client, proxy.
package secretsengine
