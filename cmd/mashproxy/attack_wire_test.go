// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// packet is what an attacker writes to a connection, and the statuses of the
// answers there are to it.
type packet struct {
	name, text string
	want       []int
}

// converse writes to a connection of its own and reads all answers.
func (d *door) converse(t *testing.T, text string) (all []answer) {
	t.Helper()
	conn, err := net.Dial(d.network, d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(conn, text) }() // the server may not read it all
	for reader := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return all // it was closed
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		all = append(all, answer{resp.StatusCode, resp.Header, string(body)})
	}
}

// withstands writes every packet at both doors. Nothing may reach Mashery but
// what [writesNothing] allows.
func (f *fortress) withstands(t *testing.T, packets []packet) {
	t.Helper()
	for _, p := range packets {
		t.Run(p.name, func(t *testing.T) {
			for _, d := range []*door{f.unix, f.tcp} {
				var statuses []int
				for _, answer := range d.converse(t, p.text) {
					f.keeps(t, answer)
					statuses = append(statuses, answer.status)
				}
				if !slices.Equal(statuses, p.want) {
					t.Errorf("%s: the answers are %d, want %d", d.network, statuses, p.want)
				}
			}
			for _, r := range f.Mashery().Requests() {
				path := strings.TrimPrefix(r.RequestURI, "/v3/rest/")
				if got := r.Method + " " + path; r.Method == "DELETE" || path == "members" || r.Host != f.Mashery().Requests()[0].Host {
					t.Fatalf("%s reached Mashery", got)
				}
			}
		})
	}
}

// The lines of a request that is allowed, and of one that is not and hides
// behind it.
const (
	reading = "GET " + v3 + "services HTTP/1.1\r\nHost: localhost\r\n"
	posting = "POST " + v3 + "open HTTP/1.1\r\nHost: localhost\r\n"
	hidden  = "DELETE " + v3 + "services/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	closing = "Connection: close\r\n"
	chunked = "Transfer-Encoding: chunked\r\n"
)

