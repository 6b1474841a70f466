// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mashproxy/agentext/apierror"
)

// early answers calls of a path before it has read their bodies, and does not
// hang up.
func early(status int, chunked bool) func(*parts) {
	return route3("early", func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		_ = out.EnableFullDuplex()
		if !chunked {
			w.Header().Set("Content-Length", "5")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "early")
		_ = out.Flush()
		if !chunked {
			_, _ = io.Copy(io.Discard, r.Body) // until the proxy hangs up
		}
	})
}

// hangUp says something in the middle of a body, and hangs up.
func hangUp(words string) func(*parts) {
	return route3("early", func(w http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, words)
		_ = conn.(*net.TCPConn).CloseWrite()
	})
}

// sender is a caller that writes its requests itself.
type sender struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (c *chain) sender() *sender {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // and no test hangs
	return &sender{c.t, conn, bufio.NewReader(conn)}
}

func (s *sender) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, text); err != nil {
		s.t.Fatal(err)
	}
}

// answer reads an answer to its end.
func (s *sender) answer() reply {
	s.t.Helper()
	answer, err := http.ReadResponse(s.in, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{answer, string(text)}
}

// wantClosed wants the end of the connection.
func (s *sender) wantClosed() {
	s.t.Helper()
	if more, err := io.ReadAll(s.in); len(more) > 0 || err != nil {
		s.t.Errorf("after the answer: %q, %v", more, err)
	}
}

func TestAnAnswerDoesNotWaitForTheCallersUpload(t *testing.T) {
	const (
		post    = "POST " + rolePath + "proxy/v3/early HTTP/1.1\r\nHost: x\r\n"
		known   = "Content-Length: 1000\r\n\r\nhalf"
		chunked = "Transfer-Encoding: chunked\r\n\r\n100\r\nhalf"
	)
	none := func(*parts) {}
	tests := map[string]struct {
		mashery func(*parts)
		request string
		status  int
		code    string
	}{
		"Mashery's, a body of known length":    {early(413, false), post + known, 413, ""},
		"Mashery's, a body in chunks":          {early(413, false), post + chunked, 413, ""},
		"Mashery's, itself in chunks":          {early(200, true), post + known, 200, ""},
		"Mashery's, both in chunks":            {early(200, true), post + chunked, 200, ""},
		"Mashery's, a body it does not get":    {early(200, false), strings.Replace(post, "POST", "GET", 1) + known, 200, ""},
		"Mashery's, a long body":               {early(500, false), post + "Content-Length: 900000\r\n\r\n" + strings.Repeat("x", 700000), 500, ""},
		"Mashery's, to HTTP/1.0":               {early(200, false), strings.Replace(post, "/1.1", "/1.0", 1) + known, 200, ""},
		"none of Mashery's, known length":      {hangUp(""), post + known, 502, apierror.MasheryUnreachable},
		"none of Mashery's, in chunks":         {hangUp(""), post + strings.Replace(chunked, "100", "4", 1), 502, apierror.MasheryUnreachable},
		"refused here, a body of known length": {none, strings.Replace(post, "/early", "//early", 1) + known, 400, apierror.BadRequest},
		"refused here, a body in chunks":       {none, strings.Replace(post, "/early", "//early", 1) + chunked, 400, apierror.BadRequest},
		"a credential withheld, known length":  {none, strings.Replace(post, "proxy/v3/early", "grant", 1) + known, 403, apierror.CredentialWithheld},
		"a caller who asks before it sends":    {none, strings.Replace(post, "/early", "//early", 1) + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", 400, apierror.BadRequest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, test.mashery)
			s := c.sender()
			s.send(test.request)
			got := s.answer()
			if got.StatusCode != test.status || got.Header.Get(apierror.CodeHeader) != test.code {
				t.Errorf("status %d, code %q: %s", got.StatusCode, got.Header.Get(apierror.CodeHeader), got.body)
			}
			if !got.Close {
				t.Error("it does not say that the connection ends")
			}
			s.wantClosed()
		})
	}
}

func TestARefusalForTheQueueDoesNotWaitForTheCallersUpload(t *testing.T) {
	c := start(t, func(p *parts) { p.block.QPS, p.block.MaxWait = 0.001, time.Second })
	c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery") // takes the slot
	s := c.sender()
	s.send("POST " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
	c.wantError(s.answer(), 403, apierror.OverQPS, "mashproxy", "")
	s.wantClosed()
}

func TestAConnectionStaysUsableWhenTheBodyIsThere(t *testing.T) {
	const next = "GET " + rolePath + "proxy/v3/services?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	tests := map[string]struct {
		head, body string
		status     int
	}{
		"refused":                 {"POST " + rolePath + "proxy/v3//x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", "body", 400},
		"refused, in chunks":      {"POST " + rolePath + "grant HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nbody\r\n0\r\n\r\n", 403},
		"refused, 200 kB":         {"POST " + rolePath + "grant HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n", strings.Repeat("x", 200000), 403},
		"Mashery's":               {"POST " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n", `{"name":"a"}`, 200},
		"Mashery's, in chunks":    {"POST " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n", 200},
		"Mashery's, not for it":   {"GET " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", "body", 200},
		"Mashery's, without body": {"GET " + rolePath + "proxy/v3/services HTTP/1.1\r\nHost: x\r\n\r\n", "", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t).sender()
			s.send(test.head + test.body + next) // and of a pipeline nothing is lost
			if got := s.answer(); got.StatusCode != test.status || got.Close {
				t.Errorf("status %d, closes: %v: %s", got.StatusCode, got.Close, got.body)
			}
			if got := s.answer(); got.StatusCode != 200 {
				t.Errorf("the next one: status %d: %s", got.StatusCode, got.body)
			}
			s.wantClosed()
		})
	}
}

func TestACallerThatWasAskedToGoOnMaySendTheRestAfterAnEarlyAnswer(t *testing.T) {
	const part, parts = 16 << 10, 64 // 1 MiB
	s := start(t, hangUp("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly")).sender()
	s.send("POST " + rolePath + "proxy/v3/early HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1048576\r\n\r\n")
	if asked, err := s.in.ReadString('\n'); !strings.Contains(asked, "100 Continue") || err != nil {
		t.Fatalf("got %q, %v", asked, err)
	}
	_, _ = s.in.ReadString('\n')
	s.send(strings.Repeat("x", part))
	if got := s.answer(); got.StatusCode != 413 || got.body != "early" {
		t.Errorf("status %d: %s", got.StatusCode, got.body)
	}
	for range parts - 1 {
		s.send(strings.Repeat("x", part))
	}
	s.wantClosed()
}

func TestACallerThatWritesAllBeforeItReadsGetsAnEarlyAnswer(t *testing.T) {
	const part, parts = 16 << 10, 16 // 256 KiB
	for name, request := range map[string]string{
		"Mashery's":    "proxy/v3/early",
		"refused here": "proxy/v3//early",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, early(413, false)).sender()
			s.send("POST " + rolePath + request + " HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n")
			if _, err := s.in.Peek(1); err != nil { // the answer is there before the body
				t.Fatal(err)
			}
			for range parts {
				s.send(strings.Repeat("x", part))
			}
			if got := s.answer(); got.StatusCode < 400 || got.StatusCode > 413 {
				t.Errorf("status %d: %s", got.StatusCode, got.body)
			}
			s.wantClosed()
		})
	}
}
