// SPDX-License-Identifier: MPL-2.0

package config

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/vault/command/proxy/config"
)

// FuzzAcceptsWhatVaultAccepts: a file that Vault's loader takes has warnings at
// most, one that it refuses has an error, and no text makes Load panic.
func FuzzAcceptsWhatVaultAccepts(f *testing.F) {
	for _, src := range seeds() {
		f.Add(src)
	}
	path := filepath.Join(f.TempDir(), "fuzz.hcl")
	f.Fuzz(func(t *testing.T, src string) {
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		agree(t, path, src)
	})
}

// TestAcceptsWhatVaultAcceptsMutated does without the fuzzer, which would
// compile all of Vault anew, what a fuzzer does: it cuts, doubles and mixes
// the seeds.
func TestAcceptsWhatVaultAcceptsMutated(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "mutated.hcl")
	for range 500 {
		src := mutate(random, seeds())
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		agree(t, path, src)
	}
}

func mutate(random *rand.Rand, all []string) string {
	pick := func() []byte { return []byte(all[random.IntN(len(all))]) }
	src := pick()
	for range 1 + random.IntN(4) {
		i, j := random.IntN(len(src)+1), random.IntN(len(src)+1)
		i, j = min(i, j), max(i, j)
		switch random.IntN(5) {
		case 0: // leave out
			src = slices.Delete(src, i, j)
		case 1: // repeat
			src = slices.Insert(src, j, src[i:j]...)
		case 2: // put in a piece of another
			other := pick()
			src = slices.Insert(src, i, other[random.IntN(len(other)+1):]...)
		case 3: // append another
			src = append(append(src, '\n'), pick()...)
		case 4: // change one character
			if i < len(src) {
				src[i] = "{}[]\"=:,\\#x1 \n"[random.IntN(14)]
			}
		}
	}
	return string(src)
}

// agree holds our reading of the file against that of Vault's loader.
func agree(t *testing.T, path, src string) {
	t.Helper()
	_, _, _ = Load([]string{path}, Options{})
	if lower := strings.ToLower(src); strings.Contains(lower, "mashery") || strings.Contains(lower, "compat") {
		return // ours to refuse
	}
	l := &loader{}
	l.readAll([]string{path})
	l.merge()
	l.findMashery()
	l.checkKeys()
	l.retriesSet()
	for _, file := range l.parsed() {
		if d := file.vaultProblem(); d != nil {
			l.diags = append(l.diags, d)
		}
	}
	vaultErr := loads(path)
	if refused := l.diags.HasErrors(); refused != (vaultErr != nil) {
		t.Fatalf("Vault's loader: %v; we: %v\n%s", vaultErr, (&Error{Problems: l.diags}).Error(), src)
	}
}

func loads(path string) (err error) {
	defer func() {
		if recover() != nil {
			err = errUnreadable
		}
	}()
	_, err = config.LoadConfigFile(path)
	return err
}

func seeds() []string {
	return []string{
		`vault { address = "http://127.0.0.1:1111" tls_skip_verify = "true" retry { num_retries = -1 } }`,
		"auto_auth {\n method \"aws\" { mount_path = \"auth/aws\" wrap_ttl = 300 config = { role = \"x\" } }\n sink \"file\" { config { path = \"/t\" } }\n}",
		`auto_auth { method { type = "azure" config = { resource = "https://[2001:0:0:1:0:0:0:1]", } } sink { type = "file" config = {} } }`,
		`cache { persist = { type = "kubernetes" path = "/p" } } listener { type = "tcp" address = "127.0.0.1:1" role = "metrics_only" }`,
		`cache { persist "kubernetes" { path = "/p" keep_after_import = true } }`,
		`api_proxy { use_auto_auth_token = "force" enforce_consistency = "always" } listener "unix" { address = "/s" tls_disable = true }`,
		`{"listener": [{"tcp": {"address": "127.0.0.1:1", "tls_disable": true}}], "vault": {"retry": {"num_retries": 1}}, "pid_file": null}`,
		`{"auto_auth": {"method": [{"type": "approle", "config": {"a": [1, 2]}}], "sink": {"file": {"path": "/t"}}}}`,
		`telemetry { prometheus_retention_time = "0s" prefix_filter = ["+a"] usage_gauge_period = "none" }`,
		`listener "tcp" { custom_response_headers { "default" = { "X" = ["a"] } } proxy_api { enable_quit = true } telemetry { } }`,
		"template { contents = <<EOT\n{{ with secret \"a\" }}x{{ end }}\nEOT\n}\nexec { command = [\"a\"] }",
		`"pid_file" = "x" log_rotate_bytes = 0x10 exit_after_auth = true disable_keep_alives = ["auto-auth", "caching", ""]`,
		`user_lockout "all" { lockout_threshold = "5" } seal "transit" { address = "x" } entropy "seal" { mode = "augmentation" }`,
		`mashery "mash-creds" { reveal = ["a", "b*"] max_wait = "3s" } compat = "warn"`,
		`mashery "a" { tls { ca_cert = "/n" pin_sha256 = ["a0:ab"] } proxy_address = "u:p@h:1" headroom = "auto" max_queue = 1 v2_arguments = { "a.b" = { c = ["d*"] } } }`,
		`listener "unix" { address = "/s" roles = ["a-*"] methods = [] v3_paths = ["s/+/e"] v2_arguments "a.b" { c = [] } vault_paths = ["sys/*"] } mashery "m" {}`,
		`{"mashery": {"a": {"v2_arguments": {"a.b": {"c": ["d"]}}, "roles": null}}, "listener": [{"unix": {"address": "/s", "vault_paths": [""]}}]}`,
		`{"mashery": {"a": {"qps": 1}, "b": [{"namespace": "x"}, {"tls": {"a": {}}}]}, "compat": "warn"}`,
		"pid_file = \"a\"\npid_file = \"b\"", `vault {} vault {}`, `api_proxy "x" "y" {}`, `pid_file = true`, `vault = 5`, `a = "\q"`, "a =", `{"a": [1`, "",
	}
}

// TestVaultsOwnFixturesLoad loads every fixture of Vault's tests, for its agent
// too, in which this program's and Vault's readings must agree.
func TestVaultsOwnFixturesLoad(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/vault").Output()
	if err != nil {
		t.Skipf("the module's folder is not known: %v", err)
	}
	dir := strings.TrimSpace(string(out))
	var paths []string
	for _, glob := range []string{"command/proxy/config/test-fixtures/*.hcl", "command/agent/config/test-fixtures/*.hcl", "command/agent/config/test-fixtures/*/*.hcl"} {
		found, err := filepath.Glob(filepath.Join(dir, glob))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 50 {
		t.Fatalf("found %d fixtures in %s", len(paths), dir)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, path, string(src))
			complete(t, path)
		})
	}
}

// complete tells that a file which is a whole configuration for Vault Proxy is
// one for us.
func complete(t *testing.T, path string) {
	t.Helper()
	theirs, err := config.LoadConfigFile(path)
	if err != nil || theirs.ValidateConfig() != nil {
		return
	}
	_, warnings, err := Load([]string{path}, Options{})
	if err != nil {
		t.Error(err)
	}
	for _, w := range warnings {
		if w.Severity != hcl.DiagWarning || w.Subject == nil {
			t.Errorf("a warning without its place: %v", w)
		}
	}
}
