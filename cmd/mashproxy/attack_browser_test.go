// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"strings"
	"testing"
)

// page is what a page in a browser can make it send. It cannot choose Host,
// Origin or Sec-Fetch-Site.
type page struct {
	method, body string
	header       []string
}

func pages(address string) map[string]page {
	const site = "http://evil.example"
	_, port, _ := strings.Cut(address, ":")
	return map[string]page{
		"a picture from another site":               {"GET", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
		"a link from another site":                  {"GET", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}},
		"a page of another port":                    {"GET", "", []string{"Sec-Fetch-Site", "same-site"}},
		"a script of another site":                  {"GET", "", []string{"Origin", site}},
		"a script without a site":                   {"GET", "", []string{"Origin", "null"}},
		"a script of another port":                  {"GET", "", []string{"Origin", "http://127.0.0.1:1"}},
		"an extension":                              {"GET", "", []string{"Origin", "chrome-extension://abcdefghijklmnop"}},
		"a name that was bound to this machine":     {"GET", "", []string{"Host", "evil.example"}},
		"such a name with the port":                 {"GET", "", []string{"Host", "evil.example:" + port}},
		"such a name, and a script of its own":      {"POST", "{}", []string{"Host", "evil.example", "Origin", site, "Sec-Fetch-Site", "same-origin"}},
		"a name below localhost":                    {"GET", "", []string{"Host", "evil.localhost"}},
		"localhost with a dot":                      {"GET", "", []string{"Host", "localhost.evil.example"}},
		"an address as one number":                  {"GET", "", []string{"Host", "2130706433"}},
		"an address in another base":                {"GET", "", []string{"Host", "0x7f.0.0.1"}},
		"the address of all":                        {"GET", "", []string{"Host", "0.0.0.0"}},
		"a name before the address":                 {"GET", "", []string{"Host", "evil.example@127.0.0.1"}},
		"a form":                                    {"POST", "a=b", []string{"Origin", site, "Content-Type", "application/x-www-form-urlencoded"}},
		"a form that is JSON":                       {"POST", `{"method":"test.echo","x=":""}`, []string{"Origin", site, "Content-Type", "text/plain"}},
		"a form of several parts":                   {"POST", "--x--", []string{"Origin", "null", "Content-Type", "multipart/form-data; boundary=x"}},
		"a beacon":                                  {"POST", "{}", []string{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"}},
		"a script that asks before it sends":        {"OPTIONS", "", []string{"Origin", site, "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "x-vault-request", "Access-Control-Request-Private-Network", "true"}},
		"a websocket":                               {"GET", "", []string{"Origin", site, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg=="}},
		"two origins, one of which is the listener": {"GET", "", []string{"Origin", "http://" + address, "Origin", site}},
	}
}

func TestNoPageInABrowserReachesAnything(t *testing.T) {
	t.Parallel()
	f := besieged(t, almighty, edit{`listener "tcp" {`, "listener \"tcp\" {\n  proxy_api {\n    enable_quit = true\n  }"})
	targets := []string{
		v3 + "services", v2, v2 + "/test.echo", rolePath, rolePath + "/grant", "/v1/auth/token/create", "/v1/sys/health", lookup, "/v1/nosuch", "/",
		"/proxy/v1/metrics", "/proxy/v1/m%65trics", "/proxy/v1/cache-clear", "/proxy/v1/quit", "/proxy/v1/status", v3 + "../grant",
	}
	asked := len(f.Mashery().Requests())
	for name, page := range pages(f.tcp.address) {
		t.Run(name, func(t *testing.T) {
			for _, target := range targets {
				answer := f.tcp.send(t, page.method, target, page.body, page.header...)
				if answer.status != http.StatusForbidden || answer.code() != "guard_denied" {
					t.Errorf("%s: the answer is %d %q: %s", target, answer.status, answer.code(), shortened(answer.body))
				}
				if allowed := answer.header.Get("Access-Control-Allow-Origin"); allowed != "" {
					t.Errorf("%s: %s is allowed to read the answer", target, allowed)
				}
				f.keeps(t, answer)
			}
		})
	}
	t.Run("and nothing was asked of Mashery and Vault", func(t *testing.T) {
		if n := len(f.Mashery().Requests()) - asked; n != 0 {
			t.Errorf("Mashery was asked %d times", n)
		}
		for _, path := range []string{"mash-creds/roles/demo", "nosuch", "sys/health"} {
			if n := f.log.count(t, path); n != 0 {
				t.Errorf("Vault was asked %d times for %s", n, path)
			}
		}
	})
	t.Run("and a program still is served", func(t *testing.T) { f.tcp.get(t, v3+"services").expect(t, http.StatusOK, "") })
}
