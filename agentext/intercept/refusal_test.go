// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/autoauth"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// pageBy is what something else says in Vault's place, as its client tells it.
func pageBy(status int, text string) error {
	return &api.ResponseError{HTTPMethod: "GET", URL: "https://vault:8200/v1/secret-place", StatusCode: status, RawError: true, Errors: []string{text}}
}

// refusedBy is Vault's refusal as its client tells it.
func refusedBy(status int, errs ...string) error {
	return &api.ResponseError{HTTPMethod: "GET", URL: "https://vault:8200/v1/secret-place", StatusCode: status, Errors: append([]string{}, errs...)}
}

func TestWhyThereIsNoGrant(t *testing.T) {
	unreachable := &url.Error{Op: "Get", URL: "https://vault:8200/v1/secret-place", Err: errors.New("dial tcp: connection refused")}
	tests := map[string]struct {
		err    error // of the rules, or of the grant
		status int
		code   string
		source string
		part   string
		retry  string
	}{
		"not logged in":                        {autoauth.ErrNoToken, 503, "not_ready", "mashproxy", "not logged in to Vault yet", "1"},
		"no token came in time":                {cache.ErrNoToken, 503, "not_ready", "mashproxy", "not logged in to Vault yet", "1"},
		"Mashery refuses every grant":          {&cache.RefusedError{After: 7 * time.Second}, 502, "grant_refused", "mashproxy", "is its API key active", "7"},
		"the token is lost":                    {refusedBy(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"), 503, "not_ready", "mashproxy", "logs in again", "1"},
		"the rules are not read":               {policy.ErrNotReady, 503, "not_ready", "mashproxy", "policies have not been read", "1"},
		"the rules cannot be read":             {fmt.Errorf("%w: %w", policy.ErrNotReady, refusedBy(503, "Vault is sealed")), 503, "not_ready", "mashproxy", "policies have not been read from Vault yet: status 503: Vault is sealed", "1"},
		"the rules are too old":                {&policy.StaleError{Age: 21 * time.Minute, MaxStale: 20 * time.Minute, Reason: refusedBy(503, "Vault is sealed")}, 503, "vault_unavailable", "mashproxy", `21m0s ago, which is longer than policy_max_stale = "20m0s" in the mashery block allows: status 503: Vault is sealed`, "1"},
		"Vault is sealed":                      {refusedBy(503, "Vault is sealed"), 503, "vault_unavailable", "vault", "Vault gives none: status 503: Vault is sealed", "1"},
		"Vault is broken":                      {refusedBy(500, "1 error occurred:\n\t* internal error\n\n"), 503, "vault_unavailable", "vault", "status 500: 1 error occurred: * internal error", "1"},
		"Vault limits the rate":                {refusedBy(429, "request path: rate limit quota exceeded"), 503, "vault_unavailable", "vault", "rate limit quota exceeded", "1"},
		"Vault is a standby too far behind":    {refusedBy(412), 503, "vault_unavailable", "vault", "status 412", "1"},
		"Mashery gives no token":               {refusedBy(502, `role "demo": Mashery's token endpoint answered with status 503 instead of a token`), 503, "vault_unavailable", "vault", `Vault gives none: status 502: role "demo": Mashery's token endpoint answered with status 503`, "1"},
		"Vault is away":                        {unreachable, 503, "vault_unavailable", "vault", "Vault gives none: dial tcp: connection refused", "1"},
		"Vault does not answer":                {context.DeadlineExceeded, 503, "vault_unavailable", "vault", "did not answer in time", "1"},
		"Vault takes its time":                 {cache.ErrSlow, 503, "vault_unavailable", "vault", "still being asked", "1"},
		"Vault's answer is cut off":            {io.ErrUnexpectedEOF, 503, "vault_unavailable", "vault", "Vault gives none: unexpected EOF", "1"},
		"Vault redirects to nowhere":           {fmt.Errorf("GET https://vault:8200/v1/secret-place: %w", http.ErrNoLocation), 503, "vault_unavailable", "vault", "Vault gives none: http: no Location header in response", "1"},
		"Vault is a secondary for disasters":   {refusedBy(472), 503, "vault_unavailable", "vault", "status 472", "1"},
		"Vault is a performance standby":       {refusedBy(473), 503, "vault_unavailable", "vault", "status 473", "1"},
		"Vault is too slow for its leases":     {fmt.Errorf("%w: the grant ended 4.5s after it was asked for", cache.ErrLate), 503, "vault_unavailable", "vault", "came too late: the grant ended 4.5s after", "1"},
		"this program is stopping":             {cache.ErrClosed, 503, "vault_unavailable", "vault", "no live grant", "1"},
		"the grant is refused":                 {refusedBy(400, "role has no V3 credentials"), 502, "grant_refused", "vault", `Vault refused the v3 grant of role "demo" on mount "mash-creds" with status 400: role has no V3 credentials`, ""},
		"the engine forbids it":                {refusedBy(403, "not today"), 502, "grant_refused", "vault", "with status 403: not today", ""},
		"a plugin's words on another token":    {refusedBy(403, "Mashery says: invalid token"), 502, "grant_refused", "vault", "Mashery says: invalid token", ""},
		"a load balancer has no backend":       {pageBy(404, "<html>\n no backend\n</html>"), 503, "vault_unavailable", "vault", "Vault gives none: status 404: not in Vault's words: <html> no backend </html>", "1"},
		"a firewall shows a long page":         {pageBy(403, strings.Repeat("no ", 1000)), 503, "vault_unavailable", "vault", "status 403: not in Vault's words: no no", "1"},
		"a gateway has words of its own":       {&api.ResponseError{StatusCode: 403}, 503, "vault_unavailable", "vault", "status 403: not in Vault's words", "1"},
		"something says yes in Vault's place":  {cache.ErrNotVault, 503, "vault_unavailable", "vault", "what has answered is not Vault", "1"},
		"there is no such role":                {refusedBy(404), 502, "grant_refused", "vault", "there is no such role", ""},
		"what Vault gives is not to be signed": {fmt.Errorf("%w: the grant has no access_token", cache.ErrUnusable), 502, "grant_refused", "vault", "the grant has no access_token", ""},
	}
	for name, test := range tests {
		for _, of := range []string{"rules", "grant"} {
			t.Run(name+", "+of, func(t *testing.T) {
				c := start(t, func(p *parts) {
					if of == "rules" {
						withRules(rulesFail{test.err})(p)
					}
				})
				if of == "grant" {
					c.vault.answer = func(context.Context, string, url.Values) (map[string]any, error) { return nil, test.err }
				}
				got := c.ask("GET", "proxy/v3/services", "")
				c.wantError(got, test.status, test.code, test.source, test.part)
				if got.Header.Get("Retry-After") != test.retry {
					t.Errorf("Retry-After %q, want %q", got.Header.Get("Retry-After"), test.retry)
				}
				if strings.Contains(got.body, "secret-place") {
					t.Errorf("the text names Vault's address: %s", got.body)
				}
				if len(c.calls()) != 0 {
					t.Error("the call was sent")
				}
			})
		}
	}
}

func TestRulesAreDoubtedWhereVaultForbidsTheGrant(t *testing.T) {
	tests := map[string]struct {
		err     error
		doubted int
	}{
		"the grant is not allowed": {refusedBy(403, "1 error occurred:\n\t* permission denied\n\n"), 1},
		"the engine forbids it":    {refusedBy(403, "not today"), 0},
		"the token is lost":        {refusedBy(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"), 0},
		"a firewall forbids it":    {pageBy(403, "permission denied"), 0},
		"the engine has no grant":  {refusedBy(400, "role has no V3 credentials"), 0},
		"Vault is sealed":          {refusedBy(503, "Vault is sealed"), 0},
		"Vault is away":            {errors.New("connection refused"), 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			doubted := 0
			c := start(t, func(p *parts) { p.grantRefused = func() { doubted++ } })
			c.vault.answer = func(context.Context, string, url.Values) (map[string]any, error) { return nil, test.err }
			c.ask("GET", "proxy/v3/services", "")
			if doubted != test.doubted {
				t.Errorf("%d times", doubted)
			}
		})
	}
}

func TestAGrantThatCannotBeMeantIsRefused(t *testing.T) {
	tests := map[string]struct {
		path string
		data map[string]any
		part string
	}{
		"V2's data for V3":       {"proxy/v3/services", map[string]any{"api_key": "k", "sig": "s"}, "the grant's access_token is missing"},
		"V3's data for V2":       {"proxy/v2", map[string]any{"access_token": "t"}, "the grant's api_key is missing"},
		"nothing":                {"proxy/v3/services", nil, "the grant's access_token is missing"},
		"a token that is a list": {"proxy/v3/services", map[string]any{"access_token": []any{"t"}}, "the grant's access_token is missing"},
		"a token with a header":  {"proxy/v3/services", map[string]any{"access_token": "t\r\nX-Vault-Token: a"}, "holds characters that no credential has"},
		"a rate below nothing":   {"proxy/v3/services", map[string]any{"access_token": "t", "qps": "-1"}, "the grant's qps is not a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			c.vault.answer = func(context.Context, string, url.Values) (map[string]any, error) { return test.data, nil }
			got := c.ask("POST", test.path, "{}")
			c.wantError(got, 502, "grant_refused", "vault", test.part)
		})
	}
}

func TestMasheryGivesNoAnswer(t *testing.T) {
	t.Run("as nobody listens there", func(t *testing.T) {
		c := start(t)
		c.vault.answer = anyToken
		c.mount.Sender.V3 = parse("http://127.0.0.1:1/v3/rest")
		got := c.ask("GET", "proxy/v3/services", "")
		c.wantError(got, 502, "mashery_unreachable", "mashproxy", "no answer from Mashery at 127.0.0.1:1")
	})
	t.Run("as it hangs up", func(t *testing.T) {
		c := start(t, route3("gone", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		c.wantError(c.ask("POST", "proxy/v3/gone", "{}"), 502, "mashery_unreachable", "mashproxy", "no answer from Mashery")
	})
	t.Run("in time", func(t *testing.T) {
		c := start(t, route3("slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
			func(p *parts) { p.transport.ResponseHeaderTimeout = 50 * time.Millisecond })
		c.wantError(c.ask("GET", "proxy/v3/slow", ""), 504, "timeout", "mashproxy", "did not answer in time")
	})
}

func TestTooManyCallsAreRefusedAsMasheryWould(t *testing.T) {
	c := start(t, counted, func(p *parts) { p.block.QPS = 0.01 })
	c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
	got := c.ask("GET", "proxy/v3/services?limit=1", "")
	c.wantError(got, 403, "over_qps", "mashproxy", "raise max_wait")
	if got.Header.Get(mashery.HeaderErrorCode) != mashery.ErrDeveloperOverQPS {
		t.Errorf("headers %v", got.Header)
	}
	if retry, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || retry < 50 || retry > 101 {
		t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
	}
	if n := len(c.calls()); n != 1 {
		t.Errorf("%d calls were sent", n)
	}
}

func TestWhatPolicyForbidsIsNotSent(t *testing.T) {
	c := start(t, withPolicy(t, `"mash-creds/roles/+/proxy/v3/services": {"capabilities": ["read"]}, "mash-creds/roles/+/grant": {"capabilities": ["read"]}`))
	c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
	for _, call := range []string{"DELETE proxy/v3/services", "GET proxy/v3/members", "POST proxy/v3-method/delete/services", "POST proxy/v2"} {
		method, path, _ := strings.Cut(call, " ")
		got := c.ask(method, path, "{}")
		c.wantError(got, 403, "policy_denied", "mashproxy", `"mash-creds/roles/demo/`+path)
	}
	if n := len(c.calls()); n != 1 || c.engine.count() != 0 {
		t.Errorf("%d calls were sent, %d forwarded", n, c.engine.count())
	}
}

func TestARefusedCallSaysWhoRefusedIt(t *testing.T) {
	c := start(t)
	got := c.ask("PATCH", "proxy/v3/services", "")
	c.wantError(got, 405, "method_not_allowed", "mashproxy", "PATCH is not possible on this path")
	if got.Header.Get("Allow") != "GET, HEAD, LIST, POST, PUT, DELETE" {
		t.Errorf("Allow %q", got.Header.Get("Allow"))
	}
	c.wantError(c.ask("GET", "/v1/secret/a%2f%2fb", ""), 400, "bad_request", "mashproxy", "an empty segment")
	c.wantError(c.ask("GET", "token", ""), 403, "credential_withheld", "mashproxy", "stays inside this proxy")
}

func TestTheRequestIDOfWhatIsNotServedHereIsInTheLog(t *testing.T) {
	c := start(t, withPolicy(t, `"mash-creds/roles/+/proxy/v3/services": {"capabilities": ["read"]}, "mash-creds/roles/+/grant": {"capabilities": ["read"]}`),
		func(p *parts) { p.block.ForwardRoles = []string{"vaults"} })
	for name, test := range map[string]struct{ path, line string }{
		"a call that is left to Vault":  {"/v1/mash-creds/roles/vaults/proxy/v3/a", "left to Vault: id=%s method=GET role=vaults path=proxy/v3/a why=forward_roles"},
		"a credential that is withheld": {"grant?api=2&x=hidden", "refused: id=%s method=GET path=/v1/mash-creds/roles/demo/grant code=credential_withheld"},
		"a path that is not understood": {"proxy/v3/a//b?x=hidden", "refused: id=%s method=GET path=/v1/mash-creds/roles/demo/proxy/v3/a//b code=bad_request"},
		"a call that the policy denies": {"proxy/v3/members?x=hidden", "refused: id=%s method=GET path=/v1/mash-creds/roles/demo/proxy/v3/members code=policy_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			id := c.ask("GET", test.path, "").Header.Get(headerRequestID)
			if line := fmt.Sprintf(test.line, id); id == "" || !strings.Contains(c.log.String(), line) {
				t.Errorf("no line %q in the log:\n%s", line, c.log)
			}
		})
	}
	if strings.Contains(c.log.String(), "hidden") {
		t.Errorf("the log holds a query:\n%s", c.log)
	}
}
