// SPDX-License-Identifier: MPL-2.0

// Package config reads mashproxy's files into one checked [Config]. A file is
// what `vault proxy` takes plus mashery blocks: Vault's part is read by Vault's
// own loader, ours from a second reading of the same text. Both readings are
// checked together, and every problem is reported at once, with its place.
package config
