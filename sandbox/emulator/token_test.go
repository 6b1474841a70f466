// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

func TestATokenIsAnsweredAsDocumented(t *testing.T) {
	a := start(t, emulator.Options{})
	got := a.requestToken(passwordForm()).expect(t, 200, "").
		expectHeader(t, "Content-Type", "application/json;charset=UTF-8").
		expectHeader(t, "Cache-Control", "no-store").
		expectHeader(t, "Pragma", "no-cache").
		expectHeader(t, "Server", "Mashery Proxy").object(t)
	short := regexp.MustCompile(`^[a-z0-9]{24}$`)
	for _, name := range []string{"access_token", "refresh_token"} {
		if !short.MatchString(got[name].(string)) {
			t.Errorf("%s is %v", name, got[name])
		}
		delete(got, name)
	}
	want := map[string]any{
		"token_type": "bearer", "expires_in": 3600.0,
		"scope": credentials().AreaID, "mapi": credentials().APIKey.Reveal(),
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %v, want %v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}

func TestOurOwnClientGetsAndRefreshesTokens(t *testing.T) {
	a := start(t, emulator.Options{})
	endpoint, err := mashery.ParseEndpoint(a.url + "/v3/token")
	if err != nil {
		t.Fatal(err)
	}
	client := &mashery.TokenClient{HTTP: a.http.Transport, Endpoint: endpoint}
	bought, err := client.Password(t.Context(), credentials())
	if err != nil {
		t.Fatal(err)
	}
	if !bought.Date.Equal(a.clock.now()) {
		t.Errorf("Date: %v", bought.Date)
	}
	renewed, err := client.Refresh(t.Context(), credentials(), bought.Refresh)
	if err != nil || renewed.Access == bought.Access {
		t.Fatalf("refreshed: %v %v", renewed, err)
	}
	for _, token := range []mashery.Token{bought, renewed} { // a new token leaves the old one alive
		a.token = token.Access.Reveal()
		a.rest("GET", "/services", "").expect(t, 200, "")
	}
	if n := a.Counts(); n.Password != 2 || n.Refresh != 1 || n.TokensRefused != 0 {
		t.Errorf("counts: %+v", n)
	}
}

func TestRefusedTokenRequests(t *testing.T) {
	with := func(name, value string) url.Values {
		form := passwordForm()
		form.Set(name, value)
		return form
	}
	c := credentials()
	tests := map[string]struct {
		method, key, secret string
		form                url.Values
		status              int
		code, oauth         string
	}{
		"an unknown key":         {key: "nobody", secret: c.Secret.Reveal(), form: passwordForm(), status: 401, code: "ERR_403_NOT_AUTHORIZED", oauth: "invalid_client"},
		"a wrong secret":         {key: c.APIKey.Reveal(), secret: "wrong", form: passwordForm(), status: 401, code: "ERR_403_NOT_AUTHORIZED", oauth: "invalid_client"},
		"no Basic credentials":   {form: passwordForm(), status: 400, code: "ERR_403_NOT_AUTHORIZED", oauth: "invalid_request"},
		"a wrong password":       {form: with("password", "wrong"), status: 400, code: "ERR_400_BAD_REQUEST", oauth: "invalid_grant"},
		"another area":           {form: with("scope", "elsewhere"), status: 400, code: "ERR_400_BAD_REQUEST", oauth: "invalid_scope"},
		"no grant type":          {form: url.Values{}, status: 400, code: "ERR_400_BAD_REQUEST", oauth: "invalid_request"},
		"another grant type":     {form: with("grant_type", "client_credentials"), status: 400, code: "ERR_400_BAD_REQUEST", oauth: "unsupported_grant_type"},
		"a lapsed refresh token": {form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"old"}}, status: 400, code: "ERR_400_BAD_REQUEST", oauth: "invalid_grant"},
		"a GET":                  {method: "GET", form: passwordForm(), status: 405, code: "ERR_400_BAD_REQUEST", oauth: "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := start(t, emulator.Options{})
			if test.method == "" {
				test.method = http.MethodPost
			}
			if test.key == "" && name != "no Basic credentials" {
				test.key, test.secret = c.APIKey.Reveal(), c.Secret.Reveal()
			}
			req := a.request(test.method, "/v3/token", test.form.Encode())
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.key != "" {
				req.SetBasicAuth(test.key, test.secret)
			}
			got := a.do(req).expect(t, test.status, "").
				expectHeader(t, "X-Mashery-Error-Code", test.code).
				expectHeader(t, "Cache-Control", "no-store")
			if oauth := got.object(t)["error"]; oauth != test.oauth {
				t.Errorf("error %v, want %v", oauth, test.oauth)
			}
			if n := a.Counts(); n.TokensRefused != 1 {
				t.Errorf("counts: %+v", n)
			}
		})
	}
}

func TestARefreshTokenWorksOnce(t *testing.T) {
	a := start(t, emulator.Options{})
	refresh := a.requestToken(passwordForm()).object(t)["refresh_token"].(string)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	a.KillTokens() // refresh tokens live on
	a.requestToken(form).expect(t, 200, "")
	a.requestToken(form).expect(t, 400, `{"error":"invalid_grant","error_description":"Expired refresh token"}`)
}
