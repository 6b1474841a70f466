// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// egressProxy passes connections on to one server, whatever was asked for.
type egressProxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // what was connected to, and as whom
}

func newEgressProxy(t *testing.T, to string, status int) *egressProxy {
	p := new(egressProxy)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		p.mu.Unlock()
		if status != http.StatusOK {
			http.Error(w, "you said "+r.Header.Get("Proxy-Authorization"), status)
			return
		}
		passOn(t, w, to)
	}))
	t.Cleanup(p.Close)
	return p
}

func passOn(t *testing.T, w http.ResponseWriter, to string) {
	server, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	defer server.Close()
	w.WriteHeader(http.StatusOK)
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(server, client)
		server.Close()
	}()
	io.Copy(client, server)
	client.Close()
	<-done
}

func (p *egressProxy) egress(authorization string) *Egress {
	address, err := ParseEgress(p.Listener.Addr().String())
	if err != nil {
		panic(err)
	}
	return &Egress{Address: address, Authorization: NewSecret(authorization)}
}

// through asks local.example.com by way of the egress proxy.
func through(t *testing.T, config TransportConfig, endpoint string) error {
	t.Helper()
	transport := NewTransport(config)
	defer transport.CloseIdleConnections()
	s := &Sender{Transport: transport, V3: address(endpoint)}
	answer, err := s.Send(t.Context(), &Call{API: V3, Method: http.MethodGet, Path: "services"}, from(v3Grant()))
	if err == nil {
		answer.Body.Close()
	}
	return err
}

func TestMasheryIsReachedThroughTheEgressProxy(t *testing.T) {
	c := newChained(t)
	proxy := newEgressProxy(t, c.Listener.Addr().String(), http.StatusOK)
	config := TransportConfig{RootCAs: c.roots(), Egress: proxy.egress("Basic abc")}
	if err := through(t, config, "https://local.example.com/v3/rest"); err != nil {
		t.Fatal(err)
	}
	if len(proxy.asked) != 1 || proxy.asked[0] != "CONNECT local.example.com:443 Basic abc" {
		t.Errorf("the proxy was asked for %q", proxy.asked)
	}
}

func TestALoopbackEndpointIsReachedThroughAProxyOnTheSameMachineOnly(t *testing.T) {
	for _, c := range []struct {
		endpoint, proxy string
		through         bool
	}{
		{"http://127.0.0.1:8400/v3/rest", "127.0.0.1:3128", false},
		{"http://127.0.0.1:8400/v3/rest", "proxy.example.com:3128", false},
		{"https://127.0.0.1:8400/v3/rest", "proxy.example.com:3128", false},
		{"https://127.0.0.1:8400/v3/rest", "localhost:3128", true},
		{"https://api.example.com/v3/rest", "127.0.0.1:3128", true},
	} {
		proxy, err := ParseEgress(c.proxy)
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&Egress{Address: proxy}).route(&http.Request{URL: address(c.endpoint)})
		if err != nil || (got != nil) != c.through {
			t.Errorf("%s by %s: %v %v", c.endpoint, c.proxy, got, err)
		}
	}
}

func TestAnEgressProxyThatRefusesIsNamedButNotQuoted(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusProxyAuthRequired: "the egress proxy refused the connection with status 407; check its credentials",
		http.StatusForbidden:         "the egress proxy refused the connection with status 403",
	} {
		proxy := newEgressProxy(t, "", status)
		err := through(t, TransportConfig{Egress: proxy.egress("Basic planted")}, "https://local.example.com/v3/rest")
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("got %v, want …%s", err, want)
		}
	}
}

func TestAnEgressProxyThatGivesNoAnswerIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		serve func(net.Conn)
		dial  time.Duration
		want  string
	}{
		"that is silent":  {func(c net.Conn) { io.Copy(io.Discard, c) }, 200 * time.Millisecond, "the egress proxy did not answer in time"},
		"that drips":      {drip, 200 * time.Millisecond, "the egress proxy did not answer in time"},
		"that hangs up":   {func(c net.Conn) { c.Read(make([]byte, 1)) }, 0, "the egress proxy ended the connection without an answer"},
		"of another kind": {func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n") }, 0, "the egress proxy does not answer as an HTTP proxy does; check its address"},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, err := ParseEgress(listen(t, test.serve))
			if err != nil {
				t.Fatal(err)
			}
			config := TransportConfig{Egress: &Egress{Address: proxy}, DialTimeout: test.dial}
			err = through(t, config, "https://local.example.com/v3/rest")
			if !errors.As(err, new(*UnreachableError)) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v, want …%s", err, test.want)
			}
		})
	}
}

// drip answers byte by byte, without an end.
func drip(c net.Conn) {
	for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "); err == nil; _, err = io.WriteString(c, "x") {
		<-time.After(10 * time.Millisecond)
	}
}

func TestAnAnswerThroughAnEgressProxyMayTakeLongerThanTheProxys(t *testing.T) {
	c := newChained(t)
	handler := c.Config.Handler
	c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(1500 * time.Millisecond)
		handler.ServeHTTP(w, r)
	})
	proxy := newEgressProxy(t, c.Listener.Addr().String(), http.StatusOK)
	config := TransportConfig{RootCAs: c.roots(), Egress: proxy.egress(""), DialTimeout: time.Second}
	if err := through(t, config, "https://local.example.com/v3/rest"); err != nil {
		t.Fatal(err)
	}
}

func TestAnEgressProxysAddressIsChecked(t *testing.T) {
	for raw, want := range map[string]string{
		"proxy.example.com:3128": "http://proxy.example.com:3128", "http://proxy:8080/": "http://proxy:8080", "proxy": "http://proxy", "10.0.0.1:1": "http://10.0.0.1:1",
	} {
		if got, err := ParseEgress(raw); err != nil || got.String() != want {
			t.Errorf("%s: %v %v", raw, got, err)
		}
	}
	for raw, want := range map[string]string{
		"user:planted@proxy:1": "must not hold a user or password", "https://proxy": "must be host:port", "http://": "must be host:port",
		"http://proxy/path": "must be host:port", "socks5://proxy": "must be host:port", "http://proxy?planted": "must be host:port",
		"proxy:0": "from 1 to 65535", "proxy:65536": "from 1 to 65535", "http://a b:planted": "cannot be read", "http://proxy:planted": "cannot be read",
	} {
		if _, err := ParseEgress(raw); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
