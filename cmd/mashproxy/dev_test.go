// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// anywhere are the flags that let dev listen at free ports.
var anywhere = []string{"-listen=127.0.0.1:0", "-vault-listen=127.0.0.1:0", "-mashery-listen=127.0.0.1:0"}

// develop runs `mashproxy dev` until it has told everything.
func develop(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := run(t, env, append(append([]string{"dev"}, anywhere...), args...)...)
	eventually(t, "dev is ready", func() bool {
		if !p.isRunning() {
			t.Fatalf("it ended: %s", &p.stderr)
		}
		return strings.Count(p.stdout.String(), "curl ") >= 6 && strings.HasSuffix(p.stdout.String(), "\n\n")
	})
	return p
}

// told finds what the banner says by a pattern with one group.
func (p *process) told(t *testing.T, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.stdout.String())
	if found == nil {
		t.Fatalf("the banner does not tell %s:\n%s", pattern, &p.stdout)
	}
	return found[1]
}

func (p *process) dir(t *testing.T) string { return p.told(t, `(?m)^ +files +(\S+)`) }

// endsSoon ends dev by Ctrl-C.
func (p *process) endsSoon(t *testing.T) {
	t.Helper()
	began := time.Now()
	p.signal(t, os.Interrupt)
	if code := p.exit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestDevIsReadyWithinThreeSecondsAndTellsEverything(t *testing.T) {
	p := develop(t, nil)
	if took := time.Since(p.started); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	tcp := p.told(t, `mashproxy +http://(\S+)`)
	socket := p.told(t, `unix:(\S+)`)
	for _, address := range []string{tcp, p.told(t, `Vault +http://(\S+)`), p.told(t, `Mashery +http://(\S+)`)} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("nobody listens at %s: %v", address, err)
			continue
		}
		conn.Close()
	}
	root := p.told(t, `root token: (\S+)\)`)
	if n := strings.Count(p.stdout.String(), root); n != 1 {
		t.Errorf("the root token is told %d times, want once", n)
	}
	if token := read(t, p.dir(t), "root-token"); token != root {
		t.Error("the root token is not the one in the file")
	}
	for _, path := range []string{v3 + "services?limit=5", v2, rolePath} {
		contains(t, "the banner", p.stdout.String(), "'http://"+tcp+path+"'\n", "--unix-socket '"+socket+"' ", "'http://localhost"+path+"'\n")
	}
	if said := p.stderr.String(); said != "" {
		t.Errorf("without -log-level it logs %s", said)
	}
}

func TestDevEndsWithExitCode0SoonAfterASignalAndRemovesItsFolder(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			p := develop(t, nil)
			dir := p.dir(t)
			began := time.Now()
			p.signal(t, s)
			if code := p.exit(t); code != 0 {
				t.Errorf("the exit code is %d", code)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
			if exists(dir) {
				t.Errorf("%s is still there", dir)
			}
			if said := p.stderr.String(); said != "" {
				t.Errorf("it complains of its end: %s", said)
			}
		})
	}
}

func TestDevEndsSoonThoughACallIsUnderWay(t *testing.T) {
	p := develop(t, nil, "-qps=1")
	door := openDoor(t, "tcp", p.told(t, `mashproxy +http://(\S+)`))
	left := make(chan error, 3)
	for range cap(left) { // two of them wait for their second
		go func() { _, err := door.try(http.MethodGet, v3+"services", nil); left <- err }()
	}
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	p.endsSoon(t)
	<-left
	<-left
}

func TestDevEndsSoonThoughRequestsHaveOnlyBegun(t *testing.T) {
	p := develop(t, nil)
	for _, server := range []string{"mashproxy", "Vault", "Mashery"} {
		conn, err := net.Dial("tcp", p.told(t, server+` +http://(\S+)`))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHo"); err != nil {
			t.Fatal(err)
		}
	}
	p.endsSoon(t)
}

