// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/sandbox/emulator"
)

func TestACallIsSignedAndItsAnswerComesBackUnchanged(t *testing.T) {
	c := start(t)
	const path = "services?filter=name:a%2Cb&fields=id,name&limit=5"
	got := c.ask("GET", "proxy/v3/"+path, "")
	c.wantStatus(got, 200, "mashery")
	sent := c.call()
	if sent.Method != "GET" || sent.RequestURI != "/v3/rest/"+path {
		t.Errorf("sent %s %s", sent.Method, sent.RequestURI)
	}
	if want := "Bearer " + c.vault.secrets()[0]; sent.Header.Get("Authorization") != want {
		t.Errorf("signed with %q", sent.Header.Get("Authorization"))
	}

	direct, err := http.NewRequest("GET", "http://"+sent.Host+sent.RequestURI, nil)
	if err != nil {
		t.Fatal(err)
	}
	direct.Header.Set("Authorization", sent.Header.Get("Authorization"))
	answer, err := c.http.Do(direct)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != got.body {
		t.Errorf("body %q, directly %q, %v", got.body, body, err)
	}
	for name, values := range answer.Header {
		if name != "X-Mashery-Message-Id" && name != "Date" && fmt.Sprint(got.Header[name]) != fmt.Sprint(values) {
			t.Errorf("header %s is %q, directly %q", name, got.Header[name], values)
		}
	}
	added := map[string]string{headerMode: "mashproxy/1.2.3", apierror.SourceHeader: "mashery", headerWait: "0", "X-Server-Date": got.Header.Get("Date")}
	for name, want := range added {
		if got.Header.Get(name) != want {
			t.Errorf("header %s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if len(got.Header.Get(headerRequestID)) < 20 || got.Header.Get("X-Total-Count") == "" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestWhatReachesMashery(t *testing.T) {
	const echo = `{"jsonrpc":"2.0","method":"test.echo","params":["a"],"id":1}`
	tests := map[string]struct {
		method, path, body string
		want, wantBody     string
	}{
		"escapes, byte for byte":    {"GET", "proxy/v3/services/a%2Fb%2c;c?x=%zz;y", "", "GET /v3/rest/services/a%2Fb%2c;c?x=%zz;y", ""},
		"an empty query":            {"GET", "proxy/v3/services?", "", "GET /v3/rest/services?", ""},
		"a list":                    {"LIST", "proxy/v3/services", "", "GET /v3/rest/services", ""},
		"a small verb":              {"post", "proxy/v3/services", `{"name":"a"}`, "POST /v3/rest/services", `{"name":"a"}`},
		"a verb in the path":        {"POST", "proxy/v3/services/1;target-method-put?fields=id", `{"name":"b"}`, "PUT /v3/rest/services/1?fields=id", `{"name":"b"}`},
		"a verb before the path":    {"POST", "proxy/v3-method/delete/services/1", "", "DELETE /v3/rest/services/1", ""},
		"a body that is no JSON":    {"POST", "proxy/v3/services", "a=b&c", "POST /v3/rest/services", "a=b&c"},
		"no body with a GET":        {"GET", "proxy/v3/services", "secretly", "GET /v3/rest/services", ""},
		"no body with a DELETE":     {"DELETE", "proxy/v3/services/1", "secretly", "DELETE /v3/rest/services/1", ""},
		"no body with a DELETE too": {"POST", "proxy/v3/services/1;target-method-delete", "secretly", "DELETE /v3/rest/services/1", ""},
		"V2":                        {"POST", "proxy/v2", echo, "POST /v2/json-rpc/712?", echo},
		"V2 that is no JSON":        {"POST", "proxy/v2", "[" + echo, "POST /v2/json-rpc/712?", "[" + echo},
		"V2 with the method":        {"POST", "proxy/v2/test.echo", echo, "POST /v2/json-rpc/712?", echo},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			got := c.ask(test.method, test.path, test.body)
			if got.Header.Get(apierror.SourceHeader) != "mashery" {
				t.Fatalf("status %d: %s", got.StatusCode, got.body)
			}
			sent := c.call()
			line := sent.Method + " " + sent.RequestURI
			if line != test.want && !(strings.HasPrefix(line, test.want) && strings.HasSuffix(test.want, "712?")) {
				t.Errorf("sent %q, want %q", line, test.want)
			}
			if string(sent.Body) != test.wantBody || sent.ContentLength != int64(len(test.wantBody)) {
				t.Errorf("sent the body %q of length %d, want %q", sent.Body, sent.ContentLength, test.wantBody)
			}
		})
	}
}

// TestNothingOfTheCallersDisplacesTheCredential writes requests that no client
// library would.
func TestNothingOfTheCallersDisplacesTheCredential(t *testing.T) {
	const hostile = "Host: elsewhere.example\r\nAuthorization: Bearer mine\r\nauthorization: Basic bWluZQ==\r\n" +
		"Connection: Authorization, X-Kept, close\r\nProxy-Authorization: Bearer mine\r\nCookie: a=b\r\n" +
		"X-Vault-Token: hvs.mine\r\nX-Vault-Namespace: \r\nX-Forwarded-Host: elsewhere.example\r\nForwarded: host=elsewhere\r\n" +
		"X-HTTP-Method-Override: DELETE\r\nUpgrade: h2c\r\nTE: trailers\r\nX-Kept: dropped\r\nX-Own: stays\r\nX-Own: stays too\r\n"
	tests := map[string]string{
		"V3":                       "GET " + rolePath + "proxy/v3/services?access_token=mine&apikey=mine&sig=mine HTTP/1.1\r\n" + hostile + "\r\n",
		"V2":                       "POST " + rolePath + "proxy/v2 HTTP/1.1\r\n" + hostile + "Content-Length: 2\r\n\r\n{}",
		"V2 in chunks, with more":  "POST " + rolePath + "proxy/v2 HTTP/1.1\r\n" + hostile + "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer mine\r\n\r\n",
		"HTTP/1.0 without a Host":  "GET " + rolePath + "proxy/v3/services HTTP/1.0\r\n\r\n",
		"a websocket":              "GET " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
		"a body that is announced": "POST " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			answer := c.raw(text)
			if !strings.Contains(answer, apierror.SourceHeader+": mashery\r\n") {
				t.Fatalf("answer %s", answer)
			}
			sent := c.call()
			c.wantOnlyOurCredential(sent)
			if strings.Contains(text, "X-Own") && fmt.Sprint(sent.Header["X-Own"]) != "[stays stays too]" {
				t.Errorf("X-Own is %q", sent.Header["X-Own"])
			}
		})
	}
}

