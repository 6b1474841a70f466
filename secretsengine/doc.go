// SPDX-License-Identifier: MPL-2.0

// Package secretsengine is the Vault secrets engine for Mashery's two
// administration APIs. A role keeps the long-term credentials; reading its
// grant gives a short-lived one (a V2 signature or a V3 access token), with or
// without a lease; reading its token gives the one V3 token all readers share;
// and below its proxy paths the engine makes the calls itself.
//
// People have paths of their own, in the shapes Vault's command line shows
// (roles/:role/v2 and v3), and one that says what works (check). A role is handed
// to another Vault, with limits, in encrypted blocks (pem, export, import).
//
// There is no write-ahead log, because no side effect would have to be undone
// after a crash: a signature is only calculated, a token that was bought but not
// stored ends by itself within the hour and cannot be revoked (Mashery has no
// way), and whether a call was carried out only Mashery knows.
//
// There is one file per path (path_*.go), which says what Vault's users see,
// and one per noun behind it: role (role_*.go), quota, config, token, lease,
// clock, client, proxy, check, and what travels between Vaults (pull_*.go).
package secretsengine
