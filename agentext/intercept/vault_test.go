// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
)

const forcedText = "operation is not permitted as this role requires proxy mode"

// everything lets a token make every call.
const everything = `"mash-creds/*": {"capabilities": ["create", "read", "update", "delete", "list"]}`

// wantForwarded checks that the last call went to the engine's own proxy path,
// as it came.
func (c *chain) wantForwarded(got reply, method, path, body string) *http.Request {
	c.t.Helper()
	if got.StatusCode != http.StatusAccepted || got.Header.Get(apierror.SourceHeader) != "vault" || got.Header.Get(headerMode) != "" || got.Header.Get(headerRequestID) == "" {
		c.t.Fatalf("status %d, headers %v: %s", got.StatusCode, got.Header, got.body)
	}
	last := c.engine.count() - 1
	r := c.engine.seen[last]
	if r.Method != method || r.URL.RequestURI() != rolePath+path {
		c.t.Errorf("forwarded %s %s", r.Method, r.URL.RequestURI())
	}
	if sent := c.engine.body[last]; sent != body {
		c.t.Errorf("forwarded the body %.200q of %d bytes, want %d", sent, len(sent), len(body))
	}
	return r
}

func TestARoleInForcedProxyModeIsServedByVault(t *testing.T) {
	c := start(t)
	c.vault.answer = func(context.Context, string, url.Values) (map[string]any, error) {
		return nil, refusedBy(400, forcedText)
	}
	for range 3 {
		got := c.ask("POST", "proxy/v3/services", `{"name":"a"}`)
		c.wantForwarded(got, "POST", "proxy/v3/services", `{"name":"a"}`)
	}
	got := c.ask("POST", "proxy/v2/test.echo", `{"id":1}`)
	c.wantForwarded(got, "POST", "proxy/v2/test.echo", `{"id":1}`) // read to fill in the method, sent as it came
	if n := len(c.vault.requests()); n != 2 {
		t.Errorf("Vault was asked for %d grants, want one for each API", n)
	}
	if n := strings.Count(c.log.String(), "cause=forced_proxy_mode"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, c.log)
	}
	if len(c.calls()) != 0 {
		t.Error("a call was sent from here")
	}
}

// TestForcedProxyModeThatIsLearntTooLate lets a role change in the middle of a
// call whose body is gone.
func TestForcedProxyModeThatIsLearntTooLate(t *testing.T) {
	c := start(t)
	c.vault.answer = func(ctx context.Context, path string, query url.Values) (map[string]any, error) {
		if len(c.vault.requests()) > 1 {
			return nil, refusedBy(400, forcedText)
		}
		return map[string]any{"access_token": "not-one-of-masherys"}, nil
	}
	got := c.ask("POST", "proxy/v3/services", `{"name":"a"}`)
	c.wantError(got, 502, "grant_refused", "vault", forcedText)
	got = c.ask("POST", "proxy/v3/services", `{"name":"a"}`)
	c.wantForwarded(got, "POST", "proxy/v3/services", `{"name":"a"}`)
}

func TestACallWhoseGrantIsDeniedIsLeftToVaultUntilTheRulesSaySo(t *testing.T) {
	denied := refusedBy(403, "1 error occurred:\n\t* permission denied\n\n")
	doubts := 0
	c := start(t, withPolicy(t, `"mash-creds/": {"capabilities": ["read", "update"]}`), func(p *parts) { p.grantRefused = func() { doubts++ } })
	c.vault.answer = func(context.Context, string, url.Values) (map[string]any, error) { return nil, denied }
	for i := range 2 {
		got := c.ask("POST", "proxy/v3/services", `{"name":"a"}`)
		c.wantForwarded(got, "POST", "proxy/v3/services", `{"name":"a"}`)
		if doubts != i+1 {
			t.Errorf("the rules were doubted %d times", doubts)
		}
	}
	if n := strings.Count(c.log.String(), "cause=no_grant"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, c.log)
	}
}

func TestRolesThatTheFileLeavesToVault(t *testing.T) {
	c := start(t, withRules(rulesFail{context.Canceled}), func(p *parts) { p.block.ForwardRoles = []string{"demo", "big-*"} })
	const body = `{"method":"test.echo"}`
	c.wantForwarded(c.ask("POST", "proxy/v2", body), "POST", "proxy/v2", body)
	c.wantForwarded(c.ask("post", "proxy/v3/a%2Fb;c?x=%2F;y", "x"), "POST", "proxy/v3/a%2Fb;c?x=%2F;y", "x")
	got := c.ask("DELETE", "/v1/mash-creds/roles/big-one/proxy/v3/services", "")
	if got.StatusCode != http.StatusAccepted {
		t.Errorf("status %d", got.StatusCode)
	}
	if len(c.vault.requests()) != 0 || strings.Count(c.log.String(), "[WARN]") != 1 {
		t.Errorf("Vault was asked %v; log:\n%s", c.vault.requests(), c.log)
	}
	got = c.ask("PATCH", "proxy/v3/services", "")
	c.wantError(got, 405, "method_not_allowed", "mashproxy", "PATCH")
}

func TestAPutThatIsLeftToVaultSaysThatItIsOne(t *testing.T) {
	c := start(t, func(p *parts) { p.block.ForwardRoles = []string{"*"} })
	tests := map[string]string{
		"PUT proxy/v3/services/1":                    "PUT",
		"POST proxy/v3/services/1":                   "",
		"PUT proxy/v3/services/1;target-method-post": "",
		"PUT proxy/v3-method/delete/services/1":      "",
	}
	for call, want := range tests {
		method, path, _ := strings.Cut(call, " ")
		r := c.wantForwarded(c.ask(method, path, "{}", headerMethod+": DELETE"), method, path, "{}")
		if got := strings.Join(r.Header[headerMethod], ","); got != want {
			t.Errorf("%s: %s %q, want %q", call, headerMethod, got, want)
		}
	}
}

