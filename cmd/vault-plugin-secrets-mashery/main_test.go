// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
	"google.golang.org/grpc/metadata"

	"mashproxy/secretsengine"
)

// The binary is built and started as Vault does it. Between the two everything
// travels as JSON and types get lost; that nothing else does is shown here.
func TestTheBuiltPluginServesSeveralMounts(t *testing.T) {
	binary := build(t)
	process := start(t, binary)
	t.Run("run by hand it tells its version, or what it is", func(t *testing.T) {
		if out, err := exec.Command(binary, "-version").Output(); err != nil || string(out) != secretsengine.Version+"\n" {
			t.Errorf("got %q, %v", out, err)
		}
		if out, err := exec.Command(binary).CombinedOutput(); err == nil || !strings.Contains(string(out), "This binary is a plugin") {
			t.Errorf("got %q, %v", out, err)
		}
	})
	mashery := newMashery(t)
	first, second := process.mount(t, "first", mashery), process.mount(t, "second", mashery)

	t.Run("each mount has roles of its own", func(t *testing.T) {
		if resp, err := second.ask(logical.ReadOperation, "roles/demo", nil); resp != nil || err != nil {
			t.Errorf("the other mount's role is seen: %v %v", resp, err)
		}
	})
	t.Run("a grant has its lease and times", func(t *testing.T) {
		resp := first.must(t, logical.ReadOperation, "roles/demo/grant", map[string]any{"lease": true})
		if resp.Data["access_token"] != "the-token" || resp.Secret == nil {
			t.Fatalf("got %v", resp)
		}
		if got := resp.Secret.MaxTTL.String(); got != "54m0s" {
			t.Errorf("maximum %s", got)
		}
		renewed, err := first.HandleRequest(first.ctx, &logical.Request{Operation: logical.RenewOperation, Path: "roles/demo/grant", Secret: resp.Secret})
		if err != nil || renewed.Secret.TTL.String() != "15m0s" {
			t.Errorf("renewed to %v, %v", renewed, err)
		}
	})
	t.Run("an answer of Mashery comes through as Vault reads it", func(t *testing.T) {
		query := map[string]any{"filter": []string{"name:a,b", "id:c"}}
		resp := first.must(t, logical.ListOperation, "roles/demo/proxy/v3/services/", query)
		if status, body := resp.Data[logical.HTTPStatusCode], resp.Data[logical.HTTPRawBody]; status != 596.0 || body != "dHJ1ZQ==" {
			t.Errorf("status %v, body %v", status, body) // base64, which Vault decodes
		}
		if got := http.Header(resp.Headers).Get("X-Total-Count"); got != "1" {
			t.Errorf("X-Total-Count %q", got)
		}
		mashery.last(t, "GET /v3/rest/services?filter=name%3Aa%2Cb&filter=id%3Ac ")
	})
	t.Run("a body keeps its numbers", func(t *testing.T) {
		first.must(t, logical.UpdateOperation, "roles/demo/proxy/v3-method/put/services/1", map[string]any{"id": 1234567890123456, "name": "a"})
		mashery.last(t, `PUT /v3/rest/services/1 {"id":1234567890123456,"name":"a"}`)
	})
	t.Run("a missing role stays a 404 with words", func(t *testing.T) {
		resp, err := first.ask(logical.ReadOperation, "roles/nosuch/grant", nil)
		if err != logical.ErrUnsupportedPath || !strings.Contains(resp.Error().Error(), `role "nosuch" does not exist`) {
			t.Errorf("got %v, %v", resp, err)
		}
	})
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "vault-plugin-secrets-mashery")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// process is the running plugin, as Vault's plugin catalogue holds it.
type process struct{ goplugin.ClientProtocol }

func start(t *testing.T, binary string) process {
	t.Helper()
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig,
		VersionedPlugins: plugin.PluginSet,
		Cmd:              exec.Command(binary),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	return process{protocol}
}

// mount is one mount of the plugin; ctx tells the plugin which.
type mount struct {
	logical.Backend
	ctx context.Context
}

func (p process) mount(t *testing.T, id string, m *mashery) *mount {
	t.Helper()
	raw, err := p.Dispense(plugin.BackendPluginName)
	if err != nil {
		t.Fatal(err)
	}
	out := &mount{raw.(logical.Backend), metadata.AppendToOutgoingContext(t.Context(), pluginutil.MultiplexingCtxKey, id)}
	err = out.Setup(out.ctx, &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: logical.TestSystemView(), StorageView: &logical.InmemStorage{},
	})
	if err != nil {
		t.Fatal(err)
	}
	out.must(t, logical.UpdateOperation, "config", map[string]any{
		"v3_endpoint": m.URL + "/v3/rest", "v3_token_endpoint": m.URL + "/v3/token",
	})
	if id == "first" {
		out.must(t, logical.CreateOperation, "roles/demo", map[string]any{
			"area_id": "area", "api_key": "key", "secret": "secret", "username": "user", "password": "password", "qps": 1000,
		})
	}
	return out
}

func (m *mount) ask(op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	return m.HandleRequest(m.ctx, &logical.Request{Operation: op, Path: path, Data: data})
}

func (m *mount) must(t *testing.T, op logical.Operation, path string, data map[string]any) *logical.Response {
	t.Helper()
	resp, err := m.ask(op, path, data)
	if err != nil || resp.IsError() {
		t.Fatalf("%s %s: %v %v", op, path, resp, err)
	}
	return resp
}

// mashery answers every call with an odd status and a body that looks like
// base64, which both Vault and the plugin must leave alone.
type mashery struct {
	*httptest.Server
	mu   sync.Mutex
	call string
}

func newMashery(t *testing.T) *mashery {
	m := new(mashery)
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mashery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v3/token" {
		io.WriteString(w, `{"access_token":"the-token","expires_in":3600}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	m.call = r.Method + " " + r.RequestURI + " " + string(body)
	m.mu.Unlock()
	w.Header().Set("X-Total-Count", "1")
	w.WriteHeader(596)
	io.WriteString(w, "true")
}

func (m *mashery) last(t *testing.T, want string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.call != want {
		t.Errorf("Mashery was asked\n %s\nwant\n %s", m.call, want)
	}
}
