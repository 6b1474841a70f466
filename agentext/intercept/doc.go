// SPDX-License-Identifier: MPL-2.0

// Package intercept recognises the calls that are served here instead of by
// Vault, and takes each through policy, grant, pacing and signing. Whatever is
// not such a call goes on to the next handler, unless it asks for a credential
// that stays inside.
package intercept
