// SPDX-License-Identifier: MPL-2.0

package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mashproxy/agentext/config"
)

// TestExamplesLoad loads every file that users may copy, each on its own.
func TestExamplesLoad(t *testing.T) {
	paths, err := filepath.Glob("../../examples/hcl/*.*")
	if err != nil || len(paths) < 6 {
		t.Fatalf("found %v, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			cfg, warnings, err := config.Load([]string{path}, config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) > 0 {
				t.Errorf("warnings: %v", warnings)
			}
			if plain := strings.HasPrefix(filepath.Base(path), "plain"); plain != (len(cfg.Mashery) == 0) {
				t.Errorf("%d mashery blocks", len(cfg.Mashery))
			}
		})
	}
}

func TestJSONAndHCLOfTheSameMeanTheSame(t *testing.T) {
	var texts []string
	for _, name := range []string{"minimal.hcl", "minimal.json"} {
		cfg, _, err := config.Load([]string{"../../examples/hcl/" + name}, config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, summary(cfg))
	}
	if texts[0] != texts[1] {
		t.Errorf("HCL:\n%s\nJSON:\n%s", texts[0], texts[1])
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "a.hcl")
	for name, tc := range map[string]struct {
		paths []string
		want  string
	}{
		"no path":        {nil, "Error: No configuration\n  Name a file or a folder with -config=PATH."},
		"no such file":   {[]string{secret}, "Error: Configuration not readable\n  " + secret + ": no such file or directory."},
		"no such folder": {[]string{dir + "/x/"}, "Error: Configuration not readable\n  " + dir + "/x/: no such file or directory."},
		"two of them":    {[]string{secret, dir + "/y"}, "a.hcl: no such file or directory.\n\nError: Configuration not readable\n  " + dir + "/y: no such"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, _, err := config.Load(tc.paths, config.Options{})
			var problems *config.Error
			if cfg != nil || !errors.As(err, &problems) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestConfigFromAPipe loads what a shell's <(…) gives: something that can be
// read once only.
func TestConfigFromAPipe(t *testing.T) {
	src, err := os.ReadFile("../../examples/hcl/minimal.hcl")
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.Write(src); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no /dev/fd here: %v", err)
	}
	cfg, _, err := config.Load([]string{path}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Mashery) != 1 || len(cfg.Vault.Listeners) != 2 {
		t.Errorf("got %s", summary(cfg))
	}
}

func TestSeveralPathsAreMergedInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	z := write("z.hcl", `vault { address = "https://z:8200" } listener "unix" { address = "/z" }`)
	a := write("a.hcl", `vault { address = "https://a:8200" retry { num_retries = 3 } }`)
	for want, paths := range map[string][]string{"https://a:8200": {z, a}, "https://z:8200": {a, z}} {
		cfg, _, err := config.Load(paths, config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Vault.Vault.Address; got != want {
			t.Errorf("%v: got %s, want %s", paths, got, want)
		}
		if want := want == "https://a:8200"; cfg.RetriesSet != want {
			t.Errorf("%v: RetriesSet is %v: the vault block that counts is the last one", paths, cfg.RetriesSet)
		}
	}
}

func TestRevealAndForwardMatchByGlob(t *testing.T) {
	m := &config.Mashery{Reveal: []string{"demo", "team-*", config.TokenCreation}, ForwardRoles: []string{"*.legacy", "a*b*c"}}
	for role, want := range map[string][2]bool{
		"demo": {true, false}, "demo2": {false, false}, "team-": {true, false}, "team-a": {true, false}, "my-team-a": {false, false},
		"x.legacy": {false, true}, "legacy": {false, false}, "abc": {false, true}, "a1b2c": {false, true}, "acb": {false, false}, "abcb": {false, false},
		"auth": {false, false},
	} {
		if got := [2]bool{m.Reveals(role), m.Forwards(role)}; got != want {
			t.Errorf("%s: got %v, want %v", role, got, want)
		}
	}
	if !(&config.Config{Mashery: []*config.Mashery{{}, m}}).RevealsTokenCreation() {
		t.Error("token creation is not revealed, though one block says so")
	}
	if (&config.Config{Mashery: []*config.Mashery{{Reveal: []string{"*"}}}}).RevealsTokenCreation() {
		t.Error("token creation is revealed by a glob of roles")
	}
}

// TestKeysSetTwiceWhereVaultWasToldToAllowThem: the variable is Vault's, for
// the time until it refuses such files for good.
func TestKeysSetTwiceWhereVaultWasToldToAllowThem(t *testing.T) {
	t.Setenv("VAULT_ALLOW_PENDING_REMOVAL_DUPLICATE_HCL_ATTRIBUTES", "true")
	path := filepath.Join(t.TempDir(), "proxy.hcl")
	src := "pid_file = \"/a\"\npid_file = \"/b\"\nlistener \"unix\" { address = \"/s\" }\n"
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, warnings, err := config.Load([]string{path}, config.Options{})
	if err != nil || cfg.Vault.PidFile != "/b" {
		t.Fatalf("got %v, %v", cfg, err)
	}
	if len(warnings) != 1 || warnings[0].Summary != "Key set twice" || warnings[0].Subject.Start.Line != 2 {
		t.Errorf("warnings: %v", warnings)
	}
}
