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
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// What a read ends its path in to be told of a collection.
const (
	listSuffix  = ";list"
	countSuffix = ";count"
)

func (b *backend) pathCLIV3() *framework.Path {
	return &framework.Path{
		Pattern: rolePattern("/v3/" + framework.MatchAllRegex(v3PathField)),
		Fields: map[string]*framework.FieldSchema{
			"role":      roleField(),
			v3PathField: {Type: framework.TypeString, Description: "Path of the V3 API, such as services/:id; a read may end it in ;list or ;count, a write in ;target-method-<verb>."},
			"filter":    {Type: framework.TypeStringSlice, Query: true, Description: "Which objects of a collection: property:text, with text to be found in the property. May be repeated."},
			"fields":    {Type: framework.TypeCommaStringSlice, Query: true, Description: "Which properties the answer has, such as id,name,endpoints.id."},
			"sort":      {Type: framework.TypeCommaStringSlice, Query: true, Description: "What a collection is sorted by: property, property:asc or property:desc."},
			"offset":    {Type: framework.TypeInt, Query: true, Description: "How many objects of a collection are left out at its beginning."},
			"limit":     {Type: framework.TypeInt, Query: true, Description: "How many objects of a collection are given at most. Mashery's default is 100."},
		},
		TakesArbitraryInput: true,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   b.ofRole(b.readCLIV3, "Read an object, or with ;list or ;count a collection."),
			logical.ListOperation:   b.ofRole(b.readCLIV3, "List a collection."),
			logical.UpdateOperation: b.ofRole(b.writeCLIV3, "Create an object in a collection (POST), or change one (PUT)."),
			logical.DeleteOperation: b.ofRole(b.deleteCLIV3, "Delete an object."),
		},
		HelpSynopsis:    "Mashery's V3 objects, for Vault's command line.",
		HelpDescription: cliV3Help,
	}
}

// command is what Vault's command line asks for, as a call to V3.
type command struct {
	verb, path string // path is not escaped
	query      url.Values
	body       []byte
	shape      shape
}

// shape is what the command line expects a reply to look like.
type shape func(*reply) (*logical.Response, error)

// readCLIV3 is vault read and vault list.
func (b *backend) readCLIV3(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	query, err := cliQuery(d, "filter", "fields", "sort", "offset", "limit")
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	c := command{verb: http.MethodGet, path: v3Path(req, d), query: query, shape: (*reply).asRead}
	listing := req.Operation == logical.ListOperation
	if path, ok := strings.CutSuffix(c.path, countSuffix); ok {
		c.path, c.shape = path, (*reply).asCount
		if listing {
			c.shape = (*reply).asListedCount
		}
		query.Set("limit", "1") // the count is in the header
		query.Del("offset")
	} else if path, ok := strings.CutSuffix(c.path, listSuffix); ok || listing {
		c.path, c.shape = path, (*reply).asList
	}
	return b.command(ctx, req, d, c)
}

// writeCLIV3 is vault write.
func (b *backend) writeCLIV3(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if len(req.Data) == 0 {
		return logical.ErrorResponse("nothing to write; name the object's properties (name=…), or give them as JSON (@file.json, or - for the standard input)"), nil
	}
	c := cliTarget(d)
	switch {
	case c.verb == "" && isObject(c.path):
		c.verb = http.MethodPut
	case c.verb == "":
		c.verb = http.MethodPost
	case c.verb != http.MethodPut && c.verb != http.MethodPost:
		return logical.ErrorResponse("verb %q cannot be used to write; use POST or PUT", c.verb), nil
	}
	var err error
	if c.query, err = cliQuery(d, "fields"); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	properties := maps.Clone(req.Data)
	delete(properties, "fields") // they are the query's
	if c.body, err = json.Marshal(properties); err != nil {
		return logical.ErrorResponse("the properties cannot be encoded as JSON: %v", err), nil
	}
	return b.change(ctx, req, d, c)
}

// deleteCLIV3 is vault delete.
func (b *backend) deleteCLIV3(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	c := cliTarget(d)
	switch {
	case c.verb == "" && !isObject(c.path):
		return logical.ErrorResponse("%s is a collection, and to delete it deletes all that is in it; name one object (%s/:id), or end the path in ;target-method-delete", c.path, c.path), nil
	case c.verb != "" && c.verb != http.MethodDelete:
		return logical.ErrorResponse("verb %q cannot be used to delete; use DELETE", c.verb), nil
	}
	c.verb = http.MethodDelete
	return b.change(ctx, req, d, c)
}

