// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mashproxy/sandbox"
)

func TestThePidFileIsThereWhileItRuns(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	pid := filepath.Join(dir, "pid")
	w := open(t, setup{edits: []edit{atTop(`pid_file = "` + pid + `"`)}})
	if got := read(t, pid); got != strconv.Itoa(w.cmd.Process.Pid) {
		t.Errorf("the pid file holds %q, want %d", got, w.cmd.Process.Pid)
	}
	w.signal(t, os.Interrupt)
	if code := w.exit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if exists(pid) || exists(w.Socket()) {
		t.Error("pid file or socket are left behind")
	}
}

func TestWhatCannotBeHadIsAnErrorAndLeavesNothing(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	dir := shortDir(t)
	taken := strings.TrimPrefix(box.Vault().Address(), "http://")
	for want, text := range map[string]string{
		"no/such/x.sock":          `listener "unix" { address = "` + dir + `/no/such/x.sock" }`,
		"pid_file":                `pid_file = "` + dir + `/no/such/pid"`,
		"no/such/x.log":           `log_file = "` + dir + `/no/such/x.log"`,
		"nosuchgroup":             `listener "unix" { address = "` + dir + `/y.sock" socket_group = "nosuchgroup" }`,
		`socket_mode is "0999"`:   `listener "unix" { address = "` + dir + `/y.sock" socket_mode = "0999" }`,
		taken + ": bind: address": `listener "tcp" { address = "` + taken + `" tls_disable = true }`,
	} {
		last := edit{"\nmashery ", "\n" + text + "\nmashery "} // after the other listeners
		o := finish(t, nil, "proxy", "-config="+configured(t, box, last))
		if o.code != 1 || o.stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q", want, o.code, o.stdout)
		}
		contains(t, "the error", o.stderr, want)
		if left, _ := os.ReadDir(dir); len(left) > 0 || exists(box.Socket()) {
			t.Errorf("%s: left behind: %v, the other socket: %t", want, left, exists(box.Socket()))
		}
	}
}

func TestLogsGoWhereTheFileSays(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	file := filepath.Join(dir, "mashproxy.log")
	w := open(t, setup{edits: []edit{atTop("log_file = \"" + file + "\"\nlog_format = \"json\"\nlog_level = \"debug\"")}})
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	w.end(t)
	names, err := filepath.Glob(filepath.Join(dir, "mashproxy*.log"))
	if err != nil || len(names) != 1 {
		t.Fatalf("log files: %v (%v)", names, err)
	}
	served := false
	for lines := bufio.NewScanner(strings.NewReader(read(t, names[0]))); lines.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%q is not JSON: %v", lines.Text(), err)
		}
		served = served || line["@message"] == "served" && line["@level"] == "debug"
	}
	if !served {
		t.Error("the log file does not hold the debug line of a call that was served")
	}
}

func TestAFlagOfTheLogWinsOverEnvironmentAndFile(t *testing.T) {
	t.Parallel()
	debug := func(w *world) bool {
		w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		w.end(t)
		return strings.Contains(w.stderr.String(), "[DEBUG]")
	}
	quiet := atTop(`log_level = "error"`)
	if debug(open(t, setup{edits: []edit{quiet}})) {
		t.Error("log_level has no effect")
	}
	if !debug(open(t, setup{edits: []edit{quiet}, env: []string{"VAULT_LOG_LEVEL=debug"}})) {
		t.Error("VAULT_LOG_LEVEL does not win over log_level")
	}
	if debug(open(t, setup{env: []string{"VAULT_LOG_LEVEL=debug"}, args: []string{"-log-level=warn"}})) {
		t.Error("-log-level does not win over VAULT_LOG_LEVEL")
	}
}

