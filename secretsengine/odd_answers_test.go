// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// oddAnswer is something Mashery, or what stands before it, might say.
type oddAnswer struct {
	answer http.HandlerFunc
	status int
	body   string // what it holds
}

func oddAnswers() map[string]oddAnswer {
	return map[string]oddAnswer{
		"an empty one": {func(http.ResponseWriter, *http.Request) {}, 200, ""},
		"no content":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, ""},
		"not modified": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304, ""},
		"a gateway's text/xml": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(596)
			io.WriteString(w, "<h1>596</h1>")
		}, 596, "<h1>596</h1>"},
		"a body that looks like base64": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "true") }, 200, "true"},
		"no content type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		}, 200, "<html>"},
		"a redirect":           {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/v3/elsewhere", http.StatusFound) }, 302, ""},
		"a 403 without a code": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403, ""},
		"an unending 401":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 401, ""},
		"over quota": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(mashery.HeaderErrorCode, mashery.ErrDeveloperOverRate)
			w.WriteHeader(403)
		}, 403, ""},
		"one that is huge":      {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20+1)) }, 502, "longer than the 1048576 bytes"},
		"one just not too long": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) }, 200, ""},
		"one cut mid-body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "[")
		}, 502, "broke off"},
		"none at all":            {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "no answer from Mashery"},
		"one that does not come": {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 504, "did not answer in time"},
		"one that stalls": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "[")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, 504, "did not answer in time"},
		"a status no server may write": {raw("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"), 502, "status 99"},
		"a switch of protocols":        {raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), 502, ""},
		"hints before it": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "[]")
		}, 200, "[]"},
		"a coding that is a lie": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "[]")
		}, 200, "[]"},
		"headers that make no sense": {func(w http.ResponseWriter, _ *http.Request) {
			for _, name := range []string{"Date", "X-Total-Count", "Retry-After", "X-Packagekey-Qps-Allotted", "Content-Type", "Connection"} {
				w.Header().Set(name, "-1e999;;=,\"")
			}
			io.WriteString(w, "null")
		}, 200, "null"},
		"bytes that are no text":      {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("\x00\xff\xfe")) }, 200, "\x00\xff\xfe"},
		"a header without end":        {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", strings.Repeat("a", 11<<20)) }, 502, "no answer from Mashery"},
		"a header that is none":       {raw("HTTP/1.1 200 OK\r\nnothing\r\n\r\n"), 502, "no answer from Mashery"},
		"chunks that are none":        {raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 502, "broke off"},
		"two lengths":                 {raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, "no answer from Mashery"},
		"a length below nothing":      {raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), 502, "no answer from Mashery"},
		"a status of four digits":     {raw("HTTP/1.1 1000 Odd\r\n\r\n"), 502, "no answer from Mashery"},
		"nothing but interim answers": {raw(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 50)), 502, "no answer from Mashery"},
		"no HTTP":                     {raw("hello\r\n\r\n"), 502, "no answer from Mashery"},
		"a length that is none":       {raw("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), 502, "no answer from Mashery"},
	}
}

// raw answers with bytes of its own making.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, answer)
	}
}

func TestOddAnswersNeitherPanicNorHang(t *testing.T) {
	for name, c := range oddAnswers() {
		t.Run(name, func(t *testing.T) {
			limits := defaultBounds()
			limits.Body = 1 << 20
			if c.status == http.StatusGatewayTimeout {
				limits.Call = 100 * time.Millisecond
			}
			e := newEngineWithin(t, limits)
			e.writeRole("demo", demoRole())
			e.mashery.on(c.answer, nil)
			for path, op := range map[string]logical.Operation{
				"v3/services": logical.ReadOperation, "v3/services/": logical.ListOperation, "v2": logical.UpdateOperation,
			} {
				resp, err := e.ask(op, "roles/demo/proxy/"+path, map[string]any{"method": "test.echo"})
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				wantEqual(t, path, resp.Data[logical.HTTPStatusCode], any(c.status))
				body := string(resp.Data[logical.HTTPRawBody].([]byte))
				if !strings.Contains(body, c.body) || strings.Contains(body, "planted") || strings.Contains(body, "sig=") {
					t.Errorf("%s: body %.200s", path, body)
				}
				if resp.Data[logical.HTTPContentType] == "" {
					t.Errorf("%s: no content type, which Vault would guess", path)
				}
			}
		})
	}
}

func TestOddTokenAnswersNeitherPanicNorHang(t *testing.T) {
	odd := oddAnswers()
	for name, body := range map[string]string{
		"no token":            `{"expires_in":3600}`,
		"a token that is num": `{"access_token":1,"expires_in":3600}`,
		"a life below zero":   `{"access_token":"a","expires_in":-1}`,
		"a life beyond all":   `{"access_token":"a","expires_in":1e99}`,
		"a life that is text": `{"access_token":"a","expires_in":"soon"}`,
		"a list":              `[]`,
		"null":                `null`,
	} {
		odd[name] = oddAnswer{answer: says(200, body)}
	}
	for name, c := range odd {
		t.Run(name, func(t *testing.T) {
			limits := defaultBounds()
			if c.status == http.StatusGatewayTimeout {
				limits.Call, limits.Fetch = 100*time.Millisecond, 100*time.Millisecond
			}
			e := newEngineWithin(t, limits)
			e.writeRole("demo", demoRole())
			e.mashery.on(nil, c.answer)
			for _, path := range []string{"proxy/v3/services", "v3/services", "token", "grant"} {
				resp, err := e.ask(logical.ReadOperation, "roles/demo/"+path, nil)
				said := fmt.Sprint(resp, err)
				status := 0
				if resp != nil {
					status, _ = resp.Data[logical.HTTPStatusCode].(int)
				}
				if err == nil && !resp.IsError() && status < 500 {
					t.Errorf("%s: without a token there was an answer: %s", path, said)
				}
				if strings.Contains(said, "planted") {
					t.Errorf("%s shows a secret: %s", path, said)
				}
			}
			wantEqual(t, "calls at Mashery", e.mashery.callCount(), 0)
		})
	}
}

func TestACallIsNotHeldLongerThanItMayWait(t *testing.T) {
	for _, after := range []string{"1", "3600", "99999999999999999999", "-5", "Mon, 02 Jan 2006 15:04:05 GMT", "soon", ""} {
		t.Run("Retry-After: "+after, func(t *testing.T) {
			limits := defaultBounds()
			limits.Wait = 50 * time.Millisecond
			e := newEngineWithin(t, limits)
			e.writeRole("demo", demoRole())
			e.mashery.on(says(403, "<h1>Developer Over Qps</h1>", "Retry-After: "+after, mashery.HeaderErrorCode+": "+mashery.ErrDeveloperOverQPS), nil)
			resp := e.must(logical.ReadOperation, "roles/demo/proxy/v3/services", nil)
			wantEqual(t, "status", resp.Data[logical.HTTPStatusCode], any(403))
			wantEqual(t, "code", http.Header(resp.Headers).Get(mashery.HeaderErrorCode), mashery.ErrDeveloperOverQPS)
		})
	}
}
