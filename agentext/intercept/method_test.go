// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"mashproxy/agentext/policy"
)

func TestTheMethodInThePathIsFilledIn(t *testing.T) {
	tests := map[string]struct{ body, sent string }{
		"where there is none":             {`{"params":["a"],"id":1}`, `{"method":"test.echo","params":["a"],"id":1}`},
		"into an envelope with nothing":   {" {\n}", " {\"method\":\"test.echo\"\n}"},
		"into an empty body":              {"", `{"method":"test.echo"}`},
		"into a body of blanks":           {" \n", `{"method":"test.echo"}`},
		"for a null":                      {`{"id":1, "method" : null ,"params":["a"]}`, `{"id":1, "method" : "test.echo" ,"params":["a"]}`},
		"for a null, spelt oddly":         {`{"params":[{"method":null}],"m\u0065thod":null}`, `{"params":[{"method":null}],"m\u0065thod":"test.echo"}`},
		"not where it is the same":        {`{"id":1, "method":"test.echo"}`, `{"id":1, "method":"test.echo"}`},
		"not into an inner object":        {`{"params":[{"method":"x"}]}`, `{"method":"test.echo","params":[{"method":"x"}]}`},
		"with numbers left as they are":   {`{"id":1.50e1}`, `{"method":"test.echo","id":1.50e1}`},
		"with escapes left as they are":   {`{"id":"\u0041\/"}`, `{"method":"test.echo","id":"\u0041\/"}`},
		"into a body of exactly 1 MiB":    {padded(policy.MaxWhole), `{"method":"test.echo",` + padded(policy.MaxWhole)[1:]},
		"where the method is spelt oddly": {`{"method":"test\u002eecho"}`, `{"method":"test\u002eecho"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, anyLength)
			got := c.ask("POST", "proxy/v2/test.echo", test.body)
			c.wantStatus(got, 200, "mashery")
			sent := c.call()
			kept := test.sent[:min(len(test.sent), 64<<10)] // what the emulator remembers
			if string(sent.Body) != kept || sent.ContentLength != int64(len(test.sent)) {
				t.Errorf("sent %.200q of length %d, want %.200q", sent.Body, sent.ContentLength, test.sent)
			}
		})
	}
}

// anyLength makes Mashery's V2 take any body: the emulated one stops at 1 MiB.
func anyLength(p *parts) {
	p.mashery.Routes = map[string]http.Handler{"/v2/json-rpc/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})}
}

// padded is an envelope without a method of so many bytes.
func padded(length int) string {
	const empty = `{"params":[""]}`
	return strings.Replace(empty, `""`, `"`+strings.Repeat("a", length-len(empty))+`"`, 1)
}

func TestAMethodInThePathThatCannotBeFilledIn(t *testing.T) {
	tests := map[string]struct {
		body   string
		header string
		status int
		code   string
		part   string
	}{
		"as the body names another":         {`{"method":"object.query"}`, "", 400, "bad_request", "the path names the method \"test.echo\" and the body another"},
		"as the body spells it otherwise":   {`{"method":"Test.Echo"}`, "", 400, "bad_request", "the body another"},
		"as the body names two":             {`{"method":"test.echo","method":"object.query"}`, "", 400, "bad_request", "one JSON-RPC envelope"},
		"as the body has one in capitals":   {`{"Method":"object.query"}`, "", 400, "bad_request", "differ in case only"},
		"as its method is no string":        {`{"method":["test.echo"]}`, "", 400, "bad_request", "not a string"},
		"as the body is a batch":            {`[{"method":"test.echo"}]`, "", 400, "bad_request", "one JSON-RPC envelope"},
		"as its method is false":            {`{"method":false}`, "", 400, "bad_request", "not a string"},
		"as the body is no JSON":            {`method=test.echo`, "", 400, "bad_request", "one JSON-RPC envelope"},
		"as more follows the body":          {`{} {"method":"object.query"}`, "", 400, "bad_request", "one JSON-RPC envelope"},
		"as the body is not UTF-8":          {"{\"id\":\"\xff\"}", "", 400, "bad_request", "one JSON-RPC envelope"},
		"as the body is compressed":         {"\x1f\x8b", "Content-Encoding: gzip", 400, "bad_request", "send it uncompressed"},
		"as the body is in UTF-16":          {"{}", "Content-Type: application/json; charset=utf-16", 400, "bad_request", "in UTF-8"},
		"as the charset cannot be read":     {"{}", "Content-Type: application/json; charset", 400, "bad_request", "in UTF-8"},
		"as the second coding is one":       {"\x1f\x8b", "Content-Encoding: identity, gzip", 400, "bad_request", "send it uncompressed"},
		"as the body is a byte over 1 MiB":  {padded(policy.MaxWhole + 1), "", 413, "too_large", "1 MiB at most; send a longer one to proxy/v2"},
		"as the body is far longer than so": {padded(5 * policy.MaxWhole), "", 413, "too_large", "1 MiB at most; send a longer one to proxy/v2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			header := []string{}
			if test.header != "" {
				header = append(header, test.header)
			}
			got := c.ask("POST", "proxy/v2/test.echo", test.body, header...)
			c.wantError(got, test.status, test.code, "mashproxy", test.part)
			if len(c.calls()) != 0 || len(c.vault.requests()) != 0 {
				t.Error("the call went on")
			}
		})
	}
}

func TestABodyWhoseHeadersSayWhatItIs(t *testing.T) {
	const uncompressed, plain = "Content-Encoding: identity", "Content-Type: application/json; charset=UTF-8"
	tests := map[string]struct {
		header []string
		status int
	}{
		"plainly":                   {[]string{uncompressed, plain}, 200},
		"as curl does":              {[]string{"Content-Type: application/x-www-form-urlencoded"}, 200},
		"not at all":                {[]string{"Content-Type: "}, 200},
		"in a second coding":        {[]string{uncompressed, "Content-Encoding: gzip"}, 400},
		"in a second Content-Type":  {[]string{plain, "Content-Type: application/json; charset=utf-7"}, 400},
		"in a charset, spelt oddly": {[]string{`content-type: text/plain; Charset="UTF-7"`}, 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			if got := c.ask("POST", "proxy/v2/test.echo", `{"params":[],"id":1}`, test.header...); got.StatusCode != test.status {
				t.Errorf("status %d: %s", got.StatusCode, got.body)
			}
		})
	}
}

func TestALongBodyForAnyMethodStreams(t *testing.T) {
	c := start(t, anyLength)
	body := padded(3 * policy.MaxWhole)
	got := c.ask("POST", "proxy/v2", body)
	c.wantStatus(got, 200, "mashery")
	if got.body != strconv.Itoa(len(body)) {
		t.Errorf("sent %s of %d bytes", got.body, len(body))
	}
}

func TestTheBytesThatWereJudgedAreTheBytesThatAreSent(t *testing.T) {
	c := start(t, withPolicy(t, `"mash-creds/roles/+/proxy/v3/services": {"capabilities": ["update"], "denied_parameters": {"qps": []}},
		"mash-creds/roles/+/proxy/v2": {"capabilities": ["update"], "denied_parameters": {"qps": []}}, "mash-creds/roles/+/grant": {"capabilities": ["read"]}`))
	for _, path := range []string{"proxy/v3/services", "proxy/v2"} {
		body := " {\"name\" : \"a\\u0062\", \"method\":\"test.echo\"}\n"
		got := c.ask("POST", path, body)
		c.wantStatus(got, got.StatusCode, "mashery")
		calls := c.calls()
		sent := calls[len(calls)-1]
		if string(sent.Body) != body || sent.ContentLength != int64(len(body)) {
			t.Errorf("sent %q of length %d", sent.Body, sent.ContentLength)
		}
		c.wantError(c.ask("POST", path, `{"QPS":1,"method":"test.echo"}`), 403, "policy_denied", "mashproxy", `the parameter "QPS"`)
		c.wantError(c.ask("POST", path, padded(policy.MaxWhole+1)), 413, "too_large", "mashproxy", "1 MiB")
	}
	if n := len(c.calls()); n != 2 {
		t.Errorf("%d calls were sent", n)
	}
}
