// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"math"

	"github.com/hashicorp/vault/sdk/logical"
)

const usesPrefix = "uses/"

// quota is how many times a role may be used. The zero value is no limit.
type quota struct {
	// ID names this quota, so that its uses are told from those of the role's
	// other ones. One that came in a block is named after the block: to import
	// that again does not give its uses again.
	ID string `json:"id,omitempty"`
	// Uses is how many there are in all.
	Uses int64 `json:"uses,omitempty"`
}

// newQuota is a quota of its own; 0 uses are no limit.
func newQuota(uses int64) quota {
	if uses == 0 {
		return quota{}
	}
	return quota{ID: rand.Text(), Uses: uses}
}

func (q quota) limited() bool { return q.Uses > 0 }

// left is how many uses are left, given what was spent.
func (q quota) left(s spent) int64 { return max(0, q.Uses-s[q.ID]) }

// remaining is what is left as a role reads it.
func (q quota) remaining(s spent) string {
	left := q.left(s)
	switch {
	case !q.limited():
		return unlimited
	case left == 0:
		return "---DEPLETED---"
	}
	used := math.Round(100 * float64(q.Uses-left) / float64(q.Uses))
	return fmt.Sprintf("%d times (%.0f%% used)", left, used)
}

// spent are the uses made of a role, by quota. It is an entry of its own:
// counting must not write credentials.
type spent map[string]int64

// loadSpent reads what was spent of a role, which must not be changed.
func loadSpent(ctx context.Context, s logical.Storage, name string) (spent, error) {
	counts, err := load[spent](ctx, s, usesPrefix+name)
	if err != nil || counts == nil || *counts == nil {
		return spent{}, err
	}
	return *counts, nil
}

// count adds to the uses made of the role, which the caller has locked.
func (r *role) count(ctx context.Context, s logical.Storage, by int64) error {
	if !r.Quota.limited() {
		return nil
	}
	counts, err := loadSpent(ctx, s, r.Name)
	if err != nil {
		return err
	}
	counts = maps.Clone(counts)
	counts[r.Quota.ID] = max(0, counts[r.Quota.ID]+by)
	return store(ctx, s, usesPrefix+r.Name, counts)
}
