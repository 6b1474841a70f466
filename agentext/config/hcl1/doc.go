// SPDX-License-Identifier: MPL-2.0

// Package hcl1 presents a file written in HCL 1, or in JSON as HCL 1 reads it,
// as an [hcl.Body] of HCL 2. Vault's configuration language is HCL 1, and HCL
// 2's own parser refuses what it allows: one-line blocks with several
// arguments, quoted keys, keys in any case. Here the grammar stays HCL 1's,
// while schemas, decoding, ranges and diagnostics are HCL 2's.
package hcl1
