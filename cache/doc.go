// SPDX-License-Identifier: MPL-2.0

// Package cache keeps the grants of one application: each is read from Vault
// once, however many wait for it, and parsed once. It is renewed or replaced
// before its end while it is in use, lapses otherwise, and goes when the token
// it was read with is lost or Mashery refuses it.
//
// What a grant holds is the caller's: the package is generic over it and
// knows only leases, and the tokens that all readers of a role share.
package cache
