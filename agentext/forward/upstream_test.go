// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/vault/command/proxy/config"
)

func TestRedirects(t *testing.T) {
	var elsewhere []string
	other := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		elsewhere = append(elsewhere, r.Header.Get("X-Vault-Token"))
		_, _ = io.WriteString(w, "active node: "+string(body))
	})
	tests := map[string]struct {
		status             int
		location           string
		want               int
		reached            bool
		locationComesAlong bool
	}{
		"a standby node names the active one":    {307, other.URL + "/v1/leased/one", 200, true, false},
		"to another path of another host":        {307, other.URL + "/v1/elsewhere", 307, false, true},
		"302 to another host, same path":         {302, other.URL + "/v1/leased/one", 302, false, true},
		"301 to another host":                    {301, other.URL + "/", 301, false, true},
		"to another path of Vault's":             {302, "/v1/mash/roles/demo/grant", 302, false, true},
		"without a location":                     {302, "", 302, false, false},
		"303, which nobody follows here":         {303, other.URL + "/v1/leased/one", 303, false, true},
		"with a location that cannot be read":    {302, "http://[::1", 302, false, true},
		"201 with a location is no redirect":     {201, other.URL + "/v1/x", 201, false, true},
		"to a path that only differs in a slash": {301, "/v1/leased/one/", 200, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			elsewhere = nil
			standby := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/") {
					return
				}
				if test.location != "" {
					w.Header().Set("Location", test.location)
				}
				w.WriteHeader(test.status)
			})
			handler := newForwarder(t, Config{Client: newClient(t, standby.URL), APIProxy: forced}).Handler(newIdentity(someToken))
			got := ask(t, handler, "PUT", "/v1/leased/one", `{"a":"b"}`, nil)
			if got.status != test.want || len(elsewhere) > 0 != test.reached {
				t.Fatalf("answered %d %s, reached elsewhere: %t", got.status, got.body, len(elsewhere) > 0)
			}
			if test.reached && got.body != `active node: {"a":"b"}` {
				t.Errorf("the body did not go along: %s", got.body)
			}
			if test.locationComesAlong != (got.header.Get("Location") == test.location && test.location != "") {
				t.Errorf("location %q", got.header.Get("Location"))
			}
		})
	}
}

// A body that was streamed is gone: whom Vault sends it to is for the client to ask.
func TestALongBodyDoesNotFollowARedirect(t *testing.T) {
	upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Location", "http://127.0.0.1:1"+r.URL.Path)
		w.WriteHeader(307)
	})
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced}).Handler(newIdentity(someToken))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("PUT", "/v1/leased/one", zeros(keptBody+1)))
	if w.Code != 307 || w.Header().Get("Location") != "http://127.0.0.1:1/v1/leased/one" {
		t.Errorf("answered %d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestWhatVaultSees(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		want   map[string]string // "" is absent
	}{
		"Vault Proxy's user agent": {nil, map[string]string{"User-Agent": "Vault Proxy API Proxy/"}},
		"the client's user agent goes along": {http.Header{"User-Agent": {"curl/8"}},
			map[string]string{"User-Agent": "Vault Proxy API Proxy/"}},
		"hop-by-hop headers end here": {http.Header{
			"Connection": {"Upgrade, HTTP2-Settings, X-Hop, X-Vault-Namespace"}, "Upgrade": {"h2c"},
			"Http2-Settings": {"AAMAAABkAAQCAAAAAAIAAAAA"}, "X-Hop": {"1"}, "Keep-Alive": {"5"}, "Te": {"trailers"},
			"Proxy-Authorization": {"Basic abc"}, "X-Vault-Namespace": {"ns1"},
		}, map[string]string{
			"Connection": "", "Upgrade": "", "Http2-Settings": "", "X-Hop": "", "Keep-Alive": "", "Te": "",
			"Proxy-Authorization": "", "X-Vault-Namespace": "ns1",
		}},
		"other headers go on": {http.Header{"X-Vault-Wrap-Ttl": {"60"}, "X-Custom": {"1"}, "Authorization": {"Basic abc"}},
			map[string]string{"X-Vault-Wrap-Ttl": "60", "X-Custom": "1", "Authorization": "Basic abc"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var saw http.Header
			upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
				saw = r.Header.Clone()
				w.Header().Set("Keep-Alive", "timeout=5")
				w.Header().Set("X-Custom", "answer")
			})
			handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced}).Handler(newIdentity(someToken))
			got := ask(t, handler, "GET", "/v1/leased/one", "", test.header)
			for name, want := range test.want {
				if value := saw.Get(name); want == "" && value != "" || !strings.HasPrefix(value, want) {
					t.Errorf("Vault saw %s %q, want %q", name, value, want)
				}
			}
			if got.header.Get("Keep-Alive") != "" || got.header.Get("X-Custom") != "answer" {
				t.Errorf("the client saw %v", got.header)
			}
		})
	}
}

func TestPrependConfiguredNamespace(t *testing.T) {
	var saw string
	upstream := fakeVault(t, func(_ http.ResponseWriter, r *http.Request) { saw = r.Header.Get("X-Vault-Namespace") })
	client := newClient(t, upstream.URL)
	client.SetNamespace("team")
	tests := map[string]struct {
		prepend      bool
		header, want string
	}{
		"not asked for, none of the client's": {false, "", ""},
		"not asked for":                       {false, "child", "child"},
		"none of the client's":                {true, "", "team/"},
		"before the client's":                 {true, "child", "team/child/"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			handler := newForwarder(t, Config{Client: client, APIProxy: &config.APIProxy{PrependConfiguredNamespace: test.prepend}}).Handler(nil)
			header := http.Header{}
			if test.header != "" {
				header.Set("X-Vault-Namespace", test.header)
			}
			ask(t, handler, "GET", "/v1/leased/one", "", header)
			if saw != test.want {
				t.Errorf("namespace %q, want %q", saw, test.want)
			}
		})
	}
}
