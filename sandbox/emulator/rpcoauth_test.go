// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox/emulator"
)

// oauthArea is an area with a service and a client of it.
type oauthArea struct {
	*area
	service, id, secret, client string // client is a client object with its secret
	key                         map[string]any
}

func startOAuth(t *testing.T) *oauthArea {
	a := &oauthArea{area: start(t, emulator.Options{})}
	a.service = strings.TrimPrefix(a.first("/services"), "/services/")
	application := a.first("/applications")
	a.rest("PUT", application, `{"oauthRedirectUri":"https://app.example/back","externalId":"x-1"}`).expect(t, 200, "")
	a.key = a.rest("POST", application+"/packageKeys", `{"secret":"s3cret"}`).expect(t, 200, "").object(t)
	a.id, a.secret = a.key["apikey"].(string), "s3cret"
	a.client = fmt.Sprintf(`{"client_id":%q,"client_secret":"s3cret"}`, a.id)
	return a
}

// params puts the service before other parameters.
func (a *oauthArea) params(format string, values ...any) string {
	return fmt.Sprintf(`[%q,%s]`, a.service, fmt.Sprintf(format, values...))
}

func (a *oauthArea) token(data, user string) map[string]any {
	a.t.Helper()
	return a.created("oauth2.createAccessToken", a.params(`%s,%s,null,%q`, a.client, data, user))
}

func oauthError(status int, code, description string) string {
	return fmt.Sprintf(`{"message":%q,"code":-2001,"data":{"error":%q,"error_description":%q,"error_response":{"error":%q,"error_description":%q,"status":%d}}}`,
		description, code, description, code, description, status)
}

// invalidOAuthToken is how Mashery's own sample refuses an access token.
const invalidOAuthToken = `{"message":"Invalid Access Token","code":-2001,"data":{"error":404,"error_description":"Invalid Access Token","error_response":null}}`

func TestAnOAuthTokenFromItsCreationToItsEnd(t *testing.T) {
	a := startOAuth(t)
	token := a.token(`{"grant_type":"password","scope":"read"}`, "jo")
	access := token["access_token"].(string)
	if token["return_type"] != "json" || token["token_type"] != "bearer" || token["expires_in"] != 3600.0 || len(access) != 24 || token["refresh_token"] == nil {
		t.Errorf("created: %v", token)
	}
	shown := fmt.Sprintf(`{"client_id":%q,"expires":"2026-03-01T13:00:00Z","extended":null,"grant_type":"password","scope":"read","token_type":"bearer","user_context":"jo"}`, a.id)
	a.call("oauth2.fetchAccessToken", a.params(`%q`, access)).expect(t, 200, `{"id":1,"jsonrpc":"2.0","result":`+shown+`}`)
	a.call("oauth2.fetchAccessToken", fmt.Sprintf(`{"service_key":%q,"access_token":%q}`, a.service, access)).expect(t, 200, `{"id":1,"jsonrpc":"2.0","result":`+shown+`}`)
	listed := a.result("oauth2.fetchAccessToken", a.params(`[%q,"nosuch"]`, access)).([]any)
	if len(listed) != 1 || listed[0].(map[string]any)["access_token"] != access {
		t.Errorf("of a list: %v", listed)
	}
	applications := a.result("oauth2.fetchUserApplications", a.params(`"jo","active"`)).([]any)
	if want := fmt.Sprintf("[map[access_tokens:[%s] client_id:%s id:712 name:Fjord Dashboard]]", access, a.id); fmt.Sprint(applications) != want {
		t.Errorf("got %v, want %s", applications, want)
	}
	updated := a.created("oauth2.updateAccessToken", a.params(`%q,"s3cret",%q,"write",60,null,{"x":1}`, a.id, access))
	if updated["scope"] != "write" || updated["user_context"] != "jo" || updated["expires"] != "2026-03-01T12:01:00Z" || fmt.Sprint(updated["extended"]) != "map[x:1]" {
		t.Errorf("updated: %v", updated)
	}

	a.clock.move(61 * time.Second)
	a.failure(404, "oauth2.fetchAccessToken", a.params(`%q`, access), invalidOAuthToken)
	for params, want := range map[string]int{`"jo"`: 1, `"jo","all"`: 1, `"jo","inactive"`: 1, `"jo","active"`: 0, `"mo"`: 0} {
		if got := a.result("oauth2.fetchUserApplications", a.params("%s", params)).([]any); len(got) != want {
			t.Errorf("the applications of %s: %v, want %d", params, got, want)
		}
	}
	refreshed := a.token(fmt.Sprintf(`{"grant_type":"refresh_token","refresh_token":%q}`, token["refresh_token"]), "")
	if refreshed["access_token"] == access || refreshed["scope"] != "write" || refreshed["refresh_token"] == token["refresh_token"] {
		t.Errorf("refreshed: %v", refreshed)
	}
	access = refreshed["access_token"].(string)
	if got := a.result("oauth2.revokeAccessToken", a.params(`{"client_id":%q},%q`, a.id, access)); got != true {
		t.Errorf("revoked: %v", got)
	}
	a.failure(404, "oauth2.revokeAccessToken", a.params(`{"client_id":%q},%q`, a.id, access), invalidOAuthToken)
	a.failure(404, "oauth2.updateAccessToken", a.params(`null,null,%q`, access), invalidOAuthToken)

	one, other := a.token(`{"grant_type":"password"}`, "jo"), a.token(`{"grant_type":"password"}`, "mo")
	a.result("oauth2.revokeUserApplication", a.params(`{"client_id":%q},"jo"`, a.id))
	a.call("oauth2.fetchAccessToken", a.params(`%q`, one["access_token"])).expect(t, 404, "")
	a.call("oauth2.fetchAccessToken", a.params(`%q`, other["access_token"])).expect(t, 200, "")
	a.rest("DELETE", "/packageKeys/"+a.key["id"].(string), "").expect(t, 200, "")
	a.call("oauth2.fetchAccessToken", a.params(`%q`, other["access_token"])).expect(t, 404, "")
}

