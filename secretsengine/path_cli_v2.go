// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// defaultV2Method is what is called when no method is named.
const defaultV2Method = "object.query"

func (b *backend) pathsCLIV2() []*framework.Path {
	fields := func(method string) map[string]*framework.FieldSchema {
		return map[string]*framework.FieldSchema{
			"role":   roleField(),
			"method": {Type: framework.TypeString, Default: defaultV2Method, Description: method},
			// No type of the SDK is a list or an object, which params and the fields of an object are.
			"query": {Type: framework.TypeString, Query: true, Description: "The one argument of the call, such as object.query's select * from members. More can be given as params, a JSON list or object, or as the fields of one object."},
		}
	}
	operations := map[logical.Operation]framework.OperationHandler{
		logical.ReadOperation:   b.ofRole(b.callCLIV2, "Make a V2 call that only reads."),
		logical.UpdateOperation: b.ofRole(b.callCLIV2, "Make a V2 call."),
	}
	return []*framework.Path{
		{
			Pattern: rolePattern("/v2"), Fields: fields("JSON-RPC method of the call. Default: object.query."),
			TakesArbitraryInput: true, Operations: operations,
			HelpSynopsis: "Mashery's V2 calls, for Vault's command line.", HelpDescription: cliV2Help,
		},
		{
			Pattern: rolePattern("/v2/" + framework.MatchAllRegex("method")), Fields: fields("JSON-RPC method of the call, so that policies can tell methods apart."),
			TakesArbitraryInput: true, Operations: operations,
			HelpSynopsis: "Mashery's V2 calls of one method, for Vault's command line.", HelpDescription: cliV2Help,
		},
	}
}

func (b *backend) callCLIV2(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	method := d.Get("method").(string)
	switch named, given := req.Data["method"].(string); {
	case method == "" || !given && req.Data["method"] != nil:
		return logical.ErrorResponse("method must be the name of a method, such as " + defaultV2Method), nil
	case given && named != method:
		return logical.ErrorResponse("the path names the method %q, the data another; make them agree", method), nil
	}
	if req.Operation == logical.ReadOperation && !readsOnly(method) {
		return logical.ErrorResponse("method %q may change something or give out a credential; vault write it", method), nil
	}
	params, err := v2Params(req.Data)
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	envelope, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return logical.ErrorResponse("the arguments cannot be encoded as JSON: %v", err), nil
	}
	return b.shaped(ctx, req, d.Get("role").(string), v2Call(envelope), (*reply).asResult)
}

// readsOnly tells the methods that change nothing and give no credential
// [developer.mashery.com, V2 resources].
func readsOnly(method string) bool {
	kind, verb, _ := strings.Cut(method, ".")
	return slices.Contains([]string{"object.query", "object.describe", "test.echo", "test.hello"}, method) ||
		verb == "fetch" && !strings.Contains(kind, "oauth")
}

// v2Params are the arguments of a call, as they were given.
func v2Params(data map[string]any) (any, error) {
	given, hasParams := data["params"]
	query, hasQuery := data["query"]
	object := make(map[string]any)
	for name, value := range data {
		if !slices.Contains([]string{"method", "params", "query"}, name) {
			object[name] = value
		}
	}
	switch {
	case hasParams && hasQuery:
		return nil, errors.New("give params or query, not both")
	case hasParams:
		return v2List(given)
	case hasQuery:
		return []any{query}, nil
	case len(object) > 0:
		return []any{object}, nil
	}
	return []any{}, nil
}

// v2List is params as JSON-RPC wants them. Vault's command line hands over as
// a text what is not in a file.
func v2List(given any) (any, error) {
	if text, ok := given.(string); ok {
		value, err := decodeJSON([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("params is not JSON; write it like '[\"an argument\"]' or '{\"name\": \"value\"}'")
		}
		given = value
	}
	switch given.(type) {
	case []any, map[string]any:
		return given, nil
	}
	return nil, errors.New("params must be a JSON list, or an object of named arguments")
}

// asResult is the result of a JSON-RPC call, or its error in words.
func (r *reply) asResult() (*logical.Response, error) {
	value, err := decodeJSON(r.body)
	envelope, ok := value.(map[string]any)
	switch {
	case err == nil && ok && envelope["error"] != nil:
		return nil, &answerError{http.StatusBadRequest, fmt.Sprintf("Mashery answered with status %d: %s", r.status, r.rpcWords(envelope["error"]))}
	case r.refusal() != nil:
		return nil, r.refusal()
	case err != nil || !ok:
		return nil, r.odd("no JSON-RPC; is v2_endpoint right?")
	}
	return &logical.Response{Data: map[string]any{"result": envelope["result"], "error": nil}}, nil
}

// rpcWords are what a JSON-RPC error says: a code, a message, and which fields
// are wrong [developer.mashery.com, V2 error pages].
func (r *reply) rpcWords(failure any) string {
	raw, _ := json.Marshal(failure) // it was decoded from JSON
	var told struct {
		Code    json.Number
		Message string
		Data    []struct{ Field, Message string }
	}
	_ = json.Unmarshal(raw, &told) // what has another shape is left out
	said := []string{told.Message, told.Code.String()}
	for _, one := range told.Data {
		said = append(said, one.Field+": "+one.Message)
	}
	return r.plain(said)
}

const cliV2Help = `
Makes a V2 call for Vault's command line and gives its result; programs use
proxy/v2 instead. The method is that of the path or of the field method.

    vault read  mash-creds/roles/:role/v2 query="select * from members"
    vault read  mash-creds/roles/:role/v2/application.fetch params='[1234]'
    vault write mash-creds/roles/:role/v2/application.update @application.json
    vault write mash-creds/roles/:role/v2/member.addRole params='["a-member", 5]'

The arguments are params as they are; or query alone; or, without these, one
object of all other fields. A read can call object.query, object.describe and
what ends in .fetch; everything else is a write.

Where a policy allows a write of v2, it allows every method; to allow some, allow
v2/<method> instead.
`
