// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func (b *backend) pathsProxyV2() []*framework.Path {
	summary := "Make a V2 call; the body is the JSON-RPC request."
	return []*framework.Path{
		{
			Pattern:             rolePattern("/proxy/v2"),
			Fields:              map[string]*framework.FieldSchema{"role": roleField()},
			TakesArbitraryInput: true,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: b.ofRole(b.proxyV2, summary),
			},
			HelpSynopsis:    "V2 calls, made by the engine.",
			HelpDescription: proxyV2Help,
		},
		{
			Pattern: rolePattern("/proxy/v2/" + framework.MatchAllRegex(v2MethodField)),
			Fields: map[string]*framework.FieldSchema{
				"role":        roleField(),
				v2MethodField: {Type: framework.TypeString, Description: "JSON-RPC method of the call, so that policies can tell methods apart."},
			},
			TakesArbitraryInput: true,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: b.ofRole(b.proxyV2, summary),
			},
			HelpSynopsis:    "V2 calls of one method, made by the engine.",
			HelpDescription: proxyV2Help,
		},
	}
}

// v2MethodField is the part of a path that names the JSON-RPC method. It is not
// called "method", which the body has a field of.
const v2MethodField = "path_method"

func (b *backend) proxyV2(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	envelope, err := v2Envelope(req.Data, d)
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	return b.proxy(ctx, req, d.Get("role").(string), v2Call(envelope))
}

// v2Call is the call of a JSON-RPC request, complete but for pacing.
func v2Call(envelope []byte) *mashery.Call {
	return &mashery.Call{
		API:           mashery.V2,
		Method:        http.MethodPost,
		Header:        http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}},
		Body:          bytes.NewReader(envelope),
		ContentLength: int64(len(envelope)),
	}
}

// v2Envelope is the JSON-RPC request as it goes to Mashery: what came, with the
// method the path names where it has none of its own.
func v2Envelope(data map[string]any, d *framework.FieldData) ([]byte, error) {
	if named, ok := d.GetOk(v2MethodField); ok {
		if inBody := data["method"]; inBody != nil && inBody != named {
			return nil, fmt.Errorf("the path names the method %q, the body another; make them agree", named)
		}
		if data = maps.Clone(data); data == nil {
			data = make(map[string]any, 1)
		}
		data["method"] = named
	}
	if len(data) == 0 {
		return nil, errors.New("the body names no method; send a JSON-RPC object, or name the method in the path (proxy/v2/<method>)")
	}
	envelope, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("the body cannot be encoded as JSON: %w", err)
	}
	return envelope, nil
}

const proxyV2Help = `
Sends the body, a JSON-RPC object, to Mashery's V2 API, signed with the role's
credentials and paced within its calls per second, and returns the answer as it
is. Where the path names a method the body's must agree or be absent, and may be
empty altogether.

The mount must allow Mashery's headers (allowed_response_headers).
`
