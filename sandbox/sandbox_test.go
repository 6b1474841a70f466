// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

// start starts a sandbox that ends with the test.
func start(t *testing.T, options sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
	})
	return s
}

func read(t *testing.T, s *sandbox.Sandbox, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir(), name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// rootClient is a client with the root token.
func rootClient(t *testing.T, s *sandbox.Sandbox) *api.Client {
	t.Helper()
	client, err := s.Vault().Client()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// logIn is a client with a token that the files of the application gave it.
func logIn(t *testing.T, s *sandbox.Sandbox) *api.Client {
	t.Helper()
	client := rootClient(t, s)
	client.ClearToken()
	answer, err := client.Logical().WriteWithContext(t.Context(), "auth/approle/login", map[string]any{
		"role_id":   read(t, s, "role-id"),
		"secret_id": read(t, s, "secret-id"),
	})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(answer.Auth.ClientToken)
	return client
}

func TestAnApplicationCanLogInAndReadWhatThePolicyAllows(t *testing.T) {
	for _, mount := range []string{"mash-creds", "team/a/mash"} {
		t.Run("the engine is at "+mount, func(t *testing.T) {
			s := start(t, sandbox.Options{Mount: mount, QPS: 7})
			client := logIn(t, s)
			logIn(t, s) // a secret id serves any number of times

			role, err := client.Logical().ReadWithContext(t.Context(), mount+"/roles/demo")
			if err != nil {
				t.Fatal(err)
			}
			if role.Data["v2_capable"] != true || role.Data["v3_capable"] != true {
				t.Errorf("the role is %v, want one that can V2 and V3", role.Data)
			}
			for _, version := range []string{"2", "3"} {
				grant, err := client.Logical().ReadWithDataWithContext(t.Context(), mount+"/roles/demo/grant",
					map[string][]string{"api": {version}, "lease": {"true"}})
				if err != nil {
					t.Fatal(err)
				}
				if grant.LeaseID == "" || grant.LeaseDuration == 0 {
					t.Errorf("the grant for V%s has no lease", version)
				}
				if qps := fmt.Sprint(grant.Data["qps"]); qps != "7" {
					t.Errorf("the grant for V%s allows %s calls a second, want 7", version, qps)
				}
			}
			roles, err := client.Logical().ListWithContext(t.Context(), mount+"/roles")
			if err != nil || roles == nil {
				t.Fatalf("listing roles: %v, %v", roles, err)
			}
		})
	}
}

func TestThePolicyAllowsNothingElse(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := logIn(t, s)
	for path, want := range map[string][]string{
		"mash-creds/roles/demo/proxy/v3/services": {"delete", "list", "read", "update"},
		"mash-creds/roles/other/proxy/v2":         {"delete", "list", "read", "update"},
		"mash-creds/roles/demo/grant":             {"read"},
		"mash-creds/roles/demo/token":             {"delete", "read"},
		"mash-creds/roles/demo":                   {"read"},
		"mash-creds/roles/":                       {"list"},
		"mash-creds/config":                       {"deny"},
		"mash-creds/roles/demo/export":            {"deny"},
		"sys/policies/acl/demo":                   {"deny"},
	} {
		got, err := client.Sys().CapabilitiesSelfWithContext(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func TestTheEngineItselfReachesTheEmulatedMashery(t *testing.T) {
	s := start(t, sandbox.Options{})
	response, err := rootClient(t, s).Logical().ReadRawWithDataWithContext(t.Context(),
		"mash-creds/roles/demo/proxy/v3/services", map[string][]string{"limit": {"5"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var services []map[string]any
	if err := response.DecodeJSON(&services); err != nil || len(services) != 5 {
		t.Errorf("%d services, want 5 (%v)", len(services), err)
	}
	if total := response.Header.Get("X-Total-Count"); len(total) < 3 {
		t.Errorf("X-Total-Count is %q, want 250 or more", total)
	}
	if calls := s.Mashery().Counts().Calls["GET services"]; calls != 1 {
		t.Errorf("the emulated Mashery saw %d lists of services, want 1", calls)
	}
}

func TestASealedVaultAnswers503UntilItIsUnsealed(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := logIn(t, s)
	if err := s.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := client.Logical().ReadWithContext(t.Context(), "mash-creds/roles/demo")
	var refused *api.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != 503 {
		t.Fatalf("a sealed Vault answers %v, want 503", err)
	}
	if err := s.Vault().Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Logical().ReadWithContext(t.Context(), "mash-creds/roles/demo"); err != nil {
		t.Errorf("after unsealing: %v", err)
	}
	if err := s.Vault().Seal(t.Context()); err != nil { // the sandbox ends with a sealed Vault
		t.Fatal(err)
	}
}

func TestVaultHasTheFileAuditDevice(t *testing.T) {
	s := start(t, sandbox.Options{})
	file := filepath.Join(t.TempDir(), "audit.log")
	err := rootClient(t, s).Sys().EnableAuditWithOptionsWithContext(t.Context(), "file",
		&api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": file}})
	if err != nil {
		t.Fatal(err)
	}
	logIn(t, s)
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "auth/approle/login") {
		t.Errorf("the log-in was not audited (%v)", err)
	}
}

func TestTheEnvironmentOfAnotherVaultDoesNotMatter(t *testing.T) {
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	t.Setenv("VAULT_TOKEN", "not-a-token")
	t.Setenv("VAULT_NAMESPACE", "elsewhere")
	t.Setenv("VAULT_HEADERS", `{"X-Other":"1"}`)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	logIn(t, start(t, sandbox.Options{}))
}

func TestTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `new folder "ü"`)
	s := start(t, sandbox.Options{Dir: dir})

	t.Run("are readable by their owner only", func(t *testing.T) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
			if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s has mode %v (%v), want 0600", entry.Name(), info.Mode(), err)
			}
		}
		want := []string{"mashery-role.json", "mashproxy.hcl", "policy.hcl", "role-id", "root-token", "secret-id", "unseal-key"}
		if !slices.Equal(names, want) {
			t.Errorf("the folder holds %q, want %q", names, want)
		}
	})

	t.Run("hold the policy, the root token and the unseal key", func(t *testing.T) {
		policy, err := rootClient(t, s).Sys().GetPolicyWithContext(t.Context(), "demo")
		if err != nil || strings.TrimSpace(policy) != read(t, s, "policy.hcl") {
			t.Errorf("policy.hcl is not the policy demo (%v)", err)
		}
		if read(t, s, "root-token") != s.Vault().RootToken().Reveal() {
			t.Error("root-token is not the root token")
		}
		if read(t, s, "unseal-key") != s.Vault().UnsealKey().Reveal() {
			t.Error("unseal-key is not the unseal key")
		}
	})

	t.Run("hold the credentials of a further role", func(t *testing.T) {
		var role map[string]any
		if err := json.Unmarshal([]byte(read(t, s, "mashery-role.json")), &role); err != nil {
			t.Fatal(err)
		}
		client := rootClient(t, s).Logical()
		if _, err := client.WriteWithContext(t.Context(), "mash-creds/roles/second", role); err != nil {
			t.Fatal(err)
		}
		if grant, err := client.ReadWithContext(t.Context(), "mash-creds/roles/second/grant"); err != nil || grant.Data["access_token"] == nil {
			t.Errorf("a role of them has no grant: %v, %v", grant, err)
		}
	})

	t.Run("hold a configuration that Vault's own loader accepts", func(t *testing.T) {
		config, err := proxyconfig.LoadConfigFile(s.ConfigFile())
		if err != nil {
			t.Fatal(err)
		}
		if err := config.ValidateConfig(); err != nil {
			t.Fatal(err)
		}
		if config.Vault.Address != s.Vault().Address() {
			t.Errorf("vault is %s, want %s", config.Vault.Address, s.Vault().Address())
		}
		if !config.APIProxy.ForceAutoAuthToken {
			t.Error("use_auto_auth_token is not force")
		}
		method := config.AutoAuth.Method
		if method.Type != "approle" ||
			method.Config["role_id_file_path"] != filepath.Join(dir, "role-id") ||
			method.Config["secret_id_file_path"] != filepath.Join(dir, "secret-id") ||
			method.Config["remove_secret_id_file_after_reading"] != false {
			t.Errorf("auto_auth is %+v", method)
		}
		unix, tcp := config.Listeners[0], config.Listeners[1]
		if unix.Type != "unix" || unix.Address != s.Socket() || unix.SocketMode != "0600" {
			t.Errorf("the unix listener is %+v", unix)
		}
		if tcp.Type != "tcp" || tcp.Address != s.ProxyAddress() || !tcp.TLSDisable {
			t.Errorf("the tcp listener is %+v", tcp)
		}
	})
}

func TestAPortIsChosenAndFreeForTheProxy(t *testing.T) {
	s := start(t, sandbox.Options{ProxyListen: "127.0.0.1:0"})
	listener, err := net.Listen("tcp", s.ProxyAddress())
	if err != nil {
		t.Fatalf("the proxy's port is not free: %v", err)
	}
	listener.Close()
}

func TestAGivenFolderIsKeptAndATemporaryOneRemoved(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(other, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start replaces the files of the first
		s, err := sandbox.Start(t.Context(), sandbox.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if token := read(t, s, "root-token"); token != s.Vault().RootToken().Reveal() {
			t.Error("root-token was not replaced")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{other, filepath.Join(dir, "mashproxy.hcl")} {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("not kept: %v", err)
		}
	}

	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", s.Dir(), err)
	}
}

func TestWhatCannotStartSaysWhichFlagToChange(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		options sandbox.Options
		want    string
		cause   error
	}{
		"the proxy's port is taken":       {sandbox.Options{ProxyListen: address}, "-listen=" + address + ": another program", syscall.EADDRINUSE},
		"Vault's port is taken":           {sandbox.Options{VaultListen: address}, "-vault-listen=" + address + ": another program", syscall.EADDRINUSE},
		"Mashery's port is taken":         {sandbox.Options{MasheryListen: address}, "-mashery-listen=" + address + ": another program", syscall.EADDRINUSE},
		"the admin path's port is taken":  {sandbox.Options{MasheryAdminListen: address}, "-mashery-admin-listen=" + address + ": another program", syscall.EADDRINUSE},
		"a fault is none":                 {sandbox.Options{Faults: []emulator.Fault{{Kind: "nonsense"}}}, `-fault=nonsense: there is no fault "nonsense"`, nil},
		"an address is not on loopback":   {sandbox.Options{VaultListen: "0.0.0.0:0"}, "-vault-listen=0.0.0.0:0: the sandbox listens on loopback addresses only", nil},
		"an address has no host":          {sandbox.Options{ProxyListen: ":8300"}, "-listen=:8300: the sandbox listens on loopback addresses only", nil},
		"an address has no port":          {sandbox.Options{MasheryListen: "127.0.0.1"}, "-mashery-listen=127.0.0.1 is not an address", nil},
		"the folder's path is too long":   {sandbox.Options{Dir: filepath.Join(t.TempDir(), strings.Repeat("d", 120))}, "a unix socket's path can have", nil},
		"the folder is a file":            {sandbox.Options{Dir: file}, "-dir=" + file, syscall.ENOTDIR},
		"the number of calls is negative": {sandbox.Options{QPS: -1}, "-qps=-1", nil},
		"the quota is negative":           {sandbox.Options{Quota: -1}, "-quota=-1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sandbox.Start(t.Context(), test.options)
			if err == nil {
				t.Fatal(errors.Join(errors.New("it started"), s.Close()))
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %q, want %q in it", err, test.want)
			}
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("the error is %v, want %v", err, test.cause)
			}
			if dir := test.options.Dir; dir != "" && dir != file {
				if _, err := os.Stat(dir); !os.IsNotExist(err) {
					t.Errorf("%s was made (%v)", dir, err)
				}
			}
		})
	}
}

func TestAFolderThatAnotherProxyUsesIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	other, err := net.Listen("unix", filepath.Join(dir, "mashproxy.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = sandbox.Start(t.Context(), sandbox.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "-dir="+dir) || !strings.Contains(err.Error(), "another proxy listens on "+other.Addr().String()) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mashproxy.hcl")); !os.IsNotExist(err) {
		t.Errorf("files were written (%v)", err)
	}
}

func TestAStartThatIsCancelledLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := sandbox.Start(ctx, sandbox.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v (%v)", left, err)
	}
}
