// SPDX-License-Identifier: MPL-2.0

package apierror

// SourceHeader says, where a file has a mashery block, who gave the answer.
const SourceHeader = "X-Mashproxy-Source"

// Who an answer can be from.
const (
	FromMashery   = "mashery"
	FromVault     = "vault"
	FromMashproxy = "mashproxy"
)