func TestDevEndsWithExitCode0WhenItIsEndedWhileItStarts(t *testing.T) {
	dir := shortDir(t)
	p := run(t, []string{"TMPDIR=" + dir}, append([]string{"dev"}, anywhere...)...)
	eventually(t, "its folder is made", func() bool {
		made, _ := os.ReadDir(dir)
		return len(made) > 0
	})
	p.signal(t, os.Interrupt)
	if code := p.exit(t); code != 0 || p.stderr.String() != "" {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDevWritesTheFilesAUserWouldWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), "made")
	p := develop(t, nil, "-dir="+dir)
	for _, name := range []string{"mashproxy.hcl", "role-id", "secret-id", "policy.hcl", "root-token", "unseal-key", "mashproxy.sock"} {
		if mode := modeOf(t, filepath.Join(dir, name)); mode != 0o600 {
			t.Errorf("%s has mode %v, want 0600", name, mode)
		}
	}
	config := read(t, dir, "mashproxy.hcl")
	contains(t, "mashproxy.hcl", config,
		`mashery "mash-creds" {`, "v2_endpoint", "v3_endpoint", filepath.Join(dir, "secret-id"),
		"remove_secret_id_file_after_reading = false", `use_auto_auth_token = "force"`)
	if n := strings.Count(config, "\nmashery "); n != 1 {
		t.Errorf("%d mashery blocks, want one", n)
	}
	p.signal(t, os.Interrupt)
	if code := p.exit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if !exists(filepath.Join(dir, "secret-id")) {
		t.Error("a folder that was given is not kept")
	}
	if exists(filepath.Join(dir, "mashproxy.sock")) {
		t.Error("the socket is left behind")
	}
}

func TestDevTakesAFolderOfAnyName(t *testing.T) {
	t.Parallel()
	base := shortDir(t)
	for _, name := range []string{"with space", `quo"te`, "a'b", "dollar${x}", "back\\slash", "ünï"} {
		o := finish(t, nil, append([]string{"dev", "-smoke", "-qps=100", "-dir=" + filepath.Join(base, name)}, anywhere...)...)
		if o.code != 0 {
			t.Errorf("%s: exit code %d: %s", name, o.code, o.stderr)
		}
	}
}

func TestDevTakesAFolderWithOtherFilesAndItsOwnOfTheLastTime(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	write(t, dir, "notes.txt", "mine")
	for range 2 {
		p := develop(t, nil, "-dir="+dir)
		door := openDoor(t, "unix", filepath.Join(dir, "mashproxy.sock"))
		door.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		p.signal(t, syscall.SIGKILL) // leaves the socket
		p.exit(t)
	}
	if text := read(t, dir, "notes.txt"); text != "mine" {
		t.Errorf("another file holds %q now", text)
	}
}

func TestASecretIDCanBeUsedAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	p := develop(t, nil)
	dir := p.dir(t)
	config := read(t, dir, "mashproxy.hcl")
	config = strings.Replace(config, "mashproxy.sock", "second.sock", 1)
	config = strings.Replace(config, `"`+p.told(t, `mashproxy +http://(\S+)`)+`"`, `"127.0.0.1:0"`, 1)
	second := write(t, dir, "second.hcl", config)
	for range 2 {
		proxy := run(t, nil, "proxy", "-config="+second)
		eventually(t, "the second socket is there", func() bool { return exists(filepath.Join(dir, "second.sock")) })
		door := openDoor(t, "unix", filepath.Join(dir, "second.sock"))
		eventually(t, "the second proxy serves", func() bool {
			answer, err := door.try(http.MethodGet, v3+"services?limit=1", nil)
			return err == nil && answer.status == http.StatusOK
		})
		proxy.signal(t, os.Interrupt)
		if code := proxy.exit(t); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	}
	if !exists(filepath.Join(dir, "secret-id")) {
		t.Error("the secret id was removed")
	}
}

func TestDevNamesTheFlagOfATakenPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for i, flag := range []string{"-listen", "-vault-listen", "-mashery-listen"} {
		t.Run(flag, func(t *testing.T) {
			dir := shortDir(t)
			args := slices.Clone(anywhere)
			args[i] = flag + "=" + taken.Addr().String()
			o := finish(t, []string{"TMPDIR=" + dir}, append([]string{"dev"}, args...)...)
			if o.code != 1 {
				t.Errorf("the exit code is %d, want 1", o.code)
			}
			contains(t, "the error", o.stderr, args[i])
			if o.stdout != "" {
				t.Errorf("it says %s", o.stdout)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestDevSmokeMakesThePrintedCallsItself(t *testing.T) {
	t.Parallel()
	o := finish(t, nil, append([]string{"dev", "-smoke", "-qps=50"}, anywhere...)...)
	if o.code != 0 {
		t.Errorf("the exit code is %d: %s", o.code, o.stderr)
	}
	if n := strings.Count(o.stdout, "\n< 200 OK"); n != 6 {
		t.Errorf("%d answers of 200, want 6:\n%s", n, o.stdout)
	}
	contains(t, "the output", o.stdout, "> GET "+v3+"services?limit=5", "> POST "+v2, "object.query", "X-Total-Count: 264", "v3_capable")
	if o.stderr != "" {
		t.Errorf("it complains: %s", o.stderr)
	}
}

func TestDevSmokeFailsWhenAnAnswerIsWrong(t *testing.T) {
	t.Parallel()
	o := finish(t, nil, append([]string{"dev", "-smoke", "-qps=50", "-fault=error,status=504,api=v3,count=1"}, anywhere...)...)
	if o.code != 1 {
		t.Errorf("the exit code is %d, want 1", o.code)
	}
	contains(t, "the output", o.stdout, "< 504")
	contains(t, "the error", o.stderr, "GET "+v3+"services?limit=5", "504 instead of 200")
}

func TestDevQPSIsThatOfTheRole(t *testing.T) {
	t.Parallel()
	p := develop(t, nil, "-qps=37")
	door := openDoor(t, "tcp", p.told(t, `mashproxy +http://(\S+)`))
	contains(t, "the role", door.get(t, rolePath).expect(t, http.StatusOK, "").body, `"qps":37`)
	limits := door.get(t, v3+"services?limit=1").header
	if qps := limits.Get("X-Packagekey-Qps-Allotted"); qps != "37" {
		t.Errorf("the emulated Mashery allows %q calls a second, want 37: %v", qps, limits)
	}
}

func TestDevIsNotDisturbedByAUsersVaultEnvironment(t *testing.T) {
	t.Parallel()
	p := develop(t, []string{
		"VAULT_ADDR=https://vault.example.com:8200", "VAULT_TOKEN=hvs.users", "VAULT_NAMESPACE=team",
		"VAULT_CACERT=/nowhere", "VAULT_SKIP_VERIFY=maybe", "VAULT_MAX_RETRIES=x", "VAULT_PROXY_ADDR=http://127.0.0.1:1",
		"VAULT_AGENT_ADDR=http://127.0.0.1:1", "VAULT_LOG_LEVEL=nonsense", "HTTP_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1",
	})
	door := openDoor(t, "tcp", p.told(t, `mashproxy +http://(\S+)`))
	door.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	door.get(t, rolePath).expect(t, http.StatusOK, "")
}

func TestDevRefusesFlagsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ arg, want string }{
		"an unknown flag":              {"-lisen=127.0.0.1:1", "-lisen"},
		"a level that is none":         {"-log-level=loud", "-log-level=loud"},
		"a rate below zero":            {"-qps=-1", "-qps=-1"},
		"a rate of zero":               {"-qps=0", "-qps=0: it must be a positive number"},
		"a quota of zero":              {"-quota=0", "-quota=0: it must be a positive number"},
		"a rate that is no number":     {"-qps=ten", "-qps"},
		"an address that is not local": {"-vault-listen=0.0.0.0:0", "-vault-listen=0.0.0.0:0"},
		"an argument that is no flag":  {"hello", `"hello"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := finish(t, nil, append(append([]string{"dev"}, anywhere...), test.arg)...)
			if o.code != 1 || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
			contains(t, "the error", o.stderr, test.want)
		})
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	for command, flags := range map[string]string{
		"dev":   "-listen -vault-listen -mashery-listen -dir -qps -log-level -smoke",
		"proxy": "-config -address -ca-cert -namespace -log-level -log-format -log-file -exit-after-auth",
	} {
		for _, help := range []string{"-help", "--help", "-h"} {
			o := finish(t, nil, command, help)
			if o.code != 0 || o.stderr != "" {
				t.Errorf("%s %s: exit code %d, stderr %q", command, help, o.code, o.stderr)
			}
			contains(t, command+" "+help, o.stdout, append(strings.Fields(flags), "Usage: mashproxy "+command)...)
		}
	}
	o := finish(t, nil, "-help")
	if o.code != 0 {
		t.Errorf("exit code %d", o.code)
	}
	contains(t, "-help", o.stdout, "dev", "proxy", "version")
}

func TestVersionNamesThisProgramAndTheVaultInIt(t *testing.T) {
	t.Parallel()
	o := finish(t, nil, "version")
	if o.code != 0 || !regexp.MustCompile(`^mashproxy \S+ \(Vault v1\.\d+\.\d+, go`).MatchString(o.stdout) {
		t.Errorf("exit code %d: %s", o.code, o.stdout)
	}
}
