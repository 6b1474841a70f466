// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mashproxy/sandbox"
)

// serves starts the program on configuration files and makes one local call
// over the sandbox's socket.
func serves(t *testing.T, box *sandbox.Sandbox, env []string, args ...string) *process {
	t.Helper()
	p := run(t, env, append([]string{"proxy"}, args...)...)
	door := openDoor(t, "unix", box.Socket())
	eventually(t, "a local call is served", func() bool {
		if !p.isRunning() {
			t.Fatalf("it ended: %s", &p.stderr)
		}
		answer, err := door.try(http.MethodGet, v3+"services?limit=1", nil)
		return err == nil && answer.status == http.StatusOK
	})
	return p
}

func TestTheConfigurationMayComeInPieces(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	whole := read(t, configured(t, box))
	connection, rest, _ := strings.Cut(whole, "\nlistener")
	rest = "listener" + rest
	for name, files := range map[string][]string{
		"one file":              {"one.hcl", whole},
		"two files":             {"a.hcl", connection, "b.hcl", rest},
		"a folder":              {"folder/10-connection.hcl", connection, "folder/20-listeners.hcl", rest, "folder/README.md", "not a configuration"},
		"a folder and one file": {"other/connection.hcl", connection, "listeners.hcl", rest},
		"native JSON":           {"one.json", asJSON(box)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			var args []string
			for i := 0; i < len(files); i += 2 {
				folder := filepath.Join(dir, filepath.Dir(files[i]))
				if err := os.MkdirAll(folder, 0o700); err != nil {
					t.Fatal(err)
				}
				path := write(t, folder, filepath.Base(files[i]), files[i+1])
				if folder != dir {
					path = folder
				}
				if arg := "-config=" + path; len(args) == 0 || args[len(args)-1] != arg {
					args = append(args, arg)
				}
			}
			serves(t, box, nil, args...).end(t)
		})
	}
}

// asJSON is the sandbox's configuration in HCL's JSON form.
func asJSON(box *sandbox.Sandbox) string {
	text, _ := json.Marshal(map[string]any{
		"vault": map[string]any{"address": box.Vault().Address()},
		"auto_auth": map[string]any{"method": []any{map[string]any{"type": "approle", "config": map[string]any{
			"role_id_file_path":                   filepath.Join(box.Dir(), "role-id"),
			"secret_id_file_path":                 filepath.Join(box.Dir(), "secret-id"),
			"remove_secret_id_file_after_reading": false,
		}}}},
		"api_proxy": map[string]any{"use_auto_auth_token": "force"},
		"listener":  []any{map[string]any{"unix": map[string]any{"address": box.Socket()}}},
		"mashery":   map[string]any{"mash-creds": map[string]any{"v3_endpoint": box.MasheryURL() + "/v3/rest", "v2_endpoint": box.MasheryURL() + "/v2/json-rpc"}},
	})
	return string(text)
}

func TestAWrongConfigurationIsToldAtOnceAndStartsNothing(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	dir := shortDir(t)
	pid := filepath.Join(dir, "pid")
	path := configured(t, box,
		atTop(`pid_file = "`+pid+`"`),
		inMashery(`max_wiat = "1s"`),
		inMashery(`grant_from = "tokens"`),
		edit{"socket_mode = ", "socket_mod = "},
		edit{`"force"`, "true"},
	)
	o := finish(t, nil, "proxy", "-config="+path)
	if o.code != 2 {
		t.Errorf("the exit code is %d, want 2", o.code)
	}
	if o.stdout != "" {
		t.Errorf("it says %s", o.stdout)
	}
	contains(t, "the error", o.stderr, `"max_wait"`, `"socket_mode"`, `Did you mean "token"?`, `use_auto_auth_token must be "force"`)
	lines := strings.Split(read(t, path), "\n")
	for _, key := range []string{"max_wiat", "grant_from", "socket_mod", "use_auto_auth_token"} {
		place := regexp.MustCompile(regexp.QuoteMeta(path) + `:(\d+):\d+\n +(\d+) \| (.*` + key + `.*)`).FindStringSubmatch(o.stderr)
		if place == nil {
			t.Errorf("%s is not shown with its place:\n%s", key, o.stderr)
			continue
		}
		for i, line := range lines {
			if line == place[3] && place[1] != place[2] {
				t.Errorf("%s is in line %d, not %s", key, i+1, place[1])
			}
		}
	}
	if exists(pid) || exists(box.Socket()) {
		t.Error("something was started")
	}
}