func TestNoRequestIsSmuggledBehindAnother(t *testing.T) {
	t.Parallel()
	const ok, bad, denied = http.StatusOK, http.StatusBadRequest, http.StatusForbidden
	besieged(t, writesNothing).withstands(t, []packet{
		{"two on one connection are judged each", reading + "\r\n" + hidden, []int{ok, denied}},
		{"a length and chunks, and the length is longer", posting + "Content-Length: 200\r\n" + chunked + "\r\n0\r\n\r\n" + hidden, []int{ok, denied}},
		{"a length and chunks, and the length is shorter", posting + "Content-Length: 4\r\n" + chunked + closing + "\r\n5c\r\n" + hidden[:0x5c] + "\r\n0\r\n\r\n", []int{ok}},
		{"chunks in upper case", posting + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n" + hidden, []int{ok, denied}},
		{"chunks with a letter before", posting + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, []int{http.StatusNotImplemented}},
		{"chunks and something else", posting + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden, []int{http.StatusNotImplemented}},
		{"chunks that are compressed", posting + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hidden, []int{http.StatusNotImplemented}},
		{"chunks announced twice", posting + chunked + chunked + "\r\n0\r\n\r\n" + hidden, []int{http.StatusNotImplemented}},
		{"chunks announced with a space before the colon", posting + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, []int{bad}},
		{"chunks announced after a tab of its own", posting + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + hidden, []int{bad}},
		{"chunks announced in a folded line", posting + "X-Folded: a\r\n Transfer-Encoding: chunked\r\n\r\n" + hidden, []int{ok, denied}},
		{"chunks announced after a lone CR", posting + "X-Lone: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, []int{bad}},
		{"two lengths", posting + "Content-Length: 0\r\nContent-Length: 100\r\n\r\n" + hidden, []int{bad}},
		{"two lengths in one line", posting + "Content-Length: 0, 100\r\n\r\n" + hidden, []int{bad}},
		{"a length with a sign", posting + "Content-Length: +0\r\n\r\n" + hidden, []int{bad}},
		{"a length below nothing", posting + "Content-Length: -1\r\n\r\n" + hidden, []int{bad}},
		{"a length in another base", posting + "Content-Length: 0x0\r\n\r\n" + hidden, []int{bad}},
		{"a length with a space before the colon", posting + "Content-Length : 0\r\n\r\n" + hidden, []int{bad}},
		{"a body of GET is no request", reading + closing + "Content-Length: 98\r\n\r\n" + hidden[:98], []int{ok}},
		{"lines that end in LF only are lines", strings.ReplaceAll(reading+"\r\n", "\r\n", "\n") + hidden, []int{ok, denied}},
		{"a body that is a request is a body", posting + closing + "Content-Length: 98\r\n\r\n" + hidden[:98], []int{ok}},
		{"a request in the fields after the chunks", posting + chunked + closing + "\r\n0\r\nX-Vault-Namespace: team\r\nAuthorization: Bearer x\r\n\r\n", []int{ok}},
		{"a websocket is no tunnel", reading + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n" + hidden, []int{ok, denied}},
		{"an upgrade to HTTP/2 is no tunnel", reading + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + hidden, []int{ok, denied}},
		{"CONNECT is no tunnel", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n" + hidden, []int{bad, denied}},
		{"an expectation nobody knows", posting + "Expect: 200-ok\r\nContent-Length: 0\r\n\r\n" + hidden, []int{http.StatusExpectationFailed}},
	})
}

func TestARequestThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	const bad = http.StatusBadRequest
	line := func(text string) string { return text + "\r\nHost: localhost\r\nConnection: close\r\n\r\n" }
	long := strings.Repeat("x", 2<<20)
	besieged(t, almighty).withstands(t, []packet{
		{"a target with this host", line("GET http://localhost" + v3 + "members HTTP/1.1"), []int{bad}},
		{"a target with another scheme", line("GET unix://" + v3 + "members HTTP/1.1"), []int{bad}},
		{"a target that begins with two slashes", line("GET //localhost" + v3 + "members HTTP/1.1"), []int{bad}},
		{"a target that is a host", line("GET localhost:80 HTTP/1.1"), []int{bad}},
		{"a target without a slash", line("GET v1/mash-creds HTTP/1.1"), []int{bad}},
		{"a target that is an asterisk", line("OPTIONS * HTTP/1.1"), []int{bad}},
		{"a target with a fragment", line("GET " + v3 + "members#x HTTP/1.1"), []int{bad}},
		{"a target with a space", line("GET " + v3 + "members x HTTP/1.1"), []int{bad}},
		{"no target", line("GET  HTTP/1.1"), []int{bad}},
		{"no version", line("GET " + v3 + "members"), []int{bad}},
		{"another version", line("GET " + v3 + "members HTTP/3.0"), []int{http.StatusHTTPVersionNotSupported}},
		{"HTTP/2 without asking", "PRI * HTTP/2.0\r\nHost: localhost\r\nConnection: close\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []int{bad}},
		{"TLS where there is none", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", []int{bad}},
		{"two hosts", line("GET " + v3 + "members HTTP/1.1\r\nHost: localhost"), []int{bad}},
		{"no host", "GET " + v3 + "members HTTP/1.1\r\nConnection: close\r\n\r\n", []int{bad}},
		{"a host with a slash", "GET " + v3 + "members HTTP/1.1\r\nHost: localhost/x\r\n\r\n", []int{bad}},
		{"a header with a null byte", line("GET " + v3 + "members HTTP/1.1\r\nX-A: a\x00b"), []int{bad}},
		{"a header with a space in its name", line("GET " + v3 + "members HTTP/1.1\r\nX A: b"), []int{bad}},
		{"a header with a space before its colon", line("GET " + v3 + "members HTTP/1.1\r\nX-Vault-Token : x"), []int{bad}},
		{"a header without a name", line("GET " + v3 + "members HTTP/1.1\r\n: b"), []int{bad}},
		{"a path of 2 MiB", line("GET " + v3 + "members/" + long + " HTTP/1.1"), []int{http.StatusRequestHeaderFieldsTooLarge}},
		{"a header of 2 MiB", line("GET " + v3 + "members HTTP/1.1\r\nX-Long: " + long), []int{http.StatusRequestHeaderFieldsTooLarge}},
		{"50,000 headers", line("GET " + v3 + "members HTTP/1.1" + strings.Repeat("\r\nX-A: 01234567890123456789", 50_000)), []int{http.StatusRequestHeaderFieldsTooLarge}},
	})
}