// change runs a command that changes something, if the mount allows it.
func (b *backend) change(ctx context.Context, req *logical.Request, d *framework.FieldData, c command) (*logical.Response, error) {
	stored, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if !stored.EnableCLIV3Write {
		return logical.ErrorResponse("cli write operations are disabled for V3 API; to allow them, write enable_cli_v3_write=true to config"), nil
	}
	return b.command(ctx, req, d, c)
}

// command runs a command.
func (b *backend) command(ctx context.Context, req *logical.Request, d *framework.FieldData, c command) (*logical.Response, error) {
	path := strings.TrimSuffix(c.path, "/")
	if err := checkPath(path); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	call := &mashery.Call{
		API: mashery.V3, Method: c.verb, Path: (&url.URL{Path: path}).EscapedPath(), RawQuery: c.query.Encode(),
		Header: http.Header{"Accept": {"application/json"}},
	}
	if c.body != nil {
		call.Body, call.ContentLength = bytes.NewReader(c.body), int64(len(c.body))
		call.Header.Set("Content-Type", "application/json")
	}
	return b.shaped(ctx, req, d.Get("role").(string), call, c.shape)
}

// shaped makes a call whose reply gets a shape. Why there is none is told as a
// mistake of the caller's (400), even where it is a gateway's: anything above
// makes Vault's command line send the call again, which may have been carried out.
func (b *backend) shaped(ctx context.Context, req *logical.Request, roleName string, call *mashery.Call, as shape) (*logical.Response, error) {
	reply, refused, err := b.call(ctx, req.Storage, roleName, call)
	if refused != nil {
		return refused, err
	}
	if err == nil {
		var resp *logical.Response
		if resp, err = as(reply); err == nil {
			return resp, nil
		}
	}
	var answer *answerError
	switch {
	case errors.As(err, &answer) && answer.status == http.StatusNotFound:
		return logical.ErrorResponse(answer.text), logical.ErrUnsupportedPath
	case errors.As(err, &answer):
		return logical.ErrorResponse(answer.text), nil
	}
	if _, text := b.noAnswer(roleName, err); text != "" {
		return logical.ErrorResponse(text), nil
	}
	return nil, fmt.Errorf("a call to Mashery for role %q: %w", roleName, err)
}

// cliTarget is the path of a change, and the verb it names, if any.
func cliTarget(d *framework.FieldData) command {
	c := command{path: d.Get(v3PathField).(string), shape: (*reply).asWritten}
	if suffix := targetMethod.FindStringSubmatch(c.path); suffix != nil {
		c.path, c.verb = suffix[1], strings.ToUpper(suffix[2])
	}
	return c
}

// isObject tells an object's path (services/:id) from a collection's, by the
// number of its segments [developer.mashery.com, Resource Hierarchy]. What
// there is one of, such as services/:id/cache, counts as a collection.
func isObject(path string) bool {
	return strings.Count(strings.Trim(path, "/"), "/")%2 == 1
}

// cliQuery is the query of the fields that were given.
func cliQuery(d *framework.FieldData, names ...string) (url.Values, error) {
	query := make(url.Values)
	for _, name := range names {
		value, given := d.GetOk(name)
		if !given {
			continue
		}
		switch value := value.(type) {
		case int:
			if value < 0 {
				return nil, fmt.Errorf("%s must not be negative", name)
			}
			query.Set(name, strconv.Itoa(value))
		case []string:
			if name == "filter" {
				query[name] = value
			} else {
				query.Set(name, strings.Join(value, ","))
			}
		}
	}
	return query, nil
}

const cliV3Help = `
Makes a V3 call for Vault's command line; programs use proxy/v3 instead.

    vault list   mash-creds/roles/:role/v3/services
    vault read   mash-creds/roles/:role/v3/services/:id fields=id,name
    vault read  "mash-creds/roles/:role/v3/services;list" filter=name:a sort=name limit=10
    vault read  "mash-creds/roles/:role/v3/services;count" filter=name:a
    vault write  mash-creds/roles/:role/v3/services name="A service"
    vault write  mash-creds/roles/:role/v3/services/:id @changes.json
    vault delete mash-creds/roles/:role/v3/services/:id

A write goes as POST to a collection and as PUT to an object, told apart by the
number of segments; where that is wrong (services/:id/cache) end the path in
;target-method-put or ;target-method-post. Values given as name=value are texts;
give numbers and anything nested as JSON. Of the properties, fields is kept back:
it says what the answer has.

Writing and deleting need enable_cli_v3_write in config.
`
