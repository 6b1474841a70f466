// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

const (
	// margin is how long before a credential's end it is used no more; a tenth
	// of its life when that is less.
	margin = 2 * time.Second
	// longestLease is the longest lease believed, in seconds: a century.
	longestLease = 100 * 365 * 24 * 3600
)

// terms are how long a credential lives, counted from the sending of the
// request. Only durations count, so no two machines' clocks are compared.
type terms struct {
	// lease is Vault's; 0: it came without one.
	lease time.Duration
	// left is the credential's own life, whatever the lease; 0: not told.
	left time.Duration
}

// life is the smaller of what is told.
func (t terms) life() time.Duration {
	switch {
	case t.lease == 0:
		return t.left
	case t.left == 0:
		return t.lease
	}
	return min(t.lease, t.left)
}

// usable is how long the credential may be signed with.
func (t terms) usable() time.Duration { return t.life() - min(margin, t.life()/10) }

// leaseTerms are those of a leased grant: the lease, and for a grant that names
// its own end (V3) what is left until then by the clock that Vault answered with.
func leaseTerms(secret *api.Secret, header http.Header) (terms, error) {
	if secret.LeaseDuration <= 0 {
		return terms{}, errors.New("the grant came without a lease; does the mount belong to a Mashery secrets engine that knows lease=true?")
	}
	t := terms{lease: seconds(int64(secret.LeaseDuration))}
	expiry, named := secret.Data["expiry_epoch"]
	if !named {
		return t, nil
	}
	left, err := untilExpiry(expiry, header)
	t.left = left
	return t, err
}

// tokenTerms are those of a role's shared token, which has no lease.
func tokenTerms(secret *api.Secret, header http.Header) (terms, error) {
	if remaining, told := secret.Data["token_time_remaining"]; told {
		left, err := whole(remaining)
		if err != nil {
			return terms{}, errors.New("the token's token_time_remaining is not a whole number of seconds")
		}
		if left <= 0 {
			return terms{}, errOver
		}
		return terms{left: seconds(left)}, nil
	}
	left, err := untilExpiry(secret.Data["expiry_epoch"], header)
	return terms{left: left}, err
}

var errOver = errors.New("it had ended before it was given; is the clock of the Vault server right?")

// untilExpiry is the time from Vault's answer to the credential's own end.
func untilExpiry(expiry any, header http.Header) (time.Duration, error) {
	end, err := whole(expiry)
	if err != nil {
		return 0, errors.New("the grant's expiry_epoch is not a whole number of seconds")
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, errors.New("Vault's answer has no Date to judge expiry_epoch by; does something between here and Vault remove it?")
	}
	now := date.Unix()
	if end <= now {
		return 0, errOver
	}
	return seconds(min(end, now+longestLease) - now), nil // no end overflows this
}

func whole(value any) (int64, error) {
	number, _ := value.(json.Number)
	return number.Int64()
}

func seconds(n int64) time.Duration { return time.Duration(min(n, longestLease)) * time.Second }
