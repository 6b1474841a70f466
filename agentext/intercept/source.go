// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"encoding/json"
	"errors"

	"mashproxy/cache"
	"mashproxy/mashery"
)

// source yields one call's grants out of the application's.
type source struct {
	grants Grants
	key    cache.Key
	last   *cache.Grant[*mashery.Grant]
}

// Grant implements mashery.Source.
func (s *source) Grant(ctx context.Context) (*mashery.Grant, error) {
	grant, err := s.grants.Get(ctx, s.key)
	if err != nil {
		return nil, err
	}
	s.last = grant
	return grant.Value, nil
}

// Dead implements mashery.Source.
func (s *source) Dead(*mashery.Grant) { s.grants.Drop(s.key, s.last) }

// ParseGrant makes a grant of the data of the engine's answer.
func ParseGrant(key cache.Key, data map[string]any) (*mashery.Grant, error) {
	grant := &mashery.Grant{API: mashery.API(key.API), QPS: number(data["qps"])}
	grant.KeyID, _ = data["key_id"].(string)
	if grant.API == mashery.V3 {
		grant.AccessToken = secret(data["access_token"])
		if grant.AccessToken.IsZero() {
			return nil, errors.New("the grant has no access_token")
		}
		return grant, nil
	}
	grant.APIKey, grant.Signature = secret(data["api_key"]), secret(data["sig"])
	grant.AreaNID = int64(number(data["area_nid"]))
	if grant.APIKey.IsZero() || grant.Signature.IsZero() || grant.AreaNID <= 0 {
		return nil, errors.New("the grant lacks api_key, sig or area_nid")
	}
	return grant, nil
}

func secret(value any) mashery.Secret {
	text, _ := value.(string)
	return mashery.NewSecret(text)
}

func number(value any) float64 {
	n, _ := value.(json.Number)
	f, _ := n.Float64() // 0 when absent
	return f
}
