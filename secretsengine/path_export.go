// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func (b *backend) pathExport() *framework.Path {
	return &framework.Path{
		Pattern: rolePattern("/export"),
		Fields: map[string]*framework.FieldSchema{
			"role":              roleField(),
			"pem":               {Type: framework.TypeString, Description: "What the recipient's roles/:role/pem gave.", Required: true},
			"explicit_term":     {Type: framework.TypeString, Description: "How long the recipient may use the role: days (10d), weeks (2w), a date (2027-06-07) or a duration (36h). Default: as long as this Vault."},
			"explicit_num_uses": {Type: framework.TypeInt64, Default: int64(0), Description: "How many times the recipient may use the role. Default: as often as this Vault."},
			"explicit_qps":      {Type: framework.TypeInt, Default: 0, Description: "Calls a second the recipient may make. Default: as many as this Vault."},
			"v2_only":           {Type: framework.TypeBool, Default: false, Description: "Whether only what V2 needs is exported."},
			"v3_only":           {Type: framework.TypeBool, Default: false, Description: "Whether only what V3 needs is exported."},
			"force_proxy_mode":  {Type: framework.TypeBool, Default: false, Description: "Whether the recipient never gives credentials out (grant, token)."},
			"exportable":        {Type: framework.TypeBool, Default: false, Description: "Whether the recipient may export the role in turn."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: b.ofRole(b.exportRole, "Export the role to a role of another Vault."),
		},
		HelpSynopsis:    "The role, encrypted for a role of another Vault.",
		HelpDescription: exportHelp,
	}
}

func (b *backend) exportRole(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := checkFields(req.Data, d.Schema); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	name, now := d.Get("role").(string), b.now()
	r, err := loadRole(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return noRole(name)
	}
	counts, err := loadSpent(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if err := r.exportableNow(counts, now); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	to, err := parseRecipient(d.Get("pem").(string), now)
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	x, err := r.exchange(d, r.Quota.left(counts), now)
	if err != nil {
		return logical.ErrorResponse("role %q: %v", name, err), nil
	}
	sealed, err := x.seal(to.Key, c.oaepLabel())
	if err != nil {
		return logical.ErrorResponse("role %q: %v", name, err), nil
	}
	resp := &logical.Response{Data: map[string]any{"pem": newData(sealed, x, name, to, now)}}
	if says := x.headers(); says["V2 Capable"] == "false" && says["V3 Capable"] == "false" {
		resp.AddWarning("what was exported is capable of neither API: the role lacks credentials; read roles/" + name)
	}
	return resp, nil
}

// exportableNow says why the role cannot be exported; nil when it can.
func (r *role) exportableNow(counts spent, now time.Time) error {
	switch {
	case r.NotExportable && r.Imported:
		return errors.New("this role is not exportable; its own export did not allow that (exportable=true)")
	case r.NotExportable:
		return fmt.Errorf("this role is not exportable; to allow it write exportable=true to roles/%s", r.Name)
	case r.Term.over(now):
		return fmt.Errorf("this role has expired (granted until %s)", r.Term)
	case r.Quota.limited() && r.Quota.left(counts) == 0:
		return errors.New("this role has depleted its usage quota")
	}
	return nil
}

// exchange is what is exported of the role as the request wishes; never more
// than the role has itself, which has so many uses left.
func (r *role) exchange(d *framework.FieldData, usesLeft int64, now time.Time) (*exchange, error) {
	end, err := parseTerm(d.Get("explicit_term").(string), now)
	if err != nil {
		return nil, err
	}
	uses, qps := d.Get("explicit_num_uses").(int64), d.Get("explicit_qps").(int)
	onlyV2, onlyV3 := d.Get("v2_only").(bool), d.Get("v3_only").(bool)
	switch {
	case onlyV2 && onlyV3:
		return nil, errors.New("v2_only and v3_only exclude each other; give one, or none for both APIs")
	case uses < 0 || qps < 0:
		return nil, errors.New("explicit_num_uses and explicit_qps must not be negative")
	case r.Term != 0 && end > r.Term:
		return nil, fmt.Errorf("explicit_term is beyond the role's own term, %s", r.Term)
	case r.Quota.limited() && uses > usesLeft:
		return nil, fmt.Errorf("explicit_num_uses is more than the %d the role has left", usesLeft)
	case qps > r.QPS:
		return nil, fmt.Errorf("explicit_qps is more than the role's own, %d", r.QPS)
	}
	if end == 0 {
		end = r.Term
	}
	if uses == 0 && r.Quota.limited() {
		uses = usesLeft
	}
	if qps == 0 {
		qps = r.QPS
	}
	x := &exchange{
		Role: exchangeRole{
			AreaID: r.AreaID, AreaNID: r.AreaNID, APIKey: r.APIKey, Secret: r.Secret, Username: r.Username, Password: r.Password,
			QPS: qps, ForcedProxyMode: r.ForcedProxyMode || d.Get("force_proxy_mode").(bool), Exportable: d.Get("exportable").(bool),
		},
		Limits: &exchangeLimits{Term: end, Uses: uses},
	}
	if onlyV2 {
		x.Role.AreaID, x.Role.Username, x.Role.Password = "", "", sealed{}
	}
	if onlyV3 {
		x.Role.AreaNID = 0
	}
	return x, nil
}

const exportHelp = `
Gives the role encrypted for a role of another Vault, whose roles/:role/pem
gave the certificate, and whose roles/:role/import takes the block. On the way it
can be limited: to a term, a number of uses, calls a second, one of the APIs,
the engine's own calls. The recipient cannot lift the limits, and cannot
export the role in turn unless exportable=true. What limits the role itself limits
its export too; uses that are left are given in copy, not taken from this role.

Both mounts need the same oaep_label, which by default they have.
`
