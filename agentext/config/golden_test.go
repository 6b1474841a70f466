// SPDX-License-Identifier: MPL-2.0

package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mashproxy/agentext/config"
	"mashproxy/agentext/localrules"
)

// TestGolden loads what each file of testdata says. A file is made of parts,
// each under a line `-- name --`: configuration files by their names, then
// perhaps `env` and `flags`, one per line, then `want`, which is a summary of
// the configuration with its warnings, or the error. With -update, `want` is
// written anew.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := readGolden(t, string(text))
			got := c.run(t)
			if strings.Contains(got, "hunter2") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			if *update {
				before, _, _ := strings.Cut(string(text), "-- want --\n")
				if err := os.WriteFile(path, []byte(before+"-- want --\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

var update = flag.Bool("update", false, "write the wanted results of the golden files anew")

type golden struct {
	files      []part
	env, flags []string
	want       string
}

type part struct{ name, text string }

func readGolden(t *testing.T, text string) (g golden) {
	t.Helper()
	heads := regexp.MustCompile(`(?m)^-- (.+) --\n`).FindAllStringSubmatchIndex(text, -1)
	for i, head := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		name, body := text[head[2]:head[3]], text[head[1]:end]
		switch name {
		case "want":
			g.want = body
		case "env":
			g.env = strings.Fields(body)
		case "flags":
			g.flags = strings.Fields(body)
		default:
			g.files = append(g.files, part{name, body})
		}
	}
	return g
}

func (g golden) run(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range g.files {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var opts config.Options
	set := flag.NewFlagSet("", flag.ContinueOnError)
	opts.Flags.Register(set)
	if err := set.Parse(g.flags); err != nil {
		t.Fatal(err)
	}
	opts.LookupEnv = func(name string) (string, bool) {
		for _, entry := range g.env {
			if key, value, _ := strings.Cut(entry, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
	cfg, warnings, err := config.Load([]string{dir}, opts)
	var problems *config.Error
	if err != nil && !errors.As(err, &problems) {
		t.Fatalf("an error of type %T", err)
	}
	out := ""
	if err != nil {
		out = err.Error() + "\n"
	} else {
		out = summary(cfg)
	}
	for _, w := range warnings {
		out += "warning: " + w.Error() + "\n"
	}
	return strings.ReplaceAll(out, dir+string(filepath.Separator), "")
}

// summary shows the parts of a configuration that the cases are about.
func summary(c *config.Config) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	v := c.Vault
	say("vault %s namespace=%q", v.Vault.Address, c.Namespace())
	if v.Vault.CACert+v.Vault.CAPath+v.Vault.ClientCert+v.Vault.ClientKey+v.Vault.TLSServerName != "" || v.Vault.TLSSkipVerify {
		say("  ca=%s,%s client=%s,%s name=%s skip=%v", v.Vault.CACert, v.Vault.CAPath, v.Vault.ClientCert, v.Vault.ClientKey, v.Vault.TLSServerName, v.Vault.TLSSkipVerify)
	}
	if c.RetriesSet {
		say("  retries %d", v.Vault.Retry.NumRetries)
	}
	if a := v.AutoAuth; a != nil {
		say("auto_auth %s at %s config=%v", a.Method.Type, a.Method.MountPath, a.Method.Config)
		for _, s := range a.Sinks {
			say("  sink %s %v", s.Type, s.Config)
		}
	}
	if p := v.APIProxy; p != nil {
		say("api_proxy use=%v force=%v", p.UseAutoAuthToken, p.ForceAutoAuthToken)
	}
	if v.Cache != nil {
		say("cache persist=%v", v.Cache.Persist != nil)
	}
	for i, l := range v.Listeners {
		say("listener %s %s tls=%v role=%q", l.Type, l.Address, !l.TLSDisable, l.Role)
		sayRules(say, c.LocalRules.Listeners[i])
	}
	if v.LogLevel+v.LogFormat+v.LogFile+v.LogRotateDuration+v.PidFile != "" || v.LogRotateBytes+v.LogRotateMaxFiles > 0 || v.ExitAfterAuth {
		say("log level=%s format=%s file=%s rotate=%s,%d,%d pid=%s exit=%v", v.LogLevel, v.LogFormat, v.LogFile,
			v.LogRotateDuration, v.LogRotateBytes, v.LogRotateMaxFiles, v.PidFile, v.ExitAfterAuth)
	}
	for i, m := range c.Mashery {
		say("mashery %s", m.Path())
		say("  namespace=%q mount=%s v3=%s v2=%s", m.Namespace, m.Mount, m.V3Endpoint, m.V2Endpoint)
		say("  policy=%s enterprise=%q reveal=%v forward=%v qps=%v max_wait=%v", m.Policy, m.Enterprise, m.Reveal, m.ForwardRoles, m.QPS, m.MaxWait)
		say("  grants=%s stale=%v queue=%d headroom=%v,%v", m.GrantFrom, m.PolicyMaxStale, m.MaxQueue, m.Headroom, m.HeadroomAuto)
		if m.DialTimeout+m.TLSHandshakeTimeout+m.ResponseHeaderTimeout > 0 {
			say("  dial=%v handshake=%v header=%v", m.DialTimeout, m.TLSHandshakeTimeout, m.ResponseHeaderTimeout)
		}
		if m.Egress != nil {
			say("  egress=%s authorized=%v %+v", m.Egress.Address, !m.Egress.Authorization.IsZero(), m.Egress)
		}
		if m.TLS.ServerName != "" || m.TLS.RootCAs != nil || m.TLS.PinSHA256 != nil {
			say("  tls name=%s roots=%v pins=%v", m.TLS.ServerName, m.TLS.RootCAs != nil, m.TLS.PinSHA256)
		}
		sayRules(say, c.LocalRules.Mashery[i])
	}
	return b.String()
}

// sayRules shows what rules have against one thing of each kind.
func sayRules(say func(string, ...any), r *localrules.Rules) {
	for _, err := range []error{
		r.Role("nobody"), r.Method("DELETE", false), r.V3Path("x", "x"), r.V2("x.y", nil),
		r.V2("oauth2.createAccessToken", map[string]any{"service_key": "x"}), r.VaultPath("x", false),
	} {
		if err != nil {
			say("  %s", err)
		}
	}
}
