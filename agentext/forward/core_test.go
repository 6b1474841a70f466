// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/server"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// realVault is a Vault core in memory behind Vault's own HTTP handler. Leased
// secrets are at leased/, an engine of the test's at raw/.
type realVault struct {
	t      testing.TB
	server *httptest.Server
	root   *api.Client
	key    string

	mu   sync.Mutex
	seen []*http.Request // every request, in order
}

func startVault(t testing.TB) *realVault {
	t.Helper()
	storage, err := inmem.NewInmem(nil, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		StorageType:     "inmem",
		Logger:          hclog.NewNullLogger(),
		BuiltinRegistry: engines{"raw": newRawEngine, "leased": vault.LeasedPassthroughBackendFactory},
		RawConfig:       &server.Config{SharedConfig: &configutil.SharedConfig{}},
		DisableMlock:    true,
	})
	if err != nil {
		t.Fatal(err)
	}
	v := &realVault{t: t}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}})
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		v.seen = append(v.seen, r.Clone(context.Background()))
		v.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		v.server.Close()
		if err := core.ShutdownWait(); err != nil {
			t.Error(err)
		}
	})
	v.root = newClient(t, v.server.URL)
	keys, err := v.root.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	v.key = keys.KeysB64[0]
	v.unseal()
	v.root.SetToken(keys.RootToken)
	for _, engine := range []string{"raw", "leased"} {
		if err := v.root.Sys().Mount(engine, &api.MountInput{Type: engine}); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func newClient(t testing.TB, address string) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	client.SetMaxRetries(0)
	return client
}

func (v *realVault) unseal() {
	v.t.Helper()
	if _, err := v.root.Sys().Unseal(v.key); err != nil {
		v.t.Fatal(err)
	}
}

func (v *realVault) write(path string, data map[string]any) *api.Secret {
	v.t.Helper()
	secret, err := v.root.Logical().Write(path, data)
	if err != nil {
		v.t.Fatal(err)
	}
	return secret
}

// token makes a service token that may do what the tests do.
func (v *realVault) token() string {
	v.t.Helper()
	const rules = `path "*" { capabilities = ["create", "read", "update", "delete", "list"] }`
	if err := v.root.Sys().PutPolicy("all", rules); err != nil {
		v.t.Fatal(err)
	}
	return v.write("auth/token/create", map[string]any{"policies": []string{"all"}, "no_parent": true}).Auth.ClientToken
}

// requests are those to path since the last call.
func (v *realVault) requests(path string) []*http.Request {
	v.mu.Lock()
	defer v.mu.Unlock()
	var found []*http.Request
	for _, r := range v.seen {
		if r.URL.Path == path {
			found = append(found, r)
		}
	}
	v.seen = nil
	return found
}

// engines are the secrets engines of a test's Vault, by name.
type engines map[string]logical.Factory

func (e engines) Contains(name string, kind consts.PluginType) bool {
	return kind == consts.PluginTypeSecrets && e[name] != nil
}

func (e engines) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	return func() (any, error) { return e[name], nil }, e.Contains(name, kind)
}

func (e engines) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }

func (e engines) Keys(consts.PluginType) []string { return nil }

func (e engines) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, e.Contains(name, kind)
}

// newRawEngine makes an engine whose list is a JSON array, as that of the
// Mashery engine's own proxy mode, and which redirects where it is told to.
func newRawEngine(ctx context.Context, c *logical.BackendConfig) (logical.Backend, error) {
	raw := func(status int, body string) (*logical.Response, error) {
		return &logical.Response{Data: map[string]any{
			logical.HTTPStatusCode: status, logical.HTTPContentType: "application/json", logical.HTTPRawBody: []byte(body),
		}}, nil
	}
	b := &framework.Backend{BackendType: logical.TypeLogical, Paths: []*framework.Path{{
		Pattern: "list",
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{Callback: func(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
				return raw(200, `[{"id":"one"},{"id":"two"}]`)
			}},
		},
	}, {
		Pattern: "refusal",
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{Callback: func(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
				return raw(403, `{"errors":["the other side says: invalid token"]}`)
			}},
		},
	}}}
	return b, b.Setup(ctx, c)
}

// identity is an Identity whose tokens a test sets.
type identity struct {
	mu              sync.Mutex
	token, previous string
	changed         chan struct{}
	invalid         chan string
}

func newIdentity(token string) *identity {
	return &identity{token: token, changed: make(chan struct{}), invalid: make(chan string, 16)}
}

func (i *identity) set(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.previous, i.token = i.token, token
	close(i.changed)
	i.changed = make(chan struct{})
}

func (i *identity) Await(ctx context.Context, old string) string {
	for {
		i.mu.Lock()
		token, changed := i.token, i.changed
		i.mu.Unlock()
		if token != "" && token != old {
			return token
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ""
		}
	}
}

func (i *identity) Token() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.token
}

func (i *identity) Previous() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.previous
}

func (i *identity) Invalid(token string) { i.invalid <- token }

// logs is a log at trace level that a test can read.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: l})
}

// reply is an answer as a test looks at it.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends one request straight to a handler.
func ask(t testing.TB, handler http.Handler, method, target, body string, header http.Header) reply {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{w.Code, w.Header(), string(text)}
}
