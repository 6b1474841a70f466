// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/command/proxy/config"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// What a Vault core leaves behind.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"),
		goleak.IgnoreTopFunction("github.com/hashicorp/vault/vault.(*Core).setupCachedMFAResponseAuth.func1"),
	)
}

// fakeVault is an upstream that answers what a real Vault cannot be made to.
func fakeVault(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestVaultsAnswersComeUnchanged(t *testing.T) {
	v := startVault(t)
	token := v.token()
	v.write("leased/one", map[string]any{"value": "1"})
	direct := newClient(t, v.server.URL)
	direct.SetToken(token)
	for way, c := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
		handler := newForwarder(t, Config{Client: v.root, APIProxy: forced, Cache: c}).Handler(newIdentity(token))
		tests := map[string]struct {
			method, target, body string
			status               int
			holds                string
		}{
			"a secret":            {"GET", "/v1/leased/one", "", 200, `"value":"1"`},
			"nothing there":       {"GET", "/v1/leased/none", "", 404, `{"errors":[]}`},
			"no such mount":       {"GET", "/v1/nosuch/x", "", 404, "no handler for route"},
			"a write":             {"PUT", "/v1/leased/two", `{"value":"2"}`, 204, ""},
			"a list":              {"LIST", "/v1/leased", "", 200, `"one"`},
			"a list by GET":       {"GET", "/v1/leased?list=true", "", 200, `"one"`},
			"health":              {"GET", "/v1/sys/health", "", 200, `"sealed":false`},
			"a method not there":  {"POST", "/v1/sys/health", "", 405, ""},
			"a list that is JSON": {"GET", "/v1/raw/list", "", 200, `[{"id":"one"},{"id":"two"}]`},
		}
		for name, test := range tests {
			t.Run(way+": "+name, func(t *testing.T) {
				got := ask(t, handler, test.method, test.target, test.body, nil)
				if got.status != test.status || !strings.Contains(got.body, test.holds) {
					t.Errorf("answered %d %s", got.status, got.body)
				}
				for name := range got.header {
					if strings.HasPrefix(name, "X-Mashproxy") {
						t.Errorf("added %s without a mashery block", name)
					}
				}
			})
		}
	}
}

func TestTheSourceIsNamedInMasheryFiles(t *testing.T) {
	v := startVault(t)
	handler := newForwarder(t, Config{Client: v.root, APIProxy: forced, Mashery: true}).Handler(newIdentity(v.token()))
	for path, want := range map[string]string{"/v1/sys/health": "vault", "/v1/nosuch": "vault"} {
		if got := ask(t, handler, "GET", path, "", nil).header.Get("X-Mashproxy-Source"); got != want {
			t.Errorf("%s: source %q, want %q", path, got, want)
		}
	}
}

func TestDirectGoesPastTheLeaseCache(t *testing.T) {
	v := startVault(t)
	token := v.token()
	v.write("leased/one", map[string]any{"value": "1", "ttl": "1h"})
	f := newForwarder(t, Config{Client: v.root, APIProxy: forced, Cache: &config.Cache{}})
	if err := f.WriteToken(token); err != nil {
		t.Fatal(err)
	}
	handler := f.Handler(newIdentity(token))
	v.requests("") // forget the write
	for range 2 {
		if got := ask(t, handler, "GET", "/v1/leased/one", "", nil); got.status != 200 {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
	}
	if n := len(v.requests("/v1/leased/one")); n != 1 {
		t.Errorf("through the cache: %d requests, want 1", n)
	}
	for range 2 {
		ask(t, handler.Direct(), "GET", "/v1/leased/one", "", nil)
	}
	if n := len(v.requests("/v1/leased/one")); n != 2 {
		t.Errorf("past it: %d requests, want 2", n)
	}

	// Cleared, it is asked for again.
	if got := ask(t, f.CacheClear(), "POST", "/proxy/v1/cache-clear", `{"type":"all"}`, nil); got.status != 200 {
		t.Fatalf("cache-clear: %d %s", got.status, got.body)
	}
	ask(t, handler, "GET", "/v1/leased/one", "", nil)
	if n := len(v.requests("/v1/leased/one")); n != 1 {
		t.Errorf("after cache-clear: %d requests, want 1", n)
	}
}

func TestASealedVaultIsReportedAtOnce(t *testing.T) {
	v := startVault(t)
	token := v.token()
	for way, c := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
		for _, consistency := range []string{"never", "always"} {
			t.Run(way+", enforce_consistency "+consistency, func(t *testing.T) {
				handler := newForwarder(t, Config{Client: v.root, Cache: c, APIProxy: &config.APIProxy{
					UseAutoAuthToken: true, ForceAutoAuthToken: true, EnforceConsistency: consistency,
				}}).Handler(newIdentity(token))
				if err := v.root.Sys().Seal(); err != nil {
					t.Fatal(err)
				}
				defer v.unseal()
				began := time.Now()
				got := ask(t, handler, "GET", "/v1/leased/one", "", nil)
				if got.status != 503 || !strings.Contains(got.body, "Vault is sealed") || got.header.Get("X-Mashproxy-Error") != "" {
					t.Errorf("answered %d %s", got.status, got.body)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("took %s", took)
				}
			})
		}
	}
}

