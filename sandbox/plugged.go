// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/vault/sdk/logical"
)

// plugged is a backend inside Vault that sees of a request what a plugin would:
// not the HTTP request, by which it would know the query of a write, and data
// that went through JSON, where numbers are 64-bit floating point
// (sdk/plugin/pb/translation.go). What works in the sandbox works with the plugin.
type plugged struct{ logical.Backend }

// asPlugin makes plugged backends.
func asPlugin(factory logical.Factory) logical.Factory {
	return func(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
		backend, err := factory(ctx, config)
		if err != nil {
			return nil, err
		}
		return plugged{backend}, nil
	}
}

// HandleRequest implements [logical.Backend].
func (b plugged) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	seen, err := seenByPlugin(req)
	if err != nil {
		return nil, err
	}
	return b.Backend.HandleRequest(ctx, seen)
}

// HandleExistenceCheck implements [logical.Backend].
func (b plugged) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checked, exists bool, err error) {
	seen, err := seenByPlugin(req)
	if err != nil {
		return false, false, err
	}
	return b.Backend.HandleExistenceCheck(ctx, seen)
}

func seenByPlugin(req *logical.Request) (*logical.Request, error) {
	seen := *req
	seen.HTTPRequest, seen.ResponseWriter, seen.Data = nil, nil, nil
	text, err := json.Marshal(req.Data)
	if err == nil {
		err = json.Unmarshal(text, &seen.Data)
	}
	return &seen, err
}
