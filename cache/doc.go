// SPDX-License-Identifier: MPL-2.0

// Package cache keeps leased grants: each is read from Vault once, however
// many wait for it, parsed once, used until shortly before its end, and
// replaced or dropped when the token it was read with changes or is lost.
//
// What a grant holds is the caller's: the package is generic over it and
// knows only leases.
package cache
