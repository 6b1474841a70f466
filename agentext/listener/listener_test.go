// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/internalshared/configutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// What a package behind Vault's metrics starts when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

type config = configutil.Listener

func tcpConfig(address string, changes ...func(*config)) *config {
	c := &config{Type: configutil.TCP, Address: address, TLSDisable: true}
	for _, change := range changes {
		change(c)
	}
	return c
}

// unixConfig says nothing of TLS.
func unixConfig(path string, changes ...func(*config)) *config {
	c := &config{Type: configutil.Unix, Address: path}
	for _, change := range changes {
		change(c)
	}
	return c
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello "+r.Host) })

// run opens a listener and serves it until the test ends.
func run(t *testing.T, c *config, o Options) *Listener {
	t.Helper()
	if o.Handler == nil {
		o.Handler = hello
	}
	l, err := Open(c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

// get asks l for / with a client of its own.
func get(t *testing.T, l *Listener, change func(*http.Transport)) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, l.Addr().Network(), l.Addr().String())
	}
	if change != nil {
		change(transport)
	}
	scheme := "http"
	if transport.TLSClientConfig != nil {
		scheme = "https"
	}
	response, err := (&http.Client{Transport: transport}).Get(scheme + "://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestTCP(t *testing.T) {
	l := run(t, tcpConfig("127.0.0.1:0"), Options{})
	if _, body := get(t, l, nil); body != "hello localhost" {
		t.Errorf("body %q", body)
	}
	if got := l.String(); !strings.HasPrefix(got, "http://127.0.0.1:") || strings.HasSuffix(got, ":0") {
		t.Errorf("String() is %q", got)
	}
	if err := l.Reload(); err != nil {
		t.Errorf("Reload without TLS: %v", err)
	}
}

func TestListenersThatCannotBeOpened(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := map[string]struct {
		config  *config
		guarded bool
		problem string
	}{
		"a taken port": {tcpConfig(taken.Addr().String()), false,
			fmt.Sprintf(`listener "tcp" at %s: listen tcp %[1]s: bind: address already in use`, taken.Addr())},
		"no such address":       {tcpConfig("192.0.2.1:8300"), false, "cannot assign requested address"},
		"no port":               {tcpConfig("127.0.0.1"), false, "missing port in address"},
		"another type":          {&config{Type: "udp", Address: "x", TLSDisable: true}, false, `listener "udp" at x: no such type: use "tcp" or "unix"`},
		"TLS with no key":       {tcpConfig("127.0.0.1:0", withTLS), false, "set tls_cert_file and tls_key_file, or tls_disable = true"},
		"TLS with no such file": {tcpConfig("127.0.0.1:0", withTLS, func(c *config) { c.TLSCertFile, c.TLSKeyFile = "/nosuch", "/nosuch" }), false, "no such file"},
		"guarded and exposed":   {tcpConfig("0.0.0.0:0"), true, "has the rights of the auto-auth token: listen on a loopback address"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(test.config, Options{Handler: hello, Guarded: test.guarded})
			if err == nil || !strings.Contains(err.Error(), test.problem) || !strings.HasPrefix(err.Error(), "listener ") {
				t.Errorf("error %v, want %q", err, test.problem)
			}
		})
	}
}

func withTLS(c *config) { c.TLSDisable = false }

func TestCheckExposure(t *testing.T) {
	verified := func(c *config) {
		c.TLSDisable, c.TLSRequireAndVerifyClientCert, c.TLSClientCAFile = false, true, "ca.pem"
	}
	tests := map[string]struct {
		config  *config
		refused bool
	}{
		"a loopback address":                    {tcpConfig("127.0.0.1:8300"), false},
		"another one":                           {tcpConfig("127.1.2.3:8300"), false},
		"IPv6":                                  {tcpConfig("[::1]:8300"), false},
		"localhost":                             {tcpConfig("localhost:8300"), false},
		"Vault's default":                       {tcpConfig(""), false},
		"a unix socket":                         {&config{Type: configutil.Unix, Address: "/run/x.sock"}, false},
		"all addresses":                         {tcpConfig("0.0.0.0:8300"), true},
		"all of IPv6":                           {tcpConfig("[::]:8300"), true},
		"no host":                               {tcpConfig(":8300"), true},
		"another address":                       {tcpConfig("192.0.2.1:8300"), true},
		"a name":                                {tcpConfig("proxy.example.com:8300"), true},
		"no port":                               {tcpConfig("127.0.0.1"), true},
		"with TLS alone":                        {tcpConfig("0.0.0.0:8300", withTLS), true},
		"with verified certificates":            {tcpConfig("0.0.0.0:8300", verified), false},
		"with any public authority's":           {tcpConfig("0.0.0.0:8300", verified, func(c *config) { c.TLSClientCAFile = "" }), true},
		"with certificates, but TLS switched":   {tcpConfig("0.0.0.0:8300", verified, func(c *config) { c.TLSDisable = true }), true},
		"with certificates required and denied": {tcpConfig("0.0.0.0:8300", verified, func(c *config) { c.TLSDisableClientCerts = true }), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := CheckExposure(test.config); (err != nil) != test.refused {
				t.Errorf("error %v, want one: %t", err, test.refused)
			}
		})
	}
	if err := checkBound(tcpConfig("localhost:8300"), &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}); !errors.Is(err, errExposed) {
		t.Errorf("a localhost that is none: %v", err)
	}
}

