// SPDX-License-Identifier: MPL-2.0

package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/hashicorp/vault/sdk/logical"
)

// clearLimit is the longest order to clear that is read, in bytes.
const clearLimit = 1 << 20

// Grants are what cache-clear drops beside the lease cache.
type Grants interface {
	DropAll()
	// DropLease drops the grant of one lease.
	DropLease(id string)
	// DropPath drops the grants read at paths that begin with path, such as
	// "/v1/mash-creds/roles/billing", in a namespace; "" is root.
	DropPath(namespace, path string)
}

// order is what is to be cleared (command/agentproxyshared/cache/handler.go,
// cacheClearRequest).
type order struct {
	Type      string `json:"type"`
	Value     string `json:"value"`
	Namespace string `json:"namespace"`
}

// serveClear drops grants and then lets Vault's handler clear the lease cache,
// by one and the same order. Without grants it is Vault's business alone.
func (a *Admin) serveClear(w http.ResponseWriter, r *http.Request) {
	if a.config.Grants == nil || r.Method != http.MethodPost && r.Method != http.MethodPut {
		a.config.CacheClear.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, clearLimit))
	if err == nil {
		err = a.clear(body)
	}
	if err != nil {
		logical.RespondError(w, http.StatusBadRequest, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.config.CacheClear.ServeHTTP(w, r)
}

func (a *Admin) clear(body []byte) error {
	var o order
	if err := json.Unmarshal(body, &o); err != nil {
		return errors.New(`failed to parse JSON input: write {"type": "all"}, or a type and a value`)
	}
	switch o.Type {
	case "all":
		a.config.Grants.DropAll()
		return nil
	case "lease":
		if o.Value == "" {
			return errors.New("failed to clear cache: lease not provided; name it in value")
		}
		a.config.Grants.DropLease(o.Value)
		return nil
	case "request_path":
		if o.Value == "" {
			return errors.New("failed to clear cache: request path not provided; name it in value")
		}
		a.config.Grants.DropPath(o.Namespace, o.Value)
		return nil
	case "token", "token_accessor": // of the lease cache; grants belong to no caller's token
		return nil
	}
	return errors.New(`failed to clear cache: invalid type; it may be "all", "lease", "request_path", "token" or "token_accessor"`)
}