func TestAnOAuthTokenIsChangedByItsClientOnly(t *testing.T) {
	a := startOAuth(t)
	access := a.token(`{"grant_type":"password"}`, "jo")["access_token"].(string)
	other := a.rest("GET", "/packageKeys?limit=1", "").list(t)[0]["apikey"]
	byName := func(client string) string {
		return fmt.Sprintf(`{"service_key":%q,"client":%s,"access_token":%q,"scope":"sc2","expires_in":77,"user_context":"uc2"}`, a.service, client, access)
	}
	for name, test := range map[string]struct{ params, want string }{
		"a wrong secret":              {a.params(`%q,"wrong",%q`, a.id, access), oauthError(401, "invalid_client", "Invalid Client")},
		"a wrong secret, by name":     {byName(fmt.Sprintf(`{"client_id":%q,"client_secret":"wrong"}`, a.id)), oauthError(401, "invalid_client", "Invalid Client")},
		"no client that anyone knows": {byName(`{"client_id":"nosuch"}`), oauthError(401, "invalid_client", "Invalid Client")},
		"the client of another":       {byName(fmt.Sprintf(`{"client_id":%q}`, other)), invalidOAuthToken},
	} {
		t.Run(name, func(t *testing.T) {
			status := 401
			if test.want == invalidOAuthToken {
				status = 404
			}
			a.failure(status, "oauth2.updateAccessToken", test.params, test.want)
		})
	}
	if got := a.created("oauth2.fetchAccessToken", a.params(`%q`, access)); got["scope"] != nil || got["user_context"] != "jo" {
		t.Errorf("it was changed: %v", got)
	}
	got := a.created("oauth2.updateAccessToken", byName(a.client))
	if got["scope"] != "sc2" || got["user_context"] != "uc2" || got["expires"] != "2026-03-01T12:01:17Z" {
		t.Errorf("updated: %v", got)
	}
}

