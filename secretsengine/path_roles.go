// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// roleField is the part of a path that names the role.
func roleField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Description: "Name of the role."}
}

// roleName is what the name of a role looks like: a word with dots and dashes in
// it, but no two dots in a row, which Vault's storage does not take.
const roleName = `\w(?:(?:\.?[\w-])*\.?\w)?`

// rolePattern matches roles/:role and what follows.
func rolePattern(rest string) string {
	return "roles/(?P<role>" + roleName + ")" + rest
}

// ofRole is an operation of something below roles/:role. Where there is no such
// role nothing else about the request matters.
func (b *backend) ofRole(callback framework.OperationFunc, summary string) *framework.PathOperation {
	return writing(func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		name := d.Get("role").(string)
		if r, err := loadRole(ctx, req.Storage, name); err != nil {
			return nil, err
		} else if r == nil {
			return noRole(name)
		}
		return callback(ctx, req, d)
	}, summary)
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

			"forced_proxy_mode": {Type: framework.TypeBool, Default: false, Description: "Whether credentials are never given out (grant, token); the engine makes the calls."},
			"exportable":        {Type: framework.TypeBool, Default: true, Description: "Whether the role may be exported to another Vault."},
			"explicit_term":     {Type: framework.TypeString, Description: "How long the role may be used: days (10d), weeks (2w), a date (2027-06-07) or a duration (36h). Empty: no end."},
			"explicit_num_uses": {Type: framework.TypeInt64, Default: int64(0), Description: "How many times the role may be used, counted anew. 0: without limit."},
		},
		ExistenceCheck: b.roleExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.CreateOperation: writing(b.writeRole, "Create a role."),
			logical.UpdateOperation: writing(b.writeRole, "Change a role; what is not named stays."),
			logical.ReadOperation:   &framework.PathOperation{Callback: b.readRole, Summary: "Read what a role can do and is limited to; never its credentials."},
			logical.DeleteOperation: writing(b.deleteRole, "Delete a role and what is kept of it."),
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
	counts, err := loadSpent(ctx, req.Storage, r.Name)
	if err != nil {
		return nil, err
	}
	buyer, err := b.buyer(ctx, req.Storage, r)
	if err != nil {
		return nil, err
	}
	token, err := buyer.stored(ctx)
	if err != nil {
		return nil, err
	}
	now := b.now()
	return &logical.Response{Data: map[string]any{
		"v2_capable":        r.capable(mashery.V2),
		"v3_capable":        r.capable(mashery.V3),
		"qps":               r.QPS,
		"exportable":        !r.NotExportable,
		"forced_proxy_mode": r.ForcedProxyMode,
		"term":              r.Term.String(),
		"term_remaining":    r.Term.remaining(now),
		"use_remaining":     r.Quota.remaining(counts),
		"v3_token":          token.state(now),
		"v3_token_life":     token.lifeLeft(now),
	}}, nil
}

func (b *backend) writeRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
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
	if r.Imported {
		return logical.ErrorResponse("operation is not permitted on an imported role; import another export of it, or delete it first"), nil
	}
	if err := r.change(d, b.now()); err != nil {
		return logical.ErrorResponse("role %q: %v", name, err), nil
	}
	if err := store(ctx, req.Storage, rolePrefix+name, r); err != nil {
		return nil, err
	}
	return nil, b.released(ctx, req.Storage, old)
}

// change sets what the request names and checks it.
func (r *role) change(d *framework.FieldData, now time.Time) error {
	for name, set := range map[string]func(string){
		"area_id":  func(v string) { r.AreaID = v },
		"api_key":  func(v string) { r.APIKey = seal(v) },
		"secret":   func(v string) { r.Secret = seal(v) },
		"username": func(v string) { r.Username = v },
		"password": func(v string) { r.Password = seal(v) },
	} {
		if value, named := d.GetOk(name); named {
			set(value.(string))
		}
	}
	if value, named := d.GetOk("area_nid"); named {
		r.AreaNID = value.(int64)
	}
	if value, named := d.GetOk("qps"); named {
		r.QPS = value.(int)
	}
	if value, named := d.GetOk("forced_proxy_mode"); named {
		r.ForcedProxyMode = value.(bool)
	}
	if value, named := d.GetOk("exportable"); named {
		r.NotExportable = !value.(bool)
	}
	if err := r.limit(d, now); err != nil {
		return err
	}
	return r.check()
}

// limit sets the limits the request names.
func (r *role) limit(d *framework.FieldData, now time.Time) error {
	if value, named := d.GetOk("explicit_term"); named {
		t, err := parseTerm(value.(string), now)
		if err != nil {
			return err
		}
		r.Term = t
	}
	if value, named := d.GetOk("explicit_num_uses"); named {
		uses := value.(int64)
		if uses < 0 {
			return errors.New("explicit_num_uses must not be negative; 0 is without limit")
		}
		r.Quota = newQuota(uses)
	}
	return nil
}

func (b *backend) deleteRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("role").(string)
	defer b.lockRole(name)()
	// A role that cannot be read can be deleted; its budget is then left as it was.
	old, _ := loadRole(ctx, req.Storage, name)
	for _, key := range []string{tokenPrefix + name, usesPrefix + name, keyPrefix + name, rolePrefix + name} {
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

A role may be limited: to the engine's own calls (forced_proxy_mode), to a time
(explicit_term), to a number of uses (explicit_num_uses: each grant, token and
call is one), and to this Vault (exportable=false). A role that was imported is
bound by what its export said and cannot be written.
`
