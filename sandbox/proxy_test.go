// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"mashproxy/sandbox"
)

// stand serves, on the sockets of the proxy, until the test ends.
func stand(t *testing.T, s *sandbox.Sandbox, handler http.Handler) {
	t.Helper()
	for network, address := range map[string]string{"tcp": s.ProxyAddress(), "unix": s.Socket()} {
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: handler}
		served := make(chan struct{})
		go func() {
			defer close(served)
			server.Serve(listener)
		}()
		t.Cleanup(func() { server.Close(); <-served })
	}
}

// throughVault stands in for the proxy: it sends everything to Vault, whose engine
// makes the calls, and marks them as the proxy would.
func throughVault(t *testing.T, s *sandbox.Sandbox) http.Handler {
	t.Helper()
	target, err := url.Parse(s.Vault().Address())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("X-Vault-Token", s.Vault().RootToken().Reveal())
		},
		ModifyResponse: func(r *http.Response) error {
			if strings.Contains(r.Request.URL.Path, "/proxy/") {
				r.Header.Set("X-Mashproxy-Source", "mashery")
			}
			return nil
		},
	}
}

func TestTheBannerTellsWhatToTry(t *testing.T) {
	s := start(t, sandbox.Options{})
	var text strings.Builder
	if err := s.Banner(&text); err != nil {
		t.Fatal(err)
	}
	base := "'http://" + s.ProxyAddress() + "/v1/mash-creds/roles/demo"
	unix := "--unix-socket '" + s.Socket() + "' "
	for _, want := range []string{
		s.ProxyAddress(), s.Vault().Address(), s.MasheryURL(), s.MasheryAdminURL(), s.Dir(),
		"curl -i " + base + "/proxy/v3/services?limit=5'\n",
		"curl -i " + unix + "'http://localhost/v1/mash-creds/roles/demo/proxy/v3/services?limit=5'\n",
		base + "/proxy/v2'\n",
		"curl -i " + base + "'\n",
		"curl -i " + unix + "'http://localhost/v1/mash-creds/roles/demo'\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the banner lacks %q:\n%s", want, &text)
		}
	}
	if n := strings.Count(text.String(), s.Vault().RootToken().Reveal()); n != 1 {
		t.Errorf("the root token is in the banner %d times, want once", n)
	}
	if strings.ContainsRune(text.String(), '\x1b') {
		t.Error("the banner has colours")
	}
}

func TestSmokeIsContentWhenEveryCallIsRight(t *testing.T) {
	s := start(t, sandbox.Options{QPS: 100})
	stand(t, s, throughVault(t, s))
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := s.Smoke(t.Context(), &text); err != nil {
		t.Fatalf("%v\n%s", err, &text)
	}
	for _, want := range []string{
		"> GET /v1/mash-creds/roles/demo/proxy/v3/services?limit=5  (over TCP)",
		"> GET /v1/mash-creds/roles/demo/proxy/v3/services?limit=5  (over the unix socket)",
		"< 200 OK", "< X-Total-Count: ", "object.query", "v3_capable",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &text)
		}
	}
}

