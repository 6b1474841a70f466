// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oauthFailure is error -2001 [V2 docs, OAuth Supporting Methods]. That the
// status is also the call's is chosen.
func oauthFailure(status int, code, description string) *rpcError {
	return &rpcError{status, description, -2001, map[string]any{
		"error": code, "error_description": description,
		"error_response": map[string]any{"status": status, "error": code, "error_description": description},
	}}
}

// invalidOAuthToken is how an access token is refused that is unknown or has
// lapsed: with a status for an error [same pages, sample].
func invalidOAuthToken() *rpcError {
	const description = "Invalid Access Token"
	return &rpcError{http.StatusNotFound, description, -2001, map[string]any{
		"error": http.StatusNotFound, "error_description": description, "error_response": nil,
	}}
}

// oauthCall is a call of one of the methods: to which service, and when.
type oauthCall struct {
	*oauth
	service *object
	args    []any
	now     time.Time
}

// oauthMethod is one of oauth2.*, and its parameters after service_key.
type oauthMethod struct {
	params []string
	does   func(oauthCall) (any, *rpcError)
}

// method finds a method by name, or gives nil.
func (a *oauth) method(name string, now time.Time) rpcMethod {
	m, known := map[string]oauthMethod{
		"fetchApplication":        {words("client uri response_type"), oauthCall.fetchApplication},
		"createAuthorizationCode": {words("client uri scope user_context response_type"), oauthCall.createAuthorizationCode},
		"createAccessToken":       {words("client token_data uri user_context"), oauthCall.createAccessToken},
		"fetchAccessToken":        {words("access_token"), oauthCall.fetchAccessToken},
		"updateAccessToken":       {words("client_id client_secret access_token scope expires_in user_context extended client"), oauthCall.updateAccessToken},
		"fetchUserApplications":   {words("user_context token_status"), oauthCall.fetchUserApplications},
		"revokeAccessToken":       {words("client access_token"), oauthCall.revokeAccessToken},
		"revokeUserApplication":   {words("client user_context"), oauthCall.revokeUserApplication},
	}[name]
	if !known {
		return nil
	}
	return func(params any) (any, *rpcError) {
		a.store.mu.Lock()
		defer a.store.mu.Unlock()
		values := args(params, append([]string{"service_key"}, m.params...)...)
		service := a.store.byID[text(values[0])]
		if service == nil || service.kind.name != "services" {
			return nil, oauthFailure(http.StatusBadRequest, "invalid_request", "Invalid Service Key")
		}
		return m.does(oauthCall{a, service, values[1:], now})
	}
}

// client finds the package key that a client object names. Its secret is looked
// at when it is sent, or needed.
func (c oauthCall) client(value any, secret bool) (*object, *rpcError) {
	sent, _ := value.(map[string]any)
	id, given := text(sent["client_id"]), text(sent["client_secret"])
	for _, key := range c.store.all["packageKeys"] {
		if id == "" || text(key.props["apikey"]) != id {
			continue
		}
		if (secret || given != "") && given != text(key.props["secret"]) {
			break
		}
		return key, nil
	}
	return nil, oauthFailure(http.StatusUnauthorized, "invalid_client", "Invalid Client")
}

// redirect reads a uri object, which must name the address that the application
// is registered with, if it is with one.
func (c oauthCall) redirect(key *object, value any) (to, state string, failure *rpcError) {
	sent, _ := value.(map[string]any)
	to, state = text(sent["redirect_uri"]), text(sent["state"])
	registered := text(key.parent.props["oauthRedirectUri"])
	if registered != "" && to != "" && to != registered {
		return "", "", oauthFailure(http.StatusBadRequest, "invalid_request", "Invalid Redirect URI")
	}
	if to == "" {
		to = registered
	}
	return to, state, nil
}