func (c *chain) wantOnlyOurCredential(call emulator.Request) {
	c.t.Helper()
	endpoint, _ := url.Parse("http://" + call.Host)
	if endpoint.Hostname() != "127.0.0.1" {
		c.t.Errorf("Host %q", call.Host)
	}
	if strings.HasPrefix(call.RequestURI, "/v3/") {
		if want := []string{"Bearer " + c.vault.secrets()[0]}; fmt.Sprint(call.Header["Authorization"]) != fmt.Sprint(want) {
			c.t.Errorf("Authorization %q", call.Header["Authorization"])
		}
	} else if got := call.Header["Authorization"]; got != nil || strings.Contains(call.RequestURI, "mine") {
		c.t.Errorf("%s with Authorization %q", call.RequestURI, got)
	}
	for name := range call.Header {
		for _, gone := range []string{"Proxy-", "Cookie", "X-Vault-", "X-Forwarded-", "Forwarded", "X-Http-", "Upgrade", "Te", "X-Kept", "Expect"} {
			if strings.HasPrefix(name, gone) {
				c.t.Errorf("%s was sent", name)
			}
		}
	}
}

// raw writes bytes to the proxy and reads all it answers.
func (c *chain) raw(text string) string {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		c.t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(answer)
}

func TestAnAnswerCannotClaimToBeAnothers(t *testing.T) {
	c := start(t, route3("odd", func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			headerMode: "elsewhere", headerRequestID: "elsewhere", apierror.SourceHeader: "vault", headerWait: "99", "X-Mashproxy-Error": "policy_denied",
			"Set-Cookie": "a=b", "Connection": "X-Gone", "X-Gone": "gone", "X-Stays": "stays",
		} {
			w.Header().Set(name, value)
		}
		w.Header()["Content-Type"] = nil
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "<html>")
	}))
	got := c.ask("GET", "proxy/v3/odd", "")
	c.wantStatus(got, http.StatusTeapot, "mashery")
	want := map[string]string{
		headerMode: "mashproxy/1.2.3", headerWait: "0", "X-Mashproxy-Error": "", "Set-Cookie": "", "X-Gone": "", "X-Stays": "stays", "Content-Type": "",
	}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if id := got.Header.Get(headerRequestID); len(id) < 20 || !strings.Contains(c.log.String(), id) {
		t.Errorf("the ID %q is not in the log:\n%s", id, c.log)
	}
}

