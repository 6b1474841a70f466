// SPDX-License-Identifier: MPL-2.0

// Package policy decides whether Vault would have let the auto-auth token make
// a call that mashproxy serves itself, and which therefore never meets Vault's
// own access control.
//
// The token's rules are read from sys/internal/ui/resultant-acl, rebuilt as the
// structures Vault parses its policies into, and judged by Vault's own
// vault.NewACL(…).AllowOperation; operation, path and data are made of a request
// as Vault makes them (http/logical.go). What cannot be decided here is never
// guessed: the decision is then [Undecidable], which asks the caller to send
// the call to Vault. A call is never [Allowed] where Vault would have refused
// it, but for HEAD, which Vault refuses always and is judged as GET, for the
// capability "create" on proxy/v2, which counts as "update" does, and for a body
// that Vault cannot parse and that no rule looks at.
//
// AllowOperation reads the environment variable
// VAULT_LEGACY_EXACT_MATCHING_ON_LIST: where the Vault server has it set,
// mashproxy must have it too.
package policy