func (c oauthCall) fetchApplication() (any, *rpcError) {
	key, failure := c.client(c.args[0], false)
	if failure != nil {
		return nil, failure
	}
	if _, _, failure = c.redirect(key, c.args[1]); failure != nil {
		return nil, failure
	}
	application := key.parent
	return map[string]any{
		"id": application.number, "external_id": application.props["externalId"], "name": application.props["name"],
		"attributes": application.rpcView(application.kind.types[0], nil),
	}, nil
}

func (c oauthCall) createAuthorizationCode() (any, *rpcError) {
	key, failure := c.client(c.args[0], false)
	if failure != nil {
		return nil, failure
	}
	to, state, failure := c.redirect(key, c.args[1])
	if failure != nil {
		return nil, failure
	}
	code := c.code(oauthGrant{c.service, key, "authorization_code", c.args[2], c.args[3]}, c.now)
	query := url.Values{"code": {code}}
	if state != "" {
		query.Set("state", state)
	}
	return map[string]any{"code": code, "uri": map[string]any{"redirect_uri": withQuery(to, "?", query), "state": nullable(state)}}, nil
}

func (c oauthCall) createAccessToken() (any, *rpcError) {
	data, _ := c.args[1].(map[string]any)
	implicit := text(data["response_type"]) == "token"
	key, failure := c.client(c.args[0], !implicit)
	if failure != nil {
		return nil, failure
	}
	to, state, failure := c.redirect(key, c.args[2])
	if failure != nil {
		return nil, failure
	}
	grant := oauthGrant{c.service, key, text(data["grant_type"]), data["scope"], c.args[3]}
	if implicit {
		grant.kind = "implicit"
	}
	if grant, failure = c.redeemed(grant, data); failure != nil {
		return nil, failure
	}
	refreshable := grant.kind == "authorization_code" || grant.kind == "password"
	return c.tokenAnswer(c.issue(grant, refreshable, data["extended"], c.now), to, state), nil
}

// redeemed checks a grant by its type, and completes it with what a code or a
// refresh token stands for.
func (c oauthCall) redeemed(g oauthGrant, data map[string]any) (oauthGrant, *rpcError) {
	switch g.kind {
	case "implicit", "password", "client_credentials":
		return g, nil
	case "authorization_code":
		if known, ok := c.redeem(text(data["code"]), g, c.now); ok {
			return known, nil
		}
		return g, oauthFailure(http.StatusBadRequest, "invalid_grant", "Invalid Authorization Code")
	case "refresh_token":
		old := c.live(g.service, func(t *oauthToken) bool {
			return t.client == g.client && t.refresh != "" && t.refresh == text(data["refresh_token"])
		})
		if len(old) == 0 {
			return g, oauthFailure(http.StatusBadRequest, "invalid_grant", "Invalid Refresh Token")
		}
		c.drop(old)
		return old[0].oauthGrant, nil
	}
	return g, oauthFailure(http.StatusBadRequest, "unsupported_grant_type", "Unsupported Grant Type")
}

func (c oauthCall) tokenAnswer(t *oauthToken, to, state string) map[string]any {
	answer := map[string]any{
		"return_type": "json", "access_token": t.access, "token_type": "bearer",
		"expires_in": int(t.expires.Sub(c.now) / time.Second), "refresh_token": nullable(t.refresh),
		"scope": t.scope, "state": nullable(state), "uri": nil, "extended": t.extended,
	}
	if t.kind == "implicit" {
		query := url.Values{
			"access_token": {t.access}, "token_type": {"bearer"},
			"expires_in": {strconv.Itoa(answer["expires_in"].(int))},
		}
		if state != "" {
			query.Set("state", state)
		}
		answer["return_type"] = "redirect"
		answer["uri"] = map[string]any{"redirect_uri": withQuery(to, "#", query), "state": nullable(state)}
	}
	return answer
}