// What a browser or a raw client sends, over a real socket.
func TestAGuardedListener(t *testing.T) {
	l := run(t, tcpConfig("127.0.0.1:0"), Options{Guarded: true})
	address := l.Addr().String()
	tests := map[string]struct {
		request string
		want    int
	}{
		"a program":                          {"GET / HTTP/1.1\r\nHost: " + address + "\r\n", 200},
		"a rebound name":                     {"GET / HTTP/1.1\r\nHost: evil.test\r\n", 403},
		"a foreign page's form":              {"POST / HTTP/1.1\r\nHost: " + address + "\r\nOrigin: https://evil.test\r\nContent-Length: 0\r\n", 403},
		"no Host":                            {"GET / HTTP/1.1\r\nX: y\r\n", 400},
		"no Host, HTTP/1.0":                  {"GET / HTTP/1.0\r\nX: y\r\n", 403},
		"two Hosts":                          {"GET / HTTP/1.1\r\nHost: " + address + "\r\nHost: evil.test\r\n", 400},
		"OPTIONS *":                          {"OPTIONS * HTTP/1.1\r\nHost: evil.test\r\n", 403},
		"a rebound name in an absolute form": {"GET http://evil.test/ HTTP/1.1\r\nHost: " + address + "\r\n", 403},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, test.request+"Connection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != test.want {
				body, _ := io.ReadAll(response.Body)
				t.Errorf("answered %d %s", response.StatusCode, body)
			}
		})
	}
}

// A body may take longer than any time-out Vault Proxy has.
func TestNoTimeLimitOnBodies(t *testing.T) {
	l, err := Open(tcpConfig("127.0.0.1:0"), Options{Handler: hello})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := l.server
	if s.ReadTimeout != 0 || s.WriteTimeout != 0 || s.ReadHeaderTimeout != 10*time.Second || s.IdleTimeout != 5*time.Minute {
		t.Errorf("time-outs: read %s, write %s, header %s, idle %s", s.ReadTimeout, s.WriteTimeout, s.ReadHeaderTimeout, s.IdleTimeout)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	l, err := Open(tcpConfig("127.0.0.1:0"), Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		w.WriteHeader(503)
		close(ended)
	})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	status := make(chan int, 1)
	go func() {
		response, err := http.Get(l.String())
		if err != nil {
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-began
	end()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	select {
	case <-ended:
	default:
		t.Error("Serve did not wait for the request")
	}
	if got := <-status; got != 503 {
		t.Errorf("the request in flight was answered %d", got)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close after Serve: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still listening")
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestServeTellsWhatFails(t *testing.T) {
	l, err := Open(tcpConfig("127.0.0.1:0"), Options{Handler: hello})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.socket.Close()
	if err := l.Serve(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `listener "tcp" at 127.0.0.1:0: `) {
		t.Errorf("error %v", err)
	}
	_ = l.Close()
}

func TestErrorsOfConnectionsAreLoggedAtDebugLevel(t *testing.T) {
	for level, want := range map[hclog.Level]bool{hclog.Debug: true, hclog.Info: false} {
		var text bytes.Buffer
		l, err := Open(tcpConfig("127.0.0.1:0"), Options{Handler: hello, Logger: hclog.New(&hclog.LoggerOptions{Level: level, Output: &text})})
		if err != nil {
			t.Fatal(err)
		}
		l.server.ErrorLog.Print("http: TLS handshake error")
		if got := strings.Contains(text.String(), "handshake"); got != want {
			t.Errorf("at %s: logged is %t", level, got)
		}
		_ = l.Close()
	}
}