func TestARedirectIsTheAnswer(t *testing.T) {
	c := start(t, route3("moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
	}))
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got := c.ask("GET", "proxy/v3/moved", "")
	c.wantStatus(got, http.StatusFound, "mashery")
	if len(c.calls()) != 1 || got.Header.Get("Location") != "http://127.0.0.1:1/elsewhere" {
		t.Errorf("%v, Location %q", c.calls(), got.Header.Get("Location"))
	}
}

func TestAHeadersAnswer(t *testing.T) {
	c := start(t)
	direct := c.ask("HEAD", "proxy/v3/services?limit=3", "")
	c.wantStatus(direct, 200, "mashery")
	named := c.ask("GET", "proxy/v3-method/head/services?limit=3", "")
	c.wantStatus(named, 200, "mashery")
	small := c.ask("head", "proxy/v3/services?limit=3", "") // for which a client expects as much as for a GET
	c.wantStatus(small, 200, "mashery")
	if direct.body+named.body+small.body != "" || direct.Header.Get("X-Total-Count") == "" || named.Header.Get("X-Total-Count") != direct.Header.Get("X-Total-Count") {
		t.Errorf("%q, %v\n%q, %v", direct.body, direct.Header, named.body, named.Header)
	}
	for _, sent := range c.calls() {
		if sent.Method != "HEAD" {
			t.Errorf("%s was sent", sent.Method)
		}
	}
}

func TestManyCallsCostVaultOneGrant(t *testing.T) {
	c := start(t)
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			for range 100 {
				answer, err := c.http.Get(c.url + rolePath + "proxy/v3/services?limit=1")
				if err != nil || answer.StatusCode != 200 {
					t.Error(answer, err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		})
	}
	callers.Wait()
	if got := fmt.Sprint(c.vault.requests()); got != "[mash-creds/roles/demo/grant?api=3&lease=true]" {
		t.Errorf("Vault was asked %s", got)
	}
	if n := c.mashery.Counts().V3; n != 1000 {
		t.Errorf("Mashery saw %d calls", n)
	}
}

func TestADeadGrantIsReplacedAndTheCallSentAgainOnce(t *testing.T) {
	c := start(t)
	c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
	c.mashery.KillTokens()
	c.wantStatus(c.ask("POST", "proxy/v3/services", `{"name":"once"}`), 200, "mashery")
	if got := len(c.vault.requests()); got != 2 {
		t.Errorf("Vault was asked %d times", got)
	}
	if got := c.mashery.Counts().Calls["POST services"]; got != 1 {
		t.Errorf("the service was made %d times", got)
	}
}

func TestTwoApisAndTwoRolesHaveGrantsOfTheirOwn(t *testing.T) {
	c := start(t)
	for _, path := range []string{"demo/proxy/v3/services", "other/proxy/v3/services"} {
		c.wantStatus(c.ask("GET", "/v1/mash-creds/roles/"+path, ""), 200, "mashery")
	}
	c.wantStatus(c.ask("POST", "proxy/v2/test.echo", `{"params":["a"],"id":1}`), 200, "mashery")
	want := "[mash-creds/roles/demo/grant?api=3&lease=true mash-creds/roles/other/grant?api=3&lease=true mash-creds/roles/demo/grant?api=2&lease=true]"
	if got := fmt.Sprint(c.vault.requests()); got != want {
		t.Errorf("Vault was asked %s", got)
	}
}

func TestWhatIsNoLocalCallGoesOn(t *testing.T) {
	c := start(t)
	got := c.ask("GET", "/v1/sys/health", "")
	if got.StatusCode != http.StatusAccepted || c.next.count() != 1 || got.Header.Get(headerMode) != "" {
		t.Errorf("status %d, %d passed on, headers %v", got.StatusCode, c.next.count(), got.Header)
	}
	for _, path := range []string{"/v1/secret/%2e%2e/a", rolePath + "grant"} {
		if got := c.ask("GET", path, ""); got.StatusCode < 400 || got.Header.Get(apierror.SourceHeader) != "mashproxy" {
			t.Errorf("%s: status %d", path, got.StatusCode)
		}
	}
	if c.next.count() != 1 || len(c.vault.requests()) != 0 {
		t.Errorf("%d passed on, Vault was asked %v", c.next.count(), c.vault.requests())
	}
}

func TestPolicyOff(t *testing.T) {
	c := start(t, withRules(rulesFail{errors.New("nobody should ask")}), func(p *parts) { p.block.Policy = config.PolicyOff })
	c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery")
}
