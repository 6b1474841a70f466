// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"crypto/rand"
	"maps"
	"slices"
	"time"
)

// The lives of what oauth2.* gives out where a service's OAuth settings name
// none.
const (
	defaultOAuthTokenLife = time.Hour
	defaultOAuthCodeLife  = 10 * time.Minute
)

// oauthMemory bounds how many tokens are remembered: the last ones.
const oauthMemory = 10_000

// oauth holds the tokens and codes of the services that Mashery guards with
// OAuth 2, which oauth2.* manages [V2 docs, OAuth Supporting Methods]. They are
// not the tokens of the emulator's own API. The store's mutex guards it.
type oauth struct {
	store  *store
	tokens []*oauthToken // in the order they were made
	codes  map[string]oauthCode
}

func newOAuth(s *store) *oauth { return &oauth{store: s, codes: map[string]oauthCode{}} }

// oauthGrant is what a client may do, for whom.
type oauthGrant struct {
	service, client *object // a service, and a package key
	kind            string  // grant_type
	scope, user     any     // a text or nil
}

type oauthToken struct {
	oauthGrant
	access, refresh string // refresh is "" when there is none
	expires         time.Time
	extended        any
}

type oauthCode struct {
	oauthGrant
	expires time.Time
}

// issue makes a token.
func (a *oauth) issue(g oauthGrant, refreshable bool, extended any, now time.Time) *oauthToken {
	t := &oauthToken{
		oauthGrant: g, access: shortID(rand.Reader), extended: extended,
		expires: now.Add(g.life("accessTokenTtl", defaultOAuthTokenLife)),
	}
	if refreshable {
		t.refresh = shortID(rand.Reader)
	}
	a.tokens = append(a.tokens, t)
	if len(a.tokens) > oauthMemory {
		a.tokens = slices.Delete(a.tokens, 0, 1)
	}
	return t
}

// life is a number of seconds in the service's OAuth settings.
func (g oauthGrant) life(setting string, fallback time.Duration) time.Duration {
	for _, value := range g.service.values([]string{"securityProfile", "oauth", setting}) {
		if seconds, ok := number(value); ok && seconds > 0 && seconds < 1e9 {
			return time.Duration(seconds) * time.Second
		}
	}
	return fallback
}

// code makes an authorization code.
func (a *oauth) code(g oauthGrant, now time.Time) string {
	maps.DeleteFunc(a.codes, func(_ string, c oauthCode) bool { return !now.Before(c.expires) })
	code := shortID(rand.Reader)
	a.codes[code] = oauthCode{g, now.Add(g.life("authorizationCodeTtl", defaultOAuthCodeLife))}
	return code
}

// redeem takes a code that was made for that client; it works once.
func (a *oauth) redeem(code string, g oauthGrant, now time.Time) (oauthGrant, bool) {
	c, known := a.codes[code]
	if !known || c.service != g.service || c.client != g.client || !now.Before(c.expires) {
		return g, false
	}
	delete(a.codes, code)
	return c.oauthGrant, true
}

// live gives the tokens of a service that is, to those keys that are.
func (a *oauth) live(service *object, matches func(*oauthToken) bool) []*oauthToken {
	var found []*oauthToken
	for _, t := range a.tokens {
		if t.service == service && a.store.byID[t.client.id()] == t.client && matches(t) {
			found = append(found, t)
		}
	}
	return found
}

// find gives an access token, lapsed ones too, or nil.
func (a *oauth) find(service *object, access string) *oauthToken {
	for _, t := range a.live(service, func(t *oauthToken) bool { return t.access == access }) {
		return t
	}
	return nil
}

// drop forgets tokens.
func (a *oauth) drop(gone []*oauthToken) {
	kept := a.tokens[:0:0]
	for _, t := range a.tokens {
		if !slices.Contains(gone, t) {
			kept = append(kept, t)
		}
	}
	a.tokens = kept
}
