// SPDX-License-Identifier: MPL-2.0

// Package mashery speaks the protocol of Mashery's two administration APIs:
// V2, JSON-RPC signed with a timestamped MD5, and V3, REST under an OAuth
// access token. It knows endpoints, signing, tokens, error codes, the budget
// of an API key and how one call is sent, judged and sent again. It knows
// nothing of Vault: where a grant comes from is a [Source]'s business.
package mashery
