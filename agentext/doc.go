// SPDX-License-Identifier: MPL-2.0

// Package agentext is Vault Proxy, extended: it assembles auto-auth, the way
// on to Vault, the listeners and what serves Mashery calls out of one checked
// configuration, and runs them as one group.
package agentext
