// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// unlimited is how a limit that is not set reads.
const unlimited = "∞"

// roleField is the part of a path that names the role.
func roleField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Description: "Name of the role."}
}

// rolePattern matches roles/:role and what follows.
func rolePattern(rest string) string {
	return "roles/" + framework.GenericNameRegex("role") + rest
}

func (b *backend) pathRoleList() *framework.Path {
	return &framework.Path{
		Pattern: "roles/?$",
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{Callback: b.listRoles, Summary: "List the names of the roles."},
		},
		HelpSynopsis:    "The names of the roles.",
		HelpDescription: "Lists the names of all roles of this mount.",
	}
}

func (b *backend) pathRole() *framework.Path {
	sensitive := &framework.DisplayAttributes{Sensitive: true}
	return &framework.Path{
		Pattern: rolePattern("$"),
		Fields: map[string]*framework.FieldSchema{
			"role":     roleField(),
			"area_id":  {Type: framework.TypeString, Description: "UUID of the area. V3 needs it."},
			"area_nid": {Type: framework.TypeInt64, Description: "Number of the area. V2 needs it."},
			"api_key":  {Type: framework.TypeString, Description: "API key. Both APIs need it. Never read back.", DisplayAttrs: sensitive},
			"secret":   {Type: framework.TypeString, Description: "Secret of the API key. Both APIs need it. Never read back.", DisplayAttrs: sensitive},
			"username": {Type: framework.TypeString, Description: "Name of the account V3 tokens are asked for. Never read back."},
			"password": {Type: framework.TypeString, Description: "Password of that account. Never read back.", DisplayAttrs: sensitive},
			"qps":      {Type: framework.TypeInt, Default: defaultQPS, Description: "Calls a second the role may make."},
		},
		ExistenceCheck: b.roleExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.CreateOperation: writing(b.writeRole, "Create a role."),
			logical.UpdateOperation: writing(b.writeRole, "Change a role; what is not named stays."),
			logical.ReadOperation:   &framework.PathOperation{Callback: b.readRole, Summary: "Read what a role can do; never its credentials."},
			logical.DeleteOperation: writing(b.deleteRole, "Delete a role and its shared token."),
		},
		HelpSynopsis:    "A role: Mashery credentials under a name.",
		HelpDescription: roleHelp,
	}
}

func (b *backend) listRoles(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := req.Storage.List(ctx, rolePrefix)
	if err != nil {
		return nil, fmt.Errorf("listing the roles: %w", err)
	}
	return logical.ListResponse(names), nil
}

func (b *backend) roleExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	r, err := loadRole(ctx, req.Storage, d.Get("role").(string))
	return r != nil, err
}

func (b *backend) readRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	r, err := loadRole(ctx, req.Storage, d.Get("role").(string))
	if err != nil || r == nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"v2_capable":        r.capable(mashery.V2),
		"v3_capable":        r.capable(mashery.V3),
		"qps":               r.QPS,
		"term":              unlimited,
		"term_remaining":    unlimited,
		"use_remaining":     unlimited,
		"forced_proxy_mode": false,
	}}, nil
}

func (b *backend) writeRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := unknownFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	name := d.Get("role").(string)
	defer b.lockRole(name)()
	old, err := loadRole(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	r := &role{Name: name, QPS: defaultQPS}
	if old != nil {
		*r = *old
	}
	if err := r.change(d); err != nil {
		return logical.ErrorResponse("role %q: %v", name, err), nil
	}
	if err := store(ctx, req.Storage, rolePrefix+name, r); err != nil {
		return nil, err
	}
	return nil, b.released(ctx, req.Storage, old)
}

// change sets what the request names and checks it.
func (r *role) change(d *framework.FieldData) error {
	for name, set := range map[string]func(string){
		"area_id":  func(v string) { r.AreaID = v },
		"api_key":  func(v string) { r.APIKey = seal(v) },
		"secret":   func(v string) { r.Secret = seal(v) },
		"username": func(v string) { r.Username = v },
		"password": func(v string) { r.Password = seal(v) },
	} {
		value, named := d.GetOk(name)
		if !named {
			continue
		}
		if strings.ContainsFunc(value.(string), unicode.IsControl) {
			return fmt.Errorf("%s holds a line break or another control character; does it come from a file?", name)
		}
		set(value.(string))
	}
	if value, named := d.GetOk("area_nid"); named {
		r.AreaNID = value.(int64)
	}
	if value, named := d.GetOk("qps"); named {
		r.QPS = value.(int)
	}
	switch {
	case r.AreaNID < 0:
		return errors.New("area_nid must not be negative; it is the number in the area's V2 address")
	case r.QPS < 1:
		return errors.New("qps must be at least 1")
	}
	return nil
}

func (b *backend) deleteRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("role").(string)
	defer b.lockRole(name)()
	// A role that cannot be read can be deleted; its budget is then left as it was.
	old, _ := loadRole(ctx, req.Storage, name)
	for _, key := range []string{tokenPrefix + name, rolePrefix + name} {
		if err := remove(ctx, req.Storage, key); err != nil {
			return nil, err
		}
	}
	return nil, b.released(ctx, req.Storage, old)
}

// released frees the budget of a key from the limit of a role that has gone
// or may have another key now; a call of the role's sets it again.
func (b *backend) released(ctx context.Context, s logical.Storage, old *role) error {
	if old == nil {
		return nil
	}
	marks, err := b.marks(ctx, s, old.credentials())
	if err == nil {
		b.budget(marks.KeyID, old.Name, 0)
	}
	return err
}

const roleHelp = `
A role keeps the credentials of one Mashery area: for V2 area_nid, api_key and
secret, for V3 area_id, api_key, secret, username and password. It may have
both, one or none; reading it tells which (v2_capable, v3_capable) and what the
role may spend (qps), never a credential.

A write keeps what it does not name. Roles with one API key share its calls per
second; the smallest qps of them counts.
`