func TestOAuthGrants(t *testing.T) {
	a := startOAuth(t)
	application := a.created("oauth2.fetchApplication", a.params(`{"client_id":%q},{"redirect_uri":"https://app.example/back"},"code"`, a.id))
	if application["id"] != 712.0 || application["external_id"] != "x-1" || application["name"] != "Fjord Dashboard" || application["attributes"].(map[string]any)["object_type"] != "application" {
		t.Errorf("application: %v", application)
	}
	made := a.created("oauth2.createAuthorizationCode", a.params(`{"client_id":%q},{"redirect_uri":"https://app.example/back","state":"s"},"read","jo"`, a.id))
	code := made["code"].(string)
	to, err := url.Parse(made["uri"].(map[string]any)["redirect_uri"].(string))
	if err != nil || to.Host != "app.example" || to.Query().Get("code") != code || to.Query().Get("state") != "s" {
		t.Errorf("code: %v", made)
	}
	exchange := fmt.Sprintf(`{"grant_type":"authorization_code","code":%q}`, code)
	token := a.token(exchange, "")
	if token["scope"] != "read" || token["refresh_token"] == nil {
		t.Errorf("token: %v", token)
	}
	a.failure(400, "oauth2.createAccessToken", a.params(`%s,%s`, a.client, exchange), oauthError(400, "invalid_grant", "Invalid Authorization Code"))
	late := a.created("oauth2.createAuthorizationCode", a.params(`{"client_id":%q}`, a.id))["code"]
	a.clock.move(301 * time.Second) // the service's authorizationCodeTtl is 300
	a.failure(400, "oauth2.createAccessToken", a.params(`%s,{"grant_type":"authorization_code","code":%q}`, a.client, late), oauthError(400, "invalid_grant", "Invalid Authorization Code"))

	implicit := a.created("oauth2.createAccessToken", a.params(`{"client_id":%q},{"response_type":"token"},{"redirect_uri":"https://app.example/back","state":"s"},"jo"`, a.id))
	uri := implicit["uri"].(map[string]any)["redirect_uri"].(string)
	if implicit["return_type"] != "redirect" || implicit["refresh_token"] != nil || !strings.HasPrefix(uri, "https://app.example/back#access_token="+implicit["access_token"].(string)) {
		t.Errorf("implicit: %v", implicit)
	}
	if got := a.token(`{"grant_type":"client_credentials"}`, ""); got["refresh_token"] != nil {
		t.Errorf("client credentials: %v", got)
	}
	a.rest("PUT", "/services/"+a.service+"/securityProfile/oauth", `{"accessTokenTtl":5}`).expect(t, 200, "")
	if got := a.token(`{"grant_type":"password"}`, ""); got["expires_in"] != 5.0 {
		t.Errorf("a service's own life of tokens: %v", got)
	}
}

func TestOAuthCallsThatAreRefused(t *testing.T) {
	a := startOAuth(t)
	tests := map[string]struct {
		method, params string
		status         int
		want           string
	}{
		"an unknown service":        {"fetchAccessToken", `["nosuch","x"]`, 400, oauthError(400, "invalid_request", "Invalid Service Key")},
		"no service":                {"fetchAccessToken", `{}`, 400, oauthError(400, "invalid_request", "Invalid Service Key")},
		"an unknown token":          {"fetchAccessToken", a.params(`"nosuch"`), 404, invalidOAuthToken},
		"an unknown client":         {"fetchApplication", a.params(`{"client_id":"nosuch"}`), 401, oauthError(401, "invalid_client", "Invalid Client")},
		"no client":                 {"createAuthorizationCode", a.params(`null`), 401, oauthError(401, "invalid_client", "Invalid Client")},
		"a client that is no one":   {"revokeAccessToken", a.params(`{"client_id":""},"x"`), 401, oauthError(401, "invalid_client", "Invalid Client")},
		"a user of no client":       {"revokeUserApplication", a.params(`{},"x"`), 401, oauthError(401, "invalid_client", "Invalid Client")},
		"a wrong secret":            {"createAccessToken", a.params(`{"client_id":%q,"client_secret":"x"},{"grant_type":"password"}`, a.id), 401, oauthError(401, "invalid_client", "Invalid Client")},
		"no secret":                 {"createAccessToken", a.params(`{"client_id":%q},{"grant_type":"password"}`, a.id), 401, oauthError(401, "invalid_client", "Invalid Client")},
		"an unknown grant":          {"createAccessToken", a.params(`%s,{"grant_type":"x"}`, a.client), 400, oauthError(400, "unsupported_grant_type", "Unsupported Grant Type")},
		"an unknown refresh token":  {"createAccessToken", a.params(`%s,{"grant_type":"refresh_token"}`, a.client), 400, oauthError(400, "invalid_grant", "Invalid Refresh Token")},
		"another address":           {"createAuthorizationCode", a.params(`{"client_id":%q},{"redirect_uri":"https://evil.example"}`, a.id), 400, oauthError(400, "invalid_request", "Invalid Redirect URI")},
		"a token for another place": {"createAccessToken", a.params(`%s,{"grant_type":"password"},{"redirect_uri":"https://evil.example"}`, a.client), 400, oauthError(400, "invalid_request", "Invalid Redirect URI")},
		"what another place asks":   {"fetchApplication", a.params(`{"client_id":%q},{"redirect_uri":"https://evil.example"}`, a.id), 400, oauthError(400, "invalid_request", "Invalid Redirect URI")},
		"an unknown method":         {"nosuch", `[]`, 404, `{"message":"Method not found","code":-32601}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { a.failure(test.status, "oauth2."+test.method, test.params, test.want) })
	}
}
