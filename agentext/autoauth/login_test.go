// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/sink"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/sandbox"
)

// patience is the longest a test waits for what must come.
const patience = 20 * time.Second

// application logs in to a real Vault by AppRole.
type application struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	root    *api.Client
	config  Config
	file    string // the file sink's

	login   *Login
	sinks   chan string // every token that was written to the sinks
	changed chan string
	lost    chan string
	stop    func() // ends both actors
}

func newApplication(t *testing.T) *application {
	t.Helper()
	box, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &application{t: t, sandbox: box, file: filepath.Join(t.TempDir(), "token")}
	if a.root, err = box.Vault().Client(); err != nil {
		t.Fatal(err)
	}
	client, err := box.Vault().Client()
	if err != nil {
		t.Fatal(err)
	}
	client.ClearToken()
	a.config = Config{
		AutoAuth: &proxyconfig.AutoAuth{
			Method: &proxyconfig.Method{Type: "approle", MountPath: "auth/approle", MinBackoff: 50 * time.Millisecond, Config: map[string]any{
				"role_id_file_path":                   filepath.Join(box.Dir(), "role-id"),
				"secret_id_file_path":                 filepath.Join(box.Dir(), "secret-id"),
				"remove_secret_id_file_after_reading": false,
			}},
			Sinks: []*proxyconfig.Sink{{Type: "file", Config: map[string]any{"path": a.file}}},
		},
		VaultAddress: box.Vault().Address(), Client: client, Logger: hclog.NewNullLogger(),
	}
	return a
}

// run logs in, and goes on until the test ends or calls stop.
func (a *application) run() {
	a.t.Helper()
	var err error
	if a.login, err = New(a.config); err != nil {
		a.t.Fatal(err)
	}
	a.sinks, a.changed, a.lost = make(chan string, 10), make(chan string, 10), make(chan string, 10)
	a.login.AddSink(&sink.SinkConfig{Sink: written(a.sinks), Logger: hclog.NewNullLogger()})
	a.login.Identity.Listen(Listener{
		Changed: func() { a.changed <- a.login.Identity.Token() },
		Lost:    func() { a.lost <- a.login.Identity.Previous() },
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- a.login.RunHandler(ctx) }()
	go func() { ended <- a.login.RunSinks(ctx) }()
	stopped := false
	a.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range 2 {
			if err := await(a.t, ended, "the actors' end"); err != nil {
				a.t.Error(err)
			}
		}
	}
	a.t.Cleanup(func() { a.stop() })
}

// written is a sink after the file's: what it gets the file has got.
type written chan string

func (w written) WriteToken(token string) error { w <- token; return nil }

// await takes what must come.
func await[T any](t *testing.T, from <-chan T, what string) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return value
}

func (a *application) wantFile(token string) {
	a.t.Helper()
	text, err := os.ReadFile(a.file)
	if err != nil || string(text) != token {
		a.t.Errorf("the file does not hold the token that was given (%d bytes, %v)", len(text), err)
	}
}

