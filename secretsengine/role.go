// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/sdk/helper/locksutil"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

const (
	rolePrefix = "role/"
	// defaultQPS is Mashery's usual starting plan.
	defaultQPS = 2
)

// role is what is stored of one role.
type role struct {
	Name string `json:"-"`

	AreaID   string `json:"area_id"`
	AreaNID  int64  `json:"area_nid"`
	APIKey   sealed `json:"api_key"`
	Secret   sealed `json:"secret"`
	Username string `json:"username"`
	Password sealed `json:"password"`
	// QPS is what the role may spend, in calls a second.
	QPS int `json:"qps"`

	// ForcedProxyMode: credentials are not given out; the engine makes the calls.
	ForcedProxyMode bool `json:"forced_proxy_mode,omitempty"`
	// NotExportable is not its opposite, for a role may be exported that nobody
	// has said anything of.
	NotExportable bool `json:"not_exportable,omitempty"`
	// Imported: the role came from another Vault, by whose limits it is bound.
	Imported bool `json:"imported,omitempty"`
	// Term and Quota are its limits.
	Term  term  `json:"term,omitempty"`
	Quota quota `json:"quota"`
}

func (r *role) credentials() mashery.Credentials {
	return mashery.Credentials{
		AreaID: r.AreaID, AreaNID: r.AreaNID,
		APIKey: r.APIKey.Secret, Secret: r.Secret.Secret,
		Username: r.Username, Password: r.Password.Secret,
	}
}

func (r *role) capable(api mashery.API) bool {
	if api == mashery.V2 {
		return r.credentials().V2Capable()
	}
	return r.credentials().V3Capable()
}

// check says what of the role cannot be right.
func (r *role) check() error {
	for name, value := range map[string]string{
		"area_id": r.AreaID, "api_key": r.APIKey.Reveal(), "secret": r.Secret.Reveal(),
		"username": r.Username, "password": r.Password.Reveal(),
	} {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return fmt.Errorf("%s holds a line break or another control character; does it come from a file?", name)
		}
	}
	switch {
	case r.AreaNID < 0:
		return errors.New("area_nid must not be negative; it is the number in the area's V2 address")
	case r.QPS < 1:
		return errors.New("qps must be at least 1")
	}
	return nil
}

// loadRole reads a role from storage; nil when there is none of that name.
func loadRole(ctx context.Context, s logical.Storage, name string) (*role, error) {
	stored, err := load[role](ctx, s, rolePrefix+name)
	if err != nil || stored == nil {
		return nil, err
	}
	r := *stored
	r.Name = name
	return &r, nil
}

// lockRole keeps others from changing the role, or what is kept of it, until
// the returned function is called.
func (b *backend) lockRole(name string) (unlock func()) {
	lock := locksutil.LockForKey(b.roleLocks, name)
	lock.Lock()
	return lock.Unlock
}

// budget is what the role's API key may spend, shared by all roles of that key.
func (b *backend) budget(keyID, roleName string, qps float64) *mashery.Budget {
	return b.budgets.Get(mashery.BudgetID{Key: keyID}, mashery.Settings{Role: roleName, QPS: qps})
}
