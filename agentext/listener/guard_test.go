// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	const ours = "127.0.0.1:8300"
	tests := map[string]struct {
		listener, host string
		local          string // the connection's local address
		header         http.Header
		problem        string // part of the text; "": let through
	}{
		"the listener's address":              {listener: ours, host: ours},
		"another port":                        {listener: ours, host: "127.0.0.1:80"},
		"no port":                             {listener: ours, host: "127.0.0.1"},
		"another loopback address":            {listener: ours, host: "127.9.9.9:1"},
		"IPv6 loopback":                       {listener: ours, host: "[::1]:8300"},
		"IPv6 loopback without a port":        {listener: ours, host: "[::1]"},
		"localhost":                           {listener: ours, host: "localhost:8300"},
		"LOCALHOST":                           {listener: ours, host: "LOCALHOST"},
		"a listener at localhost":             {listener: "localhost:8300", host: "localhost:1"},
		"a listener with certificates":        {listener: "192.0.2.1:8300", host: "192.0.2.1:8300"},
		"on all addresses, at the local one":  {listener: "0.0.0.0:8300", host: "192.0.2.1", local: "192.0.2.1:8300"},
		"on all addresses, without a host":    {listener: ":8300", host: "[2001:db8::1]:1", local: "[2001:db8::1]:8300"},
		"on all addresses, at another":        {listener: "0.0.0.0:8300", host: "192.0.2.2", local: "192.0.2.1:8300", problem: `Host "192.0.2.2"`},
		"the local address of one that names": {listener: ours, host: "192.0.2.1", local: "192.0.2.1:8300", problem: "is not this listener"},

		"another name":                        {listener: ours, host: "evil.test:8300", problem: `Host "evil.test:8300" is not this listener: use 127.0.0.1:8300`},
		"a name that starts like an address":  {listener: ours, host: "127.0.0.1.evil.test", problem: "is not this listener"},
		"a name that starts like localhost":   {listener: ours, host: "localhost.evil.test", problem: "is not this listener"},
		"a name that ends like localhost":     {listener: ours, host: "evil.localhost", problem: "is not this listener"},
		"localhost with a dot":                {listener: ours, host: "localhost.", problem: "is not this listener"},
		"a decimal address":                   {listener: ours, host: "2130706433", problem: "is not this listener"},
		"an octal address":                    {listener: ours, host: "0177.0.0.1", problem: "is not this listener"},
		"a short address":                     {listener: ours, host: "127.1", problem: "is not this listener"},
		"all addresses":                       {listener: ours, host: "0.0.0.0:8300", problem: "is not this listener"},
		"none":                                {listener: ours, host: "", problem: "is not this listener"},
		"only a port":                         {listener: ours, host: ":8300", problem: "is not this listener"},
		"only a port, on all addresses":       {listener: ":8300", host: ":8300", problem: "is not this listener"},
		"two ports":                           {listener: ours, host: "127.0.0.1:1:2", problem: "is not this listener"},
		"a port that is a name":               {listener: ours, host: "127.0.0.1:evil.test", problem: "is not this listener"},
		"a user before an address":            {listener: ours, host: "127.0.0.1@evil.test", problem: "is not this listener"},
		"a bracket that does not close":       {listener: ours, host: "[::1", problem: "is not this listener"},
		"an IPv6 address with a zone":         {listener: ours, host: "[::1%25evil]", problem: "is not this listener"},
		"a space after the address":           {listener: ours, host: "127.0.0.1 ", problem: "is not this listener"},
		"two hosts in one header":             {listener: ours, host: "127.0.0.1,evil.test", problem: "is not this listener"},
		"the path of a rebound name's origin": {listener: ours, host: "evil.test", header: http.Header{"Origin": {"http://evil.test"}}, problem: "is not this listener"},

		"the own origin":                {listener: ours, host: ours, header: http.Header{"Origin": {"http://" + ours}}},
		"the own origin, https":         {listener: ours, host: ours, header: http.Header{"Origin": {"https://" + ours}}},
		"the own origin, other letters": {listener: ours, host: "localhost:8300", header: http.Header{"Origin": {"HTTP://LOCALHOST:8300"}}},
		"a foreign origin":              {listener: ours, host: ours, header: http.Header{"Origin": {"https://evil.test"}}, problem: `Origin "https://evil.test"`},
		"an origin with another port":   {listener: ours, host: ours, header: http.Header{"Origin": {"http://127.0.0.1:3000"}}, problem: "Origin"},
		"another loopback origin":       {listener: ours, host: ours, header: http.Header{"Origin": {"http://localhost:8300"}}, problem: "Origin"},
		"an origin with a path":         {listener: ours, host: ours, header: http.Header{"Origin": {"http://" + ours + "/"}}, problem: "Origin"},
		"a null origin":                 {listener: ours, host: ours, header: http.Header{"Origin": {"null"}}, problem: `Origin "null"`},
		"an empty origin":               {listener: ours, host: ours, header: http.Header{"Origin": {""}}, problem: "Origin"},
		"an extension's origin":         {listener: ours, host: ours, header: http.Header{"Origin": {"chrome-extension://abc"}}, problem: "Origin"},
		"two origins, one the own":      {listener: ours, host: ours, header: http.Header{"Origin": {"http://" + ours, "https://evil.test"}}, problem: "Origin"},
		"the own origin twice":          {listener: ours, host: ours, header: http.Header{"Origin": {"http://" + ours, "http://" + ours}}, problem: "Origin"},

		"same-origin":                  {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}},
		"typed by the user":            {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {"none"}}},
		"cross-site":                   {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, problem: `Sec-Fetch-Site "cross-site"`},
		"same-site":                    {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {"same-site"}}, problem: "Sec-Fetch-Site"},
		"an empty Sec-Fetch-Site":      {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {""}}, problem: "Sec-Fetch-Site"},
		"two Sec-Fetch-Site":           {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {"none", "cross-site"}}, problem: "Sec-Fetch-Site"},
		"an unknown Sec-Fetch-Site":    {listener: ours, host: ours, header: http.Header{"Sec-Fetch-Site": {"new"}}, problem: "Sec-Fetch-Site"},
		"own origin, but cross-site":   {listener: ours, host: ours, header: http.Header{"Origin": {"http://" + ours}, "Sec-Fetch-Site": {"cross-site"}}, problem: "Sec-Fetch-Site"},
		"a preflight of a foreign one": {listener: ours, host: ours, header: http.Header{"Origin": {"https://evil.test"}, "Access-Control-Request-Method": {"GET"}}, problem: "Origin"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reached := false
			handler := Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), GuardConfig{Address: test.listener})
			r := httptest.NewRequest("GET", "/v1/sys/health", nil)
			r.Host = test.host
			r.Header = test.header
			if test.local != "" {
				local, err := net.ResolveTCPAddr("tcp", test.local)
				if err != nil {
					t.Fatal(err)
				}
				r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if test.problem == "" {
				if !reached {
					t.Errorf("refused: %d %s", w.Code, w.Body)
				}
				return
			}
			text := strings.ReplaceAll(w.Body.String(), `\"`, `"`)
			if reached || w.Code != 403 || w.Header().Get("X-Mashproxy-Error") != "guard_denied" || w.Header().Get("X-Mashproxy-Source") != "mashproxy" || !strings.Contains(text, test.problem) {
				t.Errorf("let through: %t, %d %s", reached, w.Code, text)
			}
		})
	}
}

func TestRequireHeader(t *testing.T) {
	tests := map[string]struct {
		required bool
		values   []string
		want     int
	}{
		"not required":   {false, nil, 200},
		"there":          {true, []string{"true"}, 200},
		"missing":        {true, nil, 412},
		"another value":  {true, []string{"True"}, 412},
		"sent twice":     {true, []string{"true", "true"}, 412},
		"an empty value": {true, []string{""}, 412},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			handler := RequireHeader(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), tcpConfig("127.0.0.1:0", func(c *config) { c.RequireRequestHeader = test.required }))
			r := httptest.NewRequest("GET", "/v1/sys/health", nil)
			r.Header["X-Vault-Request"] = test.values
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
			// Vault Proxy's own words.
			if w.Code == 412 && w.Body.String() != `{"errors":["missing \"X-Vault-Request\" header"]}`+"\n" {
				t.Errorf("body %s", w.Body)
			}
		})
	}
}
