// SPDX-License-Identifier: MPL-2.0

// Package autoauth is an application's Vault identity: it logs in by Vault's
// own auto-auth methods, writes the sinks, and tells those who hang on the
// token when it changed and when it is lost.
package autoauth