func TestExitAfterAuthWritesTheSinkAndExitsWithCode0(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	sink := edit{"auto_auth {\n", fmt.Sprintf("auto_auth {\n  sink \"file\" { config = { path = %q mode = 0640 } }\n", filepath.Join(box.Dir(), "sink"))}
	for name, test := range map[string]struct {
		edits []edit
		args  []string
	}{
		"by the file": {[]edit{sink, atTop("exit_after_auth = true")}, nil},
		"by the flag": {[]edit{sink}, []string{"-exit-after-auth"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := finish(t, nil, append([]string{"proxy", "-config=" + configured(t, box, test.edits...)}, test.args...)...)
			if o.code != 0 {
				t.Fatalf("the exit code is %d: %s", o.code, o.stderr)
			}
			client := rootOf(t, box)
			client.SetToken(read(t, box.Dir(), "sink"))
			self, err := client.Auth().Token().LookupSelfWithContext(t.Context())
			if err != nil {
				t.Fatalf("what the sink holds is no token: %v", err)
			}
			if name := self.Data["display_name"]; name != "approle" {
				t.Errorf("the token's name is %v", name)
			}
			if mode := modeOf(t, filepath.Join(box.Dir(), "sink")); mode != 0o640 {
				t.Errorf("the sink's mode is %v", mode)
			}
			if err := os.Remove(filepath.Join(box.Dir(), "sink")); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPrecedenceIsFlagThenEnvironmentThenFile(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	const nowhere = "http://127.0.0.1:1"
	good := box.Vault().Address()
	for name, test := range map[string]struct {
		file string
		env  []string
		args []string
	}{
		"the environment wins over the file":         {nowhere, []string{"VAULT_ADDR=" + good}, nil},
		"a flag wins over the environment":           {nowhere, []string{"VAULT_ADDR=" + nowhere}, []string{"-address=" + good}},
		"VAULT_AGENT_ADDR is not used":               {good, []string{"VAULT_AGENT_ADDR=" + nowhere}, nil},
		"VAULT_PROXY_ADDR is not used":               {good, []string{"VAULT_PROXY_ADDR=" + nowhere}, nil},
		"VAULT_TOKEN is not used":                    {good, []string{"VAULT_TOKEN=hvs.not-a-token"}, nil},
		"VAULT_WRAP_TTL is not used":                 {good, []string{"VAULT_WRAP_TTL=60s"}, nil},
		"VAULT_MAX_RETRIES is a number of retries":   {good, []string{"VAULT_MAX_RETRIES=3"}, nil},
		"Vault's other variables are those of Vault": {good, []string{"VAULT_CLIENT_TIMEOUT=5s", "VAULT_SKIP_VERIFY=true", "VAULT_RATE_LIMIT=1000"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := configured(t, box, edit{good, test.file})
			serves(t, box, test.env, append([]string{"-config=" + path}, test.args...)...).end(t)
		})
	}
}

func TestASignalEndsItWithExitCode0(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		w := open(t, setup{})
		began := time.Now()
		w.signal(t, s)
		if code := w.exit(t); code != 0 {
			t.Errorf("%v: the exit code is %d", s, code)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%v: it took %s", s, took)
		}
		if log := w.stderr.String(); strings.Contains(log, "[ERROR]") || strings.Contains(log, "[WARN]") {
			t.Errorf("%v: it complains:\n%s", s, log)
		}
	}
}

// TestCallsUnderWayAreAnsweredBeforeItEnds lets calls wait for their slots, and one
// for ever, when the program is told to stop.
func TestCallsUnderWayAreAnsweredBeforeItEnds(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 2}})
	w.unix.get(t, v3+"services").expect(t, http.StatusOK, "") // there is a grant
	waiting, endless := make(chan []string, 1), make(chan answer, 1)
	w.befall(t, "delay,path=/v3/rest/applications,by=1m")
	go func() {
		got, _ := w.unix.try(http.MethodGet, v3+"applications", nil)
		endless <- got
	}()
	eventually(t, "one is at Mashery", func() bool { return strings.HasSuffix(w.last(t).RequestURI, "applications") })
	go func() { waiting <- w.tcp.parallel(5, 5, http.MethodGet, v3+"services?limit=1", "") }()
	eventually(t, "others wait", func() bool {
		roles, _ := standings(t, w.tcp)
		return roles["demo"].Queue >= 4
	})
	w.signal(t, syscall.SIGTERM)
	if wrong := <-waiting; len(wrong) > 0 {
		t.Errorf("%d calls failed: %s", len(wrong), wrong[0])
	}
	got := <-endless
	got.expect(t, http.StatusServiceUnavailable, "draining")
	if got.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	if code := w.exit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}

func TestACallThatComesBeforeTheLoginWaitsForIt(t *testing.T) {
	t.Parallel()
	w := &world{Sandbox: startSandbox(t, sandbox.Options{})}
	w.config = configured(t, w.Sandbox)
	w.start(t, setup{}) // does not wait for the login
	if wrong := w.tcp.parallel(20, 20, "GET", v3+"services?limit=1", ""); len(wrong) > 0 {
		t.Errorf("%d calls failed: %s", len(wrong), wrong[0])
	}
}

func TestItStartsBeforeVaultAndLogsInWhenVaultIsThere(t *testing.T) {
	t.Parallel()
	w := &world{Sandbox: startSandbox(t, sandbox.Options{})}
	if err := w.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.config = configured(t, w.Sandbox)
	w.start(t, setup{})
	early := w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusServiceUnavailable, "not_ready")
	if early.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	w.tcp.get(t, "/v1/auth/token/lookup-self").expect(t, http.StatusServiceUnavailable, "")
	if err := w.Vault().Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a local call is served", func() bool {
		answer, err := w.unix.try(http.MethodGet, v3+"services?limit=1", nil)
		return err == nil && answer.status == http.StatusOK
	})
}

func TestASocketThatIsInUseIsAnErrorAndItsOwnerStays(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	o := finish(t, nil, "proxy", "-config="+w.config)
	if o.code != 1 {
		t.Errorf("the exit code is %d, want 1", o.code)
	}
	contains(t, "the error", o.stderr, w.Socket(), "in use")
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
}
