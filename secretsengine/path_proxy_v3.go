// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

const (
	v3PathField = "path"
	v3VerbField = "verb"
)

func (b *backend) pathsProxyV3() []*framework.Path {
	path := &framework.FieldSchema{Type: framework.TypeString, Description: "Path of the V3 API, such as services/:id."}
	get := b.ofRole(b.proxyV3, "Make a V3 call with GET.")
	return []*framework.Path{
		{
			Pattern:             rolePattern("/proxy/v3/" + framework.MatchAllRegex(v3PathField)),
			Fields:              map[string]*framework.FieldSchema{"role": roleField(), v3PathField: path},
			TakesArbitraryInput: true,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation:   get,
				logical.ListOperation:   get,
				logical.UpdateOperation: b.ofRole(b.proxyV3, "Make a V3 call with POST, or the verb that ;target-method-<verb> names."),
				logical.DeleteOperation: b.ofRole(b.proxyV3, "Make a V3 call with DELETE."),
			},
			HelpSynopsis:    "V3 calls, made by the engine.",
			HelpDescription: proxyV3Help,
		},
		{
			Pattern: rolePattern("/proxy/v3-method/" + framework.GenericNameRegex(v3VerbField) + "/" + framework.MatchAllRegex(v3PathField)),
			Fields: map[string]*framework.FieldSchema{
				"role": roleField(), v3PathField: path,
				v3VerbField: {Type: framework.TypeString, Description: "Verb of the call: get or head to read; post, put or delete to write."},
			},
			TakesArbitraryInput: true,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation:   b.ofRole(b.proxyV3, "Make a V3 call with GET or HEAD."),
				logical.UpdateOperation: b.ofRole(b.proxyV3, "Make a V3 call with POST, PUT or DELETE."),
			},
			HelpSynopsis:    "V3 calls with a verb of choice, made by the engine.",
			HelpDescription: proxyV3Help,
		},
	}
}

func (b *backend) proxyV3(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	verb, path, err := v3Target(req, d)
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	query, err := v3Query(req)
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	call := &mashery.Call{
		API:      mashery.V3,
		Method:   verb,
		Path:     (&url.URL{Path: path}).EscapedPath(),
		RawQuery: query,
		Header:   http.Header{"Accept": {"application/json"}},
	}
	if req.Operation == logical.UpdateOperation && req.Data != nil {
		body, err := json.Marshal(req.Data)
		if err != nil {
			return logical.ErrorResponse("the body cannot be encoded as JSON: %v", err), nil
		}
		call.Body, call.ContentLength = bytes.NewReader(body), int64(len(body))
		call.Header.Set("Content-Type", "application/json")
	}
	return b.proxy(ctx, req, d.Get("role").(string), call)
}

// targetMethod is the suffix by which a path names the verb: Vault makes one
// operation of POST and PUT.
var targetMethod = regexp.MustCompile(`^(.*);target-method-([A-Za-z]+)$`)

// v3Path is the (unescaped) path the caller named.
func v3Path(req *logical.Request, d *framework.FieldData) string {
	path := d.Get(v3PathField).(string)
	if req.Operation == logical.ListOperation {
		path = strings.TrimSuffix(path, "/") // Vault's, not the caller's
	}
	return path
}

// v3Target tells the verb and the (unescaped) path of the call.
func v3Target(req *logical.Request, d *framework.FieldData) (verb, path string, err error) {
	op := req.Operation
	path = v3Path(req, d)
	named, ok := d.GetOk(v3VerbField)
	switch suffix := targetMethod.FindStringSubmatch(path); {
	case ok:
		verb = named.(string)
	case suffix != nil && op != logical.UpdateOperation:
		return "", "", errors.New(";target-method-… is for POST and PUT; drop it")
	case suffix != nil:
		path, verb = suffix[1], suffix[2]
	case op == logical.UpdateOperation && saysPut(req.Headers):
		verb = http.MethodPut
	}
	if verb, err = v3Verb(op, verb); err != nil {
		return "", "", err
	}
	return verb, path, checkPath(path)
}

// v3Verb is the verb of an operation, where it leaves a choice the named one.
func v3Verb(op logical.Operation, named string) (string, error) {
	var allowed []string
	switch op {
	case logical.UpdateOperation:
		allowed = []string{http.MethodPost, http.MethodPut, http.MethodDelete}
	case logical.DeleteOperation:
		allowed = []string{http.MethodDelete}
	default:
		allowed = []string{http.MethodGet, http.MethodHead}
	}
	if named == "" {
		return allowed[0], nil
	}
	verb := strings.ToUpper(named)
	if !slices.Contains(allowed, verb) {
		return "", fmt.Errorf("verb %q cannot be used here; use one of %s", verb, strings.Join(allowed, ", "))
	}
	return verb, nil
}

// checkPath refuses a path that could climb out of the V3 API, or would be
// another one for a server behind it than for Vault's policies.
func checkPath(path string) error {
	flaw := mashery.PathFlaw("/" + path)
	if path == "" {
		flaw = "an empty segment"
	}
	if flaw != "" {
		return fmt.Errorf("the path holds %s, plain or escaped; write the path without", flaw)
	}
	return nil
}

// v3Query is the query of the call. Vault hands that of GET, LIST and DELETE
// over as data; that of POST and PUT it drops, except that an engine inside
// the server may see the request itself (http/logical.go). Who passes a request on
// says it in a header.
func v3Query(req *logical.Request) (string, error) {
	if req.Operation == logical.UpdateOperation {
		if asked := req.HTTPRequest; asked != nil && asked.URL != nil && asked.URL.RawQuery != "" {
			return asked.URL.RawQuery, nil
		}
		return saidQuery(req.Headers)
	}
	query := make(url.Values, len(req.Data))
	for name, value := range req.Data {
		switch value := value.(type) {
		case []string:
			query[name] = value
		case []any: // what becomes of []string on the way to a plugin
			for _, one := range value {
				query.Add(name, fmt.Sprint(one))
			}
		default:
			query.Set(name, fmt.Sprint(value))
		}
	}
	return query.Encode(), nil
}

const proxyV3Help = `
Sends the call to Mashery's V3 API, with the token the role's readers share and
paced within its calls per second, and returns the answer as it is: GET and LIST
as GET, DELETE as DELETE, each with its query. A write goes as POST, because
Vault does not tell PUT from POST; to say which, end the path in
;target-method-put, or use proxy/v3-method/put/... Vault drops the query of a
write and takes only a JSON object as its body.

The mount must allow Mashery's headers (allowed_response_headers). A proxy in
front of Vault says PUT by the header X-Mashproxy-Method, and the query of a
write by X-Mashproxy-Query, if the mount passes them on
(passthrough_request_headers).
`