func TestWhatCannotBeConfigurationExitsWithCode2(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	dir := shortDir(t)
	for name, test := range map[string]struct {
		edits []edit
		want  []string
	}{
		"a tcp listener that others can reach": {[]edit{{box.ProxyAddress(), "0.0.0.0:0"}}, []string{`"0.0.0.0:0" is open to others`}},
		"a CA's file that is not there":        {[]edit{inMashery(`tls { ca_cert = "x" }`)}, []string{"ca_cert cannot be used", "no such file"}},
		"a pin that is none":                   {[]edit{inMashery(`tls { pin_sha256 = ["x"] }`)}, []string{`pin_sha256: "x" is no pin`}},
		"a queue for nobody":                   {[]edit{inMashery(`max_queue = 0`)}, []string{"max_queue cannot be 0"}},
		"an egress proxy behind TLS":           {[]edit{inMashery(`proxy_address = "https://127.0.0.1:1"`)}, []string{"proxy_address cannot be used"}},
		"a role that can match nothing":        {[]edit{inMashery(`roles = ["*-billing"]`)}, []string{`roles: "*-billing" matches nothing`}},
		"a rule for metrics":                   {[]edit{{"tls_disable = true\n}\n\nmashery", "tls_disable = true\n}\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n  role = \"metrics_only\"\n  methods = []\n}\n\nmashery"}}, []string{"methods has no effect here"}},
		"an endpoint without TLS elsewhere":    {[]edit{{`v3_endpoint = "http://127.0.0.1`, `v3_endpoint = "http://api.example.com`}}, []string{"v3_endpoint", "https"}},
		"a mount twice":                        {[]edit{atTop(`mashery "mash-creds/" {}`)}, []string{"two blocks"}},
		"a block of another program":           {[]edit{atTop("template {\n  source = \"x\"\n}")}, []string{`"template"`}},
		"no auto_auth":                         {[]edit{{"auto_auth {", "auto_auht {"}}, []string{`"auto_auth"`}},
		"half a file":                          {[]edit{{"\nmashery", "\nlistener \"tcp\" {\nmashery"}}, []string{"test.hcl"}},
		"a wrong type":                         {[]edit{{"tls_disable = true", `tls_disable = "perhaps"`}}, []string{"tls_disable", "true or false"}},
		"a local rule":                         {[]edit{inMashery("rule \"x\" {\n}")}, []string{"rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := finish(t, nil, "proxy", "-config="+configured(t, box, test.edits...))
			if o.code != 2 || o.stdout != "" || exists(box.Socket()) {
				t.Errorf("exit code %d, stdout %q, socket there: %t", o.code, o.stdout, exists(box.Socket()))
			}
			contains(t, "the error", o.stderr, append(test.want, "test.hcl:")...)
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		missing := filepath.Join(dir, "missing.hcl")
		o := finish(t, nil, "proxy", "-config="+missing)
		if o.code != 2 {
			t.Errorf("the exit code is %d, want 2", o.code)
		}
		contains(t, "the error", o.stderr, missing)
	})
}

func TestProxyNeedsAConfiguration(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"proxy"}, {"proxy", "-log-level=info"}, {"proxy", "-confg=x"}} {
		o := finish(t, nil, args...)
		if o.code != 1 || o.stdout != "" {
			t.Errorf("%v: exit code %d, stdout %q", args, o.code, o.stdout)
		}
		contains(t, "the error", o.stderr, "-conf")
	}
}

func TestACompatFileWarnsOfWhatItWouldRefuse(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{atTop(`compat = "warn"`), inMashery("max_wiat = 1")}})
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if n := strings.Count(w.stderr.String(), "max_wiat"); n != 1 {
		t.Errorf("max_wiat is warned of %d times, want once:\n%s", n, &w.stderr)
	}
}
