// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

// margin is how long before a lease's end its grant is used no more; a tenth
// of the lease when that is less.
const margin = 2 * time.Second

// longestLease is the longest lease believed, in seconds: a century.
const longestLease = 100 * 365 * 24 * 3600

// Grant is a leased grant, parsed and ready to sign with.
type Grant[G any] struct {
	Value G
	// generation counts the tokens of the application; a grant of an older
	// one is replaced.
	generation int
	deadline   time.Time
}

// live tells whether the grant may still sign. Wall and monotonic clock are
// both asked, and whichever says "over" wins: a machine may have slept, or its
// clock been set.
func (g *Grant[G]) live(now time.Time) bool {
	return g != nil && now.Before(g.deadline) && now.Round(0).Before(g.deadline.Round(0))
}

// lifetime is how long the grant of an answer may be used, counted from the
// sending of the request: the lease, and for a grant that names its own end
// (V3) what is left until then by the clock that Vault answered with. Only
// durations count, so no two machines' clocks are compared.
func lifetime(secret *api.Secret, header http.Header) (time.Duration, error) {
	if secret == nil || secret.LeaseDuration <= 0 {
		return 0, errors.New("the grant came without a lease; does the mount belong to a Mashery secrets engine that knows lease=true?")
	}
	life := time.Duration(min(secret.LeaseDuration, longestLease)) * time.Second
	if expiry, named := secret.Data["expiry_epoch"]; named {
		left, err := untilExpiry(expiry, header)
		if err != nil {
			return 0, err
		}
		life = min(life, left)
	}
	if life <= 0 {
		return 0, errors.New("the grant had ended before it was given; is the clock of the Vault server right?")
	}
	return life - min(margin, life/10), nil
}

// untilExpiry is the time from Vault's answer to the grant's own end.
func untilExpiry(expiry any, header http.Header) (time.Duration, error) {
	epoch, _ := expiry.(json.Number)
	end, err := epoch.Int64()
	if err != nil {
		return 0, errors.New("the grant's expiry_epoch is not a whole number of seconds")
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, errors.New("Vault's answer has no Date to judge expiry_epoch by; does something between here and Vault remove it?")
	}
	now := date.Unix()
	seconds := min(max(end, now), now+longestLease) - now // no end overflows this
	return time.Duration(seconds) * time.Second, nil
}
