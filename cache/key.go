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
	// Shared says that the role's token is used, which all its readers share
	// through Vault, in place of a grant of one's own. There is one for API 3 only.
	Shared bool
}

func (k Key) path() string {
	if k.Shared {
		return k.Mount + "/roles/" + k.Role + "/token"
	}
	return k.Mount + "/roles/" + k.Role + "/grant"
}

func (k Key) query() url.Values {
	if k.Shared {
		return nil
	}
	return url.Values{"api": {strconv.Itoa(k.API)}, "lease": {"true"}}
}

// engine names what gives the grants of this key and others.
func (k Key) engine() Key {
	k.Role = ""
	return k
}

// fields name the key in a log line.
func (k Key) fields() []any {
	fields := []any{"mount", k.Mount, "role", k.Role, "api", k.API}
	if k.Namespace != "" {
		fields = append(fields, "namespace", k.Namespace)
	}
	return fields
}
