// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mashproxy/cache"
	"mashproxy/mashery"
)

// source yields one call's grants out of the application's.
type source struct {
	grants Grants
	key    cache.Key
	last   *cache.Grant[*mashery.Grant]
	dead   *cache.Grant[*mashery.Grant] // the one it is not to be signed with again
	asked  time.Time                    // when it was last asked
	waited time.Duration                // for Vault, so far
}

// Grant implements mashery.Source. It is asked again after the wait for a slot:
// one call is one use of the grant.
func (s *source) Grant(ctx context.Context) (*mashery.Grant, error) {
	s.asked = time.Now()
	if s.grants.Holds(s.key, s.last) {
		return s.last.Value, nil
	}
	grant, err := s.grants.Another(ctx, s.key, s.dead, s.waited)
	s.waited += time.Since(s.asked)
	if err != nil {
		return nil, err
	}
	s.last = grant
	return grant.Value, nil
}

// Dead implements mashery.Source.
func (s *source) Dead(_ *mashery.Grant, ofCall bool) bool {
	if !ofCall { // else Mashery's own answer is the better one
		s.dead = s.last
	}
	return s.grants.Dead(s.key, s.last, ofCall)
}

// answered takes in with which status Mashery answered the call. An error's may be
// given before the grant is looked at.
func (s *source) answered(status int) {
	if status < http.StatusBadRequest {
		s.grants.Accepted(s.key, s.last, s.asked)
	}
}

// ParseGrant makes a grant of the data of the engine's answer. It fails on a
// credential or a rate that cannot be meant; errors hold no values.
func ParseGrant(key cache.Key, data map[string]any) (*mashery.Grant, error) {
	grant := &mashery.Grant{API: mashery.API(key.API)}
	grant.KeyID, _ = data["key_id"].(string)
	grant.Endpoint, _ = data[grant.API.String()+"_endpoint"].(string)
	var err error
	if grant.QPS, err = rate(data["qps"]); err != nil {
		return nil, err
	}
	if grant.API == mashery.V3 {
		grant.AccessToken, err = secret(data, "access_token")
		return grant, err
	}
	if grant.APIKey, err = secret(data, "api_key"); err != nil {
		return nil, err
	}
	if grant.Signature, err = secret(data, "sig"); err != nil {
		return nil, err
	}
	grant.AreaNID, err = strconv.ParseInt(text(data["area_nid"]), 10, 64)
	if err != nil || grant.AreaNID <= 0 {
		return nil, errors.New("the grant's area_nid is missing, or no whole number above 0")
	}
	return grant, nil
}

// secret is a credential that can be put into a request.
func secret(data map[string]any, field string) (mashery.Secret, error) {
	value, _ := data[field].(string)
	unfit := func(c rune) bool { return c <= ' ' || c > '~' }
	if value == "" || strings.ContainsFunc(value, unfit) {
		return mashery.Secret{}, fmt.Errorf("the grant's %s is missing, or holds characters that no credential has", field)
	}
	return mashery.NewSecret(value), nil
}

// rate is what may be spent in calls a second; 0: the engine does not say.
func rate(value any) (float64, error) {
	if value == nil {
		return 0, nil
	}
	qps, err := strconv.ParseFloat(text(value), 64)
	if err != nil || !(qps >= 0) || math.IsInf(qps, 0) {
		return 0, errors.New("the grant's qps is not a number of calls a second")
	}
	return qps, nil
}

// text is a number as it was written, as a number or a string.
func text(value any) string {
	switch value := value.(type) {
	case json.Number:
		return value.String()
	case string:
		return value
	}
	return ""
}
