// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"

	"mashproxy/mashery"
)

// source signs the one call it was made for.
type source struct {
	*buyer
	API mashery.API
	// call is the call's context; Dead, which has none, needs it for storage.
	call context.Context
	// given are the short-lived credentials it gave.
	given []mashery.Secret
}

var _ mashery.Source = (*source)(nil)

// Grant implements mashery.Source: a signature of now, or the shared token.
func (s *source) Grant(ctx context.Context) (*mashery.Grant, error) {
	creds := s.Role.credentials()
	grant := &mashery.Grant{API: s.API, QPS: float64(s.Role.QPS), KeyID: s.Marks.KeyID}
	if s.API == mashery.V2 {
		grant.APIKey, grant.AreaNID = creds.APIKey, creds.AreaNID
		grant.Signature = mashery.SignV2(creds.APIKey, creds.Secret, s.Client.masheryTime(ctx, offsetLife))
		s.given = append(s.given, grant.Signature)
		return grant, nil
	}
	token, err := s.shared(ctx)
	if err != nil {
		return nil, err
	}
	grant.AccessToken = token.Access.Secret
	s.given = append(s.given, grant.AccessToken)
	return grant, nil
}

// secrets are what no error may repeat of a call that it signed.
func (s *source) secrets() []mashery.Secret {
	return append(s.Role.credentials().Secrets(), s.given...)
}

// Dead implements mashery.Source. A refused signature needs nothing: the next
// is made by Mashery's clock, which the refusal told.
func (s *source) Dead(g *mashery.Grant, _ bool) (another bool) {
	if s.API == mashery.V2 {
		return true
	}
	if err := s.forget(s.call, g.AccessToken); err != nil {
		s.Logger().Warn("a token that Mashery refused could not be forgotten", "role", s.Role.Name, "error", err)
	}
	return true
}

// budget paces the call with all others of its API key.
func (s *source) budget(g *mashery.Grant) *mashery.Budget {
	return s.buyer.budget(g.KeyID, s.Role.Name, g.QPS)
}