func TestAnApplicationLogsInAgainWhenItsTokenIsRevoked(t *testing.T) {
	a := newApplication(t)
	log := new(diary)
	a.config.Logger = hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Trace})
	a.run()
	first := await(t, a.changed, "the first token")
	if await(t, a.sinks, "the first token for the sinks") != first {
		t.Error("the sinks got another token")
	}
	a.wantFile(first)
	identity := a.login.Identity
	secret, _, err := identity.Read(t.Context(), "", "auth/token/lookup-self", nil)
	if err != nil || secret.Data["display_name"] != "approle" {
		t.Fatalf("%v, %v", secret, err)
	}

	if err := a.root.Auth().Token().RevokeTree(first); err != nil {
		t.Fatal(err)
	}
	if _, _, err := identity.Read(t.Context(), "", "mash-creds/roles/demo", nil); !IsInvalidToken(err) {
		t.Fatalf("a revoked token is refused with %v", err)
	}
	if await(t, a.lost, "the loss of the first token") != first {
		t.Error("another token was lost")
	}
	second := await(t, a.changed, "the second token")
	if second == first || identity.Previous() != first {
		t.Error("the second token is the first")
	}
	if await(t, a.sinks, "the second token for the sinks") != second {
		t.Error("the sinks got another token")
	}
	a.wantFile(second)
	identity.Invalid(first) // late
	if _, _, err := identity.Read(t.Context(), "", "mash-creds/roles/demo", nil); err != nil {
		t.Error(err)
	}
	a.stop()
	if len(a.changed)+len(a.lost)+len(a.sinks) != 0 || identity.Token() != second {
		t.Errorf("%d more changes, %d more losses, %d more tokens for the sinks", len(a.changed), len(a.lost), len(a.sinks))
	}
	secretID, err := os.ReadFile(filepath.Join(a.sandbox.Dir(), "secret-id"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{first, second, strings.TrimSpace(string(secretID))} {
		if !strings.Contains(log.String(), "authenticat") || strings.Contains(log.String(), secret) {
			t.Error("the log holds a secret, or nothing")
		}
	}
}

func TestATokenIsLostAtItsEndAlthoughVaultIsSealed(t *testing.T) {
	a := newApplication(t)
	_, err := a.root.Logical().Write("auth/approle/role/demo", map[string]any{"token_ttl": "2s", "token_max_ttl": "2s"})
	if err != nil {
		t.Fatal(err)
	}
	a.run()
	token := await(t, a.changed, "the token")
	if _, _, err := a.login.Identity.Read(t.Context(), "", lookupSelf, nil); err != nil {
		t.Fatal(err) // so that its end is known
	}
	if err := a.sandbox.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if await(t, a.lost, "the loss of the token") != token || a.login.Identity.Token() != "" {
		t.Error("another token was lost")
	}
	if err := a.sandbox.Vault().Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if await(t, a.changed, "a new token") == token {
		t.Error("the new token is the old one")
	}
}

func TestATokenThatIsRenewedIsNotLost(t *testing.T) {
	a := newApplication(t)
	_, err := a.root.Logical().Write("auth/approle/role/demo", map[string]any{"token_ttl": "2s", "token_max_ttl": "1h"})
	if err != nil {
		t.Fatal(err)
	}
	a.run()
	token := await(t, a.changed, "the token")
	select {
	case <-a.lost:
		t.Error("the token was lost")
	case <-time.After(3 * time.Second):
	}
	if _, _, err := a.login.Identity.Read(t.Context(), "", "mash-creds/roles/demo", nil); err != nil || a.login.Identity.Token() != token {
		t.Errorf("after its first time: %v", err)
	}
}

func TestATokenOfAnEarlierProcessIsUsed(t *testing.T) {
	a := newApplication(t)
	secret, err := a.root.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"demo"}, TTL: "1h"})
	if err != nil {
		t.Fatal(err)
	}
	a.config.PreviousToken = secret.Auth.ClientToken
	a.run()
	if await(t, a.changed, "the token") != secret.Auth.ClientToken {
		t.Error("it logged in anew")
	}
}

func TestTheSinksEndAfterTheFirstTokenIfTheFileSaysSo(t *testing.T) {
	a := newApplication(t)
	a.config.ExitAfterAuth = true
	a.run()
	token := await(t, a.changed, "the token")
	await(t, a.sinks, "the token for the sinks")
	a.wantFile(token)
	a.stop() // both have ended without an error, the sinks by themselves
}

func TestAWrappedTokenIsForTheSinksAlone(t *testing.T) {
	a := newApplication(t)
	a.config.AutoAuth.Method.WrapTTL = time.Minute
	a.run()
	var wrap struct {
		Token string
		TTL   int
	}
	text := await(t, a.sinks, "the wrapped token")
	if err := json.Unmarshal([]byte(text), &wrap); err != nil || wrap.Token == "" || wrap.TTL != 60 {
		t.Errorf("ttl %d, %v", wrap.TTL, err)
	}
	a.stop()
	if a.login.Identity.Token() != "" || len(a.changed) != 0 {
		t.Error("the identity has a token")
	}
}

func TestWhatCannotLogInIsAnError(t *testing.T) {
	a := newApplication(t)
	tests := map[string]struct {
		change func(*proxyconfig.AutoAuth)
		want   string
	}{
		"a method nobody knows":       {func(c *proxyconfig.AutoAuth) { c.Method.Type = "telepathy" }, `auto_auth method "telepathy"`},
		"a method that lacks its key": {func(c *proxyconfig.AutoAuth) { c.Method.Config = map[string]any{} }, "role_id_file_path"},
		"a sink nobody knows":         {func(c *proxyconfig.AutoAuth) { c.Sinks = []*proxyconfig.Sink{{Type: "kitchen"}} }, `sink type "kitchen" is not known; use "file"`},
		"a sink in no folder": {func(c *proxyconfig.AutoAuth) {
			c.Sinks = []*proxyconfig.Sink{{Type: "file", Config: map[string]any{"path": "/nowhere/at/all"}}}
		}, "file sink"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			method := *a.config.AutoAuth.Method
			config := a.config
			config.AutoAuth = &proxyconfig.AutoAuth{Method: &method}
			test.change(config.AutoAuth)
			if _, err := New(config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestALoginThatFailsIsAnErrorIfTheFileSaysSo(t *testing.T) {
	a := newApplication(t)
	a.config.AutoAuth.Method.ExitOnError = true
	a.config.AutoAuth.Method.MountPath = "auth/nowhere"
	login, err := New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := login.RunHandler(t.Context()); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("error %v", err)
	}
}
