// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
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

// judgeVault is a real Vault core behind its real HTTP handler, with an engine
// at mash-creds/ that answers whatever Vault lets through to it.
type judgeVault struct {
	t      testing.TB
	server *httptest.Server
	root   string
	names  atomic.Int64 // policies written so far, so that every name is new
}

const demoMount = "mash-creds"

// grantRules let the token read every grant, so that nothing is undecidable.
const grantRules = `
path "mash-creds/roles/demo/grant"    { capabilities = ["read"] }
path "mash-creds/roles/billing/grant" { capabilities = ["read"] }
`

func newJudgeVault(t testing.TB) *judgeVault {
	t.Helper()
	storage, err := inmem.NewInmem(nil, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		StorageType:     "inmem",
		Logger:          hclog.NewNullLogger(),
		BuiltinRegistry: builtins{"echo": echoFactory},
		RawConfig:       &server.Config{SharedConfig: &configutil.SharedConfig{}},
		DisableMlock:    true,
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}})
	v := &judgeVault{t: t, server: httptest.NewServer(handler)}
	t.Cleanup(func() {
		v.server.Close()
		if err := core.ShutdownWait(); err != nil {
			t.Error(err)
		}
	})
	client := v.client("")
	keys, err := client.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Sys().Unseal(keys.KeysB64[0]); err != nil {
		t.Fatal(err)
	}
	v.root = keys.RootToken
	if err := v.client(v.root).Sys().Mount(demoMount, &api.MountInput{Type: "echo"}); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *judgeVault) client(token string) *api.Client {
	v.t.Helper()
	client, err := api.NewClient(&api.Config{Address: v.server.URL, HttpClient: v.server.Client()})
	if err != nil {
		v.t.Fatal(err)
	}
	client.SetToken(token)
	return client
}

// token makes a token with these policies and Vault's default one.
func (v *judgeVault) token(request api.TokenCreateRequest, policies ...string) string {
	v.t.Helper()
	for _, policy := range policies {
		name := fmt.Sprintf("case-%d", v.names.Add(1))
		if err := v.client(v.root).Sys().PutPolicy(name, policy); err != nil {
			v.t.Fatalf("%v in\n%s", err, policy)
		}
		request.Policies = append(request.Policies, name)
	}
	secret, err := v.client(v.root).Auth().Token().Create(&request)
	if err != nil {
		v.t.Fatal(err)
	}
	return secret.Auth.ClientToken
}

// rules reads the token's rules as the product does.
func (v *judgeVault) rules(token string, mounts ...Mount) *Rules {
	v.t.Helper()
	if len(mounts) == 0 {
		mounts = []Mount{{Path: demoMount}}
	}
	reader := &reader{vault: v.identity(token), mounts: mounts}
	rules, err := reader.read(context.Background(), token)
	if err != nil {
		v.t.Fatal(err)
	}
	return rules
}

func (v *judgeVault) identity(token string) Vault {
	client := v.client(token)
	return &identity{token: token, read: func(ctx context.Context, path string, query url.Values) (*api.Secret, error) {
		return client.Logical().ReadWithDataWithContext(ctx, path, query)
	}}
}

// identity is a Vault for the reader whose token can be changed.
type identity struct {
	token string
	read  func(ctx context.Context, path string, query url.Values) (*api.Secret, error)
}

func (i *identity) Token() string { return i.token }

func (i *identity) Read(ctx context.Context, _, path string, query url.Values) (*api.Secret, http.Header, error) {
	secret, err := i.read(ctx, path, query)
	return secret, nil, err
}

// echoFactory is a secrets engine that allows everything below roles/.
func echoFactory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	answer := func(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
		return &logical.Response{Data: map[string]any{"reached": true}}, nil
	}
	operation := &framework.PathOperation{Callback: answer}
	backend := &framework.Backend{BackendType: logical.TypeLogical, Help: "answers everything", Paths: []*framework.Path{{
		Pattern: "roles/.*",
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   operation,
			logical.ListOperation:   operation,
			logical.UpdateOperation: operation,
			logical.DeleteOperation: operation,
		},
	}}}
	return backend, backend.Setup(ctx, config)
}

// builtins is the core's catalogue: secrets engines by name.
type builtins map[string]logical.Factory

func (b builtins) Contains(name string, t consts.PluginType) bool {
	_, ok := b[name]
	return ok && t == consts.PluginTypeSecrets
}

func (b builtins) Get(name string, t consts.PluginType) (func() (any, error), bool) {
	return func() (any, error) { return b[name], nil }, b.Contains(name, t)
}

func (b builtins) Keys(t consts.PluginType) []string {
	if t != consts.PluginTypeSecrets {
		return nil
	}
	return slices.Sorted(maps.Keys(b))
}

func (b builtins) DeprecationStatus(name string, t consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, b.Contains(name, t)
}

func (b builtins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }

// answerOf parses what resultant-acl would answer, as the API client does.
func answerOf(t testing.TB, text string) map[string]any {
	t.Helper()
	secret, err := api.ParseSecret(strings.NewReader(`{"data":` + text + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

// jsonOf is for composing such answers.
func jsonOf(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
