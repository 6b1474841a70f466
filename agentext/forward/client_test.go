// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/proxy/config"
)

// A Vault behind TLS, with HTTP/2 as Vault offers it.
func TestVaultBehindTLS(t *testing.T) {
	vault := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Proto+" "+string(body))
	}))
	vault.EnableHTTP2 = true
	vault.StartTLS()
	t.Cleanup(vault.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vault.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	settings := api.DefaultConfig()
	settings.Address = vault.URL
	if err := settings.ConfigureTLS(&api.TLSConfig{CACert: authority}); err != nil {
		t.Fatal(err)
	}
	client, err := api.NewClient(settings)
	if err != nil {
		t.Fatal(err)
	}
	handler := newForwarder(t, Config{Client: client, APIProxy: forced}).Handler(newIdentity(someToken))
	for range 3 {
		if got := ask(t, handler, "PUT", "/v1/leased/one", "the body", nil); got.status != 200 || got.body != "HTTP/2.0 the body" {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	}

	stranger := newForwarder(t, Config{Client: newClient(t, vault.URL), APIProxy: forced}).Handler(newIdentity(someToken))
	got := ask(t, stranger, "GET", "/v1/leased/one", "", nil)
	if got.status != 503 || got.header.Get("X-Mashproxy-Error") != "vault_unavailable" {
		t.Errorf("with a certificate nobody knows: %d %s", got.status, got.body)
	}
}

func TestConnectionsToVault(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		kept   bool
	}{
		"are kept":                          {func(*Config) {}, true},
		"are closed, without keep-alives":   {func(c *Config) { c.DisableKeepAlives = true }, false},
		"are closed, without idle ones":     {func(c *Config) { c.DisableIdleConns = true }, false},
		"are kept when Vault answers badly": {func(c *Config) { c.APIProxy = &config.APIProxy{} }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			from := map[string]bool{}
			upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
				from[r.RemoteAddr] = true
				w.WriteHeader(503)
			})
			settings := Config{Client: newClient(t, upstream.URL), APIProxy: forced}
			test.change(&settings)
			handler := newForwarder(t, settings).Handler(newIdentity(someToken))
			for range 4 {
				ask(t, handler, "GET", "/v1/leased/one", "", nil)
			}
			if kept := len(from) == 1; kept != test.kept {
				t.Errorf("%d connections for 4 requests", len(from))
			}
		})
	}
}

// The client that is given stays as it is, for whoever else uses it.
func TestTheClientGivenIsNotChanged(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "hvs.of-the-environment")
	client := newClient(t, "http://127.0.0.1:1")
	client.SetToken("hvs.somebody-elses")
	before := client.CloneConfig()
	f := newForwarder(t, Config{Client: client, APIProxy: forced, DisableIdleConns: true})
	after := client.CloneConfig()
	if before.HttpClient.Transport != after.HttpClient.Transport || client.Token() != "hvs.somebody-elses" {
		t.Error("it was changed")
	}
	if f.client.Token() != "" {
		t.Errorf("it goes with the token %q", f.client.Token())
	}
}
