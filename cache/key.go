// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"net/url"
	"strconv"
)

// Key names one grant of an application. Nothing of a caller's request but
// the role and the API is in it.
type Key struct {
	// Namespace is Vault's, "" for root; Mount has no slashes at its ends.
	Namespace, Mount string
	Role             string
	// API is 2 or 3.
	API int
}

func (k Key) path() string { return k.Mount + "/roles/" + k.Role + "/grant" }

func (k Key) query() url.Values {
	return url.Values{"api": {strconv.Itoa(k.API)}, "lease": {"true"}}
}