func TestAVaultThatIsAwayIsReported(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	var text logs
	handler := newForwarder(t, Config{Client: newClient(t, away.URL), APIProxy: forced, Mashery: true, Logger: text.logger()}).
		Handler(newIdentity("hvs.a-token-of-some-length"))
	began := time.Now()
	got := ask(t, handler, "GET", "/v1/leased/one?key=secret-in-query", "", nil)
	if got.status != 503 || got.header.Get("X-Mashproxy-Error") != "vault_unavailable" || got.header.Get("Retry-After") != "1" {
		t.Errorf("answered %d %v %s", got.status, got.header, got.body)
	}
	if !strings.Contains(got.body, away.URL) || !strings.Contains(got.body, "connection refused") {
		t.Errorf("does not say what is wrong: %s", got.body)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if strings.Contains(got.body+text.String(), "secret-in-query") {
		t.Errorf("names the query: %s %s", got.body, text.String())
	}
	if got.header.Get("X-Mashproxy-Source") != "mashproxy" {
		t.Errorf("source %q", got.header.Get("X-Mashproxy-Source"))
	}
}

func TestAVaultThatComesBackWithinASecondIsReached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	handler := newForwarder(t, Config{Client: newClient(t, "http://"+address), APIProxy: forced}).Handler(newIdentity(""))
	back := make(chan *http.Server)
	timer := time.AfterFunc(150*time.Millisecond, func() {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			back <- nil
			return
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		})}
		go func() { _ = server.Serve(listener) }()
		back <- server
	})
	defer timer.Stop()
	answered := make(chan reply)
	go func() { answered <- ask(t, handler, "POST", "/v1/leased/one", "the body", nil) }()
	server := <-back
	if server == nil {
		t.Skip("somebody else took the port")
	}
	defer server.Close()
	if got := <-answered; got.status != 200 || got.body != "the body" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestAVaultThatDoesNotAnswerIsGivenUp(t *testing.T) {
	left := make(chan struct{})
	slow := fakeVault(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(left)
	})
	client := newClient(t, slow.URL)
	client.SetClientTimeout(100 * time.Millisecond)
	handler := newForwarder(t, Config{Client: client, APIProxy: forced}).Handler(newIdentity(""))
	got := ask(t, handler, "GET", "/v1/leased/one", "", nil)
	if got.status != 504 || got.header.Get("X-Mashproxy-Error") != "timeout" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	within(t, left, "the end of the request at Vault")
}

func TestAClientThatLeavesEndsItsRequestAtVault(t *testing.T) {
	for way, c := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
		t.Run(way, func(t *testing.T) {
			arrived, left := make(chan struct{}), make(chan struct{})
			slow := fakeVault(t, func(_ http.ResponseWriter, r *http.Request) {
				close(arrived)
				<-r.Context().Done()
				close(left)
			})
			handler := newForwarder(t, Config{Client: newClient(t, slow.URL), APIProxy: forced, Cache: c}).Handler(newIdentity(""))
			ctx, leave := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/leased/one", nil).WithContext(ctx))
			}()
			within(t, arrived, "the request at Vault")
			leave()
			within(t, left, "its end at Vault")
			within(t, done, "the handler's end")
		})
	}
}

func within(t *testing.T, happens <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-happens:
	case <-time.After(5 * time.Second):
		t.Fatalf("waited in vain for %s", what)
	}
}

func TestVaultOnAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI)
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	handler := newForwarder(t, Config{Client: newClient(t, "unix://"+path), Cache: &config.Cache{}}).Handler(nil)
	if got := ask(t, handler, "GET", "/v1/sys/health?a=b", "", nil); got.body != "GET /v1/sys/health?a=b" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}