func TestTheQueryOfAWriteThatIsLeftToVaultReachesTheEngine(t *testing.T) {
	c := start(t, func(p *parts) { p.block.ForwardRoles = []string{"*"} })
	tests := map[string]string{
		"POST proxy/v3/services?fields=id,name%2C;x":                "fields=id,name%2C;x",
		"PUT proxy/v3/services/1?fields=id":                         "fields=id",
		"POST proxy/v3-method/put/services/1?a=b":                   "a=b",
		"POST proxy/v3/services/1;target-method-put?a=\xc3\xa9\xff": "a=%C3%A9%FF",
		"POST proxy/v3/services?":                                   "",
		"POST proxy/v3/services":                                    "",
		"GET proxy/v3/services?fields=id":                           "",
		"DELETE proxy/v3/services/1?fields=id":                      "",
		"POST proxy/v2":                                             "",
	}
	for call, want := range tests {
		method, path, _ := strings.Cut(call, " ")
		body := ""
		if method != "GET" && method != "DELETE" {
			body = "{}"
		}
		r := c.wantForwarded(c.ask(method, path, body, headerQuery+": fields=secret"), method, path, body)
		if got := strings.Join(r.Header[headerQuery], ","); got != want {
			t.Errorf("%s: %s %q, want %q", call, headerQuery, got, want)
		}
	}
	for _, named := range []string{headerMethod, "close, " + strings.ToLower(headerQuery)} {
		c.wantError(c.ask("PUT", "proxy/v3/services/1?fields=id", "{}", "Connection: "+named), 400, "bad_request", "mashproxy", "the Connection header must not name X-Mashproxy-")
	}
	long := "proxy/v3/services?" + strings.Repeat("a", longestQuery+1)
	c.wantError(c.ask("POST", long, "{}"), 400, "bad_request", "mashproxy", "of at most 8192 bytes")
}

func TestWhatCannotBeDecidedHereVaultDecides(t *testing.T) {
	long := padded(2 * policy.MaxWhole)
	tests := map[string]struct {
		rules, body, header, cause string
	}{
		"with a wrapping header":           {everything, "{}", "X-Vault-Wrap-TTL: 60", "vault_header"},
		"with a long body":                 {everything, long, "X-Vault-MFA: x:1", "vault_header"},
		"with a right nobody knows":        {`"mash-creds/*": {"capabilities": ["levitate"]}`, "{}", "", "policy_unknown"},
		"without the right to the grant":   {`"mash-creds/roles/+/proxy/*": {"capabilities": ["update"]}`, "{}", "", "no_grant"},
		"after the body was read and kept": {`"mash-creds/roles/+/proxy/*": {"capabilities": ["update"], "denied_parameters": {"x": []}}`, `{"y":1}`, "", "no_grant"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, withPolicy(t, test.rules))
			header := []string{"X-Own: stays"}
			if test.header != "" {
				header = append(header, test.header)
			}
			for range 2 {
				r := c.wantForwarded(c.ask("POST", "proxy/v3/services", test.body, header...), "POST", "proxy/v3/services", test.body)
				if r.Header.Get("X-Own") != "stays" {
					t.Errorf("headers %v", r.Header)
				}
			}
			if n := strings.Count(c.log.String(), "cause="+test.cause); n != 1 || strings.Count(c.log.String(), "[WARN]") != 1 {
				t.Errorf("%d warnings of %s:\n%s", n, test.cause, c.log)
			}
			if len(c.calls()) != 0 {
				t.Error("the call was sent from here too")
			}
		})
	}
}

func TestOneWarningACause(t *testing.T) {
	c := start(t, withPolicy(t, everything), func(p *parts) { p.block.ForwardRoles = []string{"big"} })
	for range 2 {
		c.ask("GET", "proxy/v3/services", "", "X-Vault-Wrap-TTL: 60")
		c.ask("GET", "proxy/v3/services", "", "X-Vault-Policy-Override: true")
		c.ask("GET", "/v1/mash-creds/roles/big/proxy/v3/services", "")
		c.ask("GET", "/v1/mash-creds/roles/bag/proxy/v3/services", "", "X-Vault-Wrap-TTL: 60")
	}
	log := c.log.String()
	if n := strings.Count(log, "[WARN]"); n != 2 || strings.Count(log, "cause=vault_header") != 1 || strings.Count(log, "cause=forward_roles") != 1 {
		t.Errorf("%d warnings:\n%s", n, log)
	}
	if n := c.engine.count(); n != 8 {
		t.Errorf("%d calls were forwarded", n)
	}
}

func TestWhatIsLeftToVaultSpendsTheBlocksRate(t *testing.T) {
	for qps, served := range map[float64]int{0: 3, 0.001: 1, 1e6: 3} {
		t.Run(fmt.Sprint(qps), func(t *testing.T) {
			c := start(t, func(p *parts) {
				p.block.ForwardRoles, p.block.QPS, p.block.MaxWait = []string{"*"}, qps, 100*time.Millisecond
			})
			for range 3 {
				got := c.ask("GET", "proxy/v3/services", "")
				if got.StatusCode == http.StatusAccepted {
					if (got.Header.Get(headerWait) != "") != (qps > 0) {
						t.Errorf("%s is %q", headerWait, got.Header.Get(headerWait))
					}
					continue
				}
				c.wantError(got, 403, "over_qps", "mashproxy", "max_wait")
			}
			if n := c.engine.count(); n != served {
				t.Errorf("%d calls were forwarded, want %d", n, served)
			}
		})
	}
}
