// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds what a test waits for in real time.
const patience = 10 * time.Second

func v2Grant() *Grant {
	return &Grant{API: V2, APIKey: NewSecret("the-key"), AreaNID: 4711, Signature: NewSecret("the-signature")}
}

func v3Grant() *Grant { return &Grant{API: V3, AccessToken: NewSecret("the-token")} }

// grants is a Source that yields its grants in turn: each until it is dead.
type grants struct {
	mu     sync.Mutex
	left   []*Grant
	asked  int
	dead   []*Grant
	ofCall bool // said of the last one
	last   bool // no other can be had
	err    error
}

func from(left ...*Grant) *grants { return &grants{left: left} }

func (g *grants) Grant(context.Context) (*Grant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if g.err != nil {
		return nil, g.err
	}
	return g.left[0], nil
}

func (g *grants) Dead(grant *Grant, ofCall bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ofCall = ofCall
	g.dead = append(g.dead, grant)
	if len(g.left) > 1 {
		g.left = g.left[1:]
	}
	return !g.last
}

// roundTrip is a transport of one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// sent is one request as a scripted Mashery saw it.
type sent struct {
	*http.Request
	at   time.Time
	body string
}

// scripted is a Mashery that gives its answers in turn, the last one for ever.
type scripted struct {
	mu      sync.Mutex
	answers []*http.Response
	seen    []sent
}

func script(answers ...*http.Response) *scripted { return &scripted{answers: answers} }

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, sent{Request: r, at: time.Now(), body: string(body)})
	next := *s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	next.Request, next.Header = r, next.Header.Clone()
	if body, fixed := next.Body.(text); fixed {
		next.Body = newText(body.all)
	}
	return &next, nil
}

// text is the body of an answer that can be given many times.
type text struct {
	io.Reader
	all string
}

func newText(s string) text { return text{strings.NewReader(s), s} }

func (text) Close() error { return nil }

// answer makes an answer of status, "Name: value" lines and a body.
func answer(status int, body string, lines ...string) *http.Response {
	h := make(http.Header)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return &http.Response{StatusCode: status, Header: h, Body: newText(body), ContentLength: int64(len(body))}
}

func ok() *http.Response { return answer(http.StatusOK, "[]") }

func tooMany(lines ...string) *http.Response {
	return answer(http.StatusForbidden, "<h1>Developer Over Qps</h1>", append(lines, HeaderErrorCode+": "+ErrDeveloperOverQPS)...)
}

func dead() *http.Response {
	return answer(http.StatusForbidden, "<h1>Developer Inactive</h1>", HeaderErrorCode+": "+ErrDeveloperInactive)
}

// sender sends to example hosts by way of transport.
func sender(transport http.RoundTripper) *Sender {
	return &Sender{Transport: transport, V2: address("https://mashery.example/v2/json-rpc"), V3: address("https://mashery.example/v3/rest")}
}

func address(raw string) *url.URL {
	u, err := ParseEndpoint(raw)
	if err != nil {
		panic(err)
	}
	return u
}

// unlimited is a budget without a rate; it paces nothing but pauses.
func unlimited() func(*Grant) *Budget {
	budget := NewBudgets().Get(BudgetID{}, at("role", 0))
	return func(*Grant) *Budget { return budget }
}

func post(body string) *Call {
	return &Call{
		API: V3, Method: http.MethodPost, Path: "services", Body: strings.NewReader(body), ContentLength: int64(len(body)),
		MaxWait: 30 * time.Second, Budget: unlimited(),
	}
}

// protocols runs a test against a server of h, over HTTP/1.1 and HTTP/2.
func protocols(t *testing.T, h http.HandlerFunc, test func(t *testing.T, s *Sender)) {
	for _, http2 := range []bool{false, true} {
		name := map[bool]string{false: "over HTTP/1.1", true: "over HTTP/2"}[http2]
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.ProtoMajor; got != map[bool]int{false: 1, true: 2}[http2] {
					t.Errorf("HTTP/%d was spoken", got)
				}
				h(w, r)
			}))
			server.EnableHTTP2 = http2
			server.Config.ErrorLog = quiet()
			server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
			server.StartTLS()
			t.Cleanup(server.Close)
			test(t, reach(t, server))
		})
	}
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// reach makes a sender to a server, through the transport of the product.
func reach(t *testing.T, server *httptest.Server) *Sender {
	t.Helper()
	config := TransportConfig{}
	if cert := server.Certificate(); cert != nil {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AddCert(cert)
	}
	transport := NewTransport(config)
	t.Cleanup(transport.CloseIdleConnections)
	return &Sender{Transport: transport, V2: address(server.URL + "/v2/json-rpc"), V3: address(server.URL + "/v3/rest")}
}

// send sends and reads the answer to its end.
func send(t *testing.T, s *Sender, call *Call, source Source) (*Answer, string) {
	t.Helper()
	got, err := s.Send(t.Context(), call, source)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(body)
}

// within waits for something that happens in real time.
func within[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatalf("never happened: %s", what)
		panic("not reached")
	}
}

// noise is n bytes that no compression or chunking can confuse.
func noise(n int) []byte {
	unit := []byte("\x00\xffmashery\r\n0\r\n\r\n")
	return bytes.Repeat(unit, n/len(unit)+1)[:n]
}

// quiet is the log of a server whose clients are meant to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// listen serves raw TCP, one connection at a time, and returns its address.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// peer sends to a server of raw TCP.
func peer(t *testing.T, serve func(net.Conn)) *Sender {
	t.Helper()
	at := "http://" + listen(t, serve)
	transport := NewTransport(TransportConfig{})
	t.Cleanup(transport.CloseIdleConnections)
	return &Sender{Transport: transport, V2: address(at + "/v2/json-rpc"), V3: address(at + "/v3/rest")}
}