// fetchAccessToken takes one token, or a list of them; of a list, those that are
// unknown are left out (chosen).
func (c oauthCall) fetchAccessToken() (any, *rpcError) {
	list, isList := c.args[0].([]any)
	if !isList {
		t := c.find(c.service, text(c.args[0]))
		if t == nil || !c.now.Before(t.expires) {
			return nil, invalidOAuthToken()
		}
		return t.view(), nil
	}
	found := []any{}
	for _, access := range list {
		if t := c.find(c.service, text(access)); t != nil && c.now.Before(t.expires) {
			shown := t.view()
			shown["access_token"] = t.access
			found = append(found, shown)
		}
	}
	return found, nil
}

func (t *oauthToken) view() map[string]any {
	return map[string]any{
		"client_id": t.client.props["apikey"], "token_type": "bearer", "grant_type": t.kind,
		"expires": t.expires.UTC().Format(queryDate), "scope": t.scope, "user_context": t.user, "extended": t.extended,
	}
}

// updateAccessToken changes what is sent of a token, and answers it as
// fetchAccessToken does (chosen). The client stands in two parameters or, by
// name, in an object [V2 docs, oauth2.updateAccessToken]; where neither is sent,
// nobody is asked for one (chosen).
func (c oauthCall) updateAccessToken() (any, *rpcError) {
	t := c.find(c.service, text(c.args[2]))
	if t == nil {
		return nil, invalidOAuthToken()
	}
	client := c.args[7]
	if client == nil && c.args[0] != nil {
		client = map[string]any{"client_id": c.args[0], "client_secret": c.args[1]}
	}
	if client != nil {
		key, failure := c.client(client, false)
		if failure != nil {
			return nil, failure
		}
		if t.client != key {
			return nil, invalidOAuthToken()
		}
	}
	if c.args[3] != nil {
		t.scope = c.args[3]
	}
	if seconds, ok := number(c.args[4]); ok && seconds > 0 && seconds < 1e9 {
		t.expires = c.now.Add(time.Duration(seconds) * time.Second)
	}
	if c.args[5] != nil {
		t.user = c.args[5]
	}
	if c.args[6] != nil {
		t.extended = c.args[6]
	}
	return t.view(), nil
}

// fetchUserApplications lists the applications that have tokens for a user:
// "active" ones, "inactive" ones, or all [V2 docs, oauth2.fetchUserApplications].
func (c oauthCall) fetchUserApplications() (any, *rpcError) {
	unwanted := map[string]string{"active": "inactive", "inactive": "active"}[text(c.args[1])]
	tokens := c.live(c.service, func(t *oauthToken) bool {
		status := "inactive"
		if c.now.Before(t.expires) {
			status = "active"
		}
		return text(t.user) == text(c.args[0]) && status != unwanted
	})
	applications := []any{}
	for len(tokens) > 0 {
		key := tokens[0].client
		access := []any{}
		for _, t := range tokens {
			if t.client == key {
				access = append(access, t.access)
			}
		}
		tokens = slices.DeleteFunc(tokens, func(t *oauthToken) bool { return t.client == key })
		applications = append(applications, map[string]any{
			"id": key.parent.number, "name": key.parent.props["name"], "client_id": key.props["apikey"], "access_tokens": access,
		})
	}
	return applications, nil
}

func (c oauthCall) revokeAccessToken() (any, *rpcError) {
	key, failure := c.client(c.args[0], false)
	if failure != nil {
		return nil, failure
	}
	t := c.find(c.service, text(c.args[1]))
	if t == nil || t.client != key {
		return nil, invalidOAuthToken()
	}
	c.drop([]*oauthToken{t})
	return true, nil
}

func (c oauthCall) revokeUserApplication() (any, *rpcError) {
	key, failure := c.client(c.args[0], false)
	if failure != nil {
		return nil, failure
	}
	c.drop(c.live(c.service, func(t *oauthToken) bool { return t.client == key && text(t.user) == text(c.args[1]) }))
	return true, nil
}

// withQuery adds parameters to an address, after a ? or a #.
func withQuery(to, sign string, query url.Values) string {
	if to == "" {
		return ""
	}
	if sign == "?" && strings.Contains(to, "?") {
		sign = "&"
	}
	return to + sign + query.Encode()
}

// nullable is a text, or null for none.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
