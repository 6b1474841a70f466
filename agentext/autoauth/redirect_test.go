// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"
)

// A portal that answers at Vault's address for a while gets one request, and
// nobody else gets any.
func TestNeitherALoginNorATokenFollowsARedirectElsewhere(t *testing.T) {
	elsewhere := make(chan string, 100)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere <- r.Method + " " + r.URL.Path }))
	defer other.Close()
	asked := make(chan string, 100)
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/login", http.StatusTemporaryRedirect)
		asked <- r.URL.Path
	}))
	defer portal.Close()
	login, err := New(Config{
		AutoAuth:     &proxyconfig.AutoAuth{Method: approle(t)},
		VaultAddress: portal.URL, Client: clientOf(t, portal.URL), Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- login.RunHandler(ctx) }()
	if path := await(t, asked, "the login"); path != "/v1/auth/approle/login" {
		t.Errorf("%s was asked for", path)
	}
	await(t, asked, "the next try")
	cancel()
	await(t, ended, "the handler's end")

	login.Identity.set("hvs.planted")
	_, _, err = login.Identity.Read(t.Context(), "", "mash-creds/roles/demo/grant", nil)
	if err == nil || !strings.Contains(err.Error(), "is it a load balancer or portal in front of Vault?") {
		t.Errorf("got %v", err)
	}
	if _, err := login.Identity.Write(t.Context(), "", "sys/leases/renew", map[string]any{"lease_id": "x"}); err == nil {
		t.Error("a renewal was answered")
	}
	if len(elsewhere) > 0 {
		t.Errorf("%s went elsewhere", <-elsewhere)
	}
}

func approle(t *testing.T) *proxyconfig.Method {
	t.Helper()
	config := map[string]any{"remove_secret_id_file_after_reading": false}
	for _, name := range []string{"role_id", "secret_id"} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("planted"), 0o600); err != nil {
			t.Fatal(err)
		}
		config[name+"_file_path"] = file
	}
	return &proxyconfig.Method{Type: "approle", MountPath: "auth/approle", MinBackoff: 10 * time.Millisecond, MaxBackoff: 20 * time.Millisecond, Config: config}
}

func clientOf(t *testing.T, address string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = address
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