func TestSmokeNamesEveryCallThatIsWrong(t *testing.T) {
	const list = "GET /v1/mash-creds/roles/demo/proxy/v3/services?limit=5 over %s: %s"
	const query = "POST /v1/mash-creds/roles/demo/proxy/v2 over %s: %s"
	const role = "GET /v1/mash-creds/roles/demo over %s: %s"
	answer := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	const five = `[{},{},{},{},{}]`
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    []string
	}{
		"nothing is allowed": {
			answer(403, `{"errors":["no"]}`),
			[]string{list, "status 403 instead of 200", query, role},
		},
		"there are too few services": {
			answer(200, `[{}]`, "X-Total-Count", "256", "X-Mashproxy-Source", "mashery"),
			[]string{list, "1 services instead of 5"},
		},
		"the total is lost on the way": {
			answer(200, five, "X-Mashproxy-Source", "mashery"),
			[]string{list, `X-Total-Count is ""`},
		},
		"the proxy left it to Vault": {
			answer(200, five, "X-Total-Count", "256"),
			[]string{list, `X-Mashproxy-Source is "", so the proxy did not serve it itself`},
		},
		"Mashery answers an error": {
			answer(200, `{"result":null,"error":{"code":1000}}`, "X-Mashproxy-Source", "mashery"),
			[]string{query, `Mashery's error {"code":1000}`},
		},
		"a query finds nothing": {
			answer(200, `{"result":{"items":[]}}`, "X-Mashproxy-Source", "mashery"),
			[]string{query, "no application in the result"},
		},
		"the role has no credentials": {
			answer(200, `{"data":{"v2_capable":true}}`),
			[]string{role, "the role is capable of V2: true, of V3: false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, sandbox.Options{})
			stand(t, s, test.handler)
			err := s.Smoke(t.Context(), io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			cause := test.want[1]
			for _, call := range append(test.want[:1:1], test.want[2:]...) {
				for _, route := range []string{"TCP", "the unix socket"} {
					if want := fmt.Sprintf(call, route, cause); !strings.Contains(err.Error(), want) {
						t.Errorf("the error is\n%v\nwant in it\n%s", err, want)
					}
				}
			}
		})
	}
}

func TestSmokeSaysSoWhenNobodyAnswers(t *testing.T) {
	s := start(t, sandbox.Options{})
	var text strings.Builder
	err := s.Smoke(t.Context(), &text)
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("the error is %v, want one line for each of six calls", err)
	}
}

func TestWaitReady(t *testing.T) {
	t.Run("ends when the proxy is logged in", func(t *testing.T) {
		s := start(t, sandbox.Options{})
		vault := throughVault(t, s)
		var asked sync.Map
		stand(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, again := asked.LoadOrStore(r.Host, true); !again {
				http.Error(w, `{"errors":["not logged in yet"]}`, http.StatusServiceUnavailable)
				return
			}
			vault.ServeHTTP(w, r)
		}))
		if err := s.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("says what came last when the time is over", func(t *testing.T) {
		s := start(t, sandbox.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var asked atomic.Int32
		stand(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 2 {
				cancel()
			}
			http.Error(w, "not logged in yet", http.StatusServiceUnavailable)
		}))
		err := s.WaitReady(ctx)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "it answers 503: not logged in yet") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestNoSecretIsLoggedAtTraceLevel(t *testing.T) {
	var log lockedBuffer
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log})
	s := start(t, sandbox.Options{QPS: 100, Logger: logger})
	stand(t, s, throughVault(t, s))

	client := logIn(t, s)
	secrets := map[string]string{
		"root token":        s.Vault().RootToken().Reveal(),
		"unseal key":        s.Vault().UnsealKey().Reveal(),
		"secret id":         read(t, s, "secret-id"),
		"API key":           s.Credentials().APIKey.Reveal(),
		"API key's secret":  s.Credentials().Secret.Reveal(),
		"Mashery password":  s.Credentials().Password.Reveal(),
		"application token": client.Token(),
	}
	for version, field := range map[string]string{"2": "sig", "3": "access_token"} {
		grant, err := client.Logical().ReadWithDataWithContext(t.Context(), "mash-creds/roles/demo/grant",
			map[string][]string{"api": {version}, "lease": {"true"}})
		if err != nil {
			t.Fatal(err)
		}
		secrets[field], _ = grant.Data[field].(string)
	}
	var output lockedBuffer
	if err := s.Smoke(t.Context(), &output); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Vault().Seal(t.Context()), s.Vault().Unseal(t.Context())); err != nil {
		t.Fatal(err)
	}
	if grant, _ := client.Logical().ReadWithContext(t.Context(), "mash-creds/roles/nosuch/grant"); grant != nil {
		t.Error("a role that is not there has a grant")
	}
	if !strings.Contains(log.String(), "[TRACE]") {
		t.Fatal("nothing was logged at trace level")
	}
	for name, secret := range secrets {
		if secret == "" {
			t.Errorf("there is no %s to look for", name)
			continue
		}
		for where, text := range map[string]string{"the log": log.String(), "the smoke test's output": output.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s is in %s", name, where)
			}
		}
	}
}

// lockedBuffer is a buffer that many may write to.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
