// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mashproxy/sandbox"
)

// question is one to mashproxy can, and what it says.
type question struct {
	args []string
	code int
	says []string
}

// inquirer is a sandbox without a proxy, in which questions are asked.
type inquirer struct {
	*world
	audit audit
}

func inquire(t *testing.T, policy string, edits ...edit) *inquirer {
	t.Helper()
	w := &world{Sandbox: startSandbox(t, sandbox.Options{})}
	w.root = rootOf(t, w.Sandbox)
	w.allow(t, policy)
	w.config = configured(t, w.Sandbox, edits...)
	return &inquirer{w, w.audited(t)}
}

func (i *inquirer) can(t *testing.T, args ...string) outcome {
	t.Helper()
	return finish(t, nil, append([]string{"can", "-config=" + i.config}, args...)...)
}

// ask asks all questions, each of which must leave nothing behind.
func (i *inquirer) ask(t *testing.T, questions map[string]question) {
	t.Helper()
	before := i.tokens(t)
	for name, q := range questions {
		t.Run(name, func(t *testing.T) {
			o := i.can(t, q.args...)
			if o.code != q.code {
				t.Errorf("exit code %d, want %d:\n%s%s", o.code, q.code, o.stdout, o.stderr)
			}
			said := o.stdout
			if q.code == 2 {
				said = o.stderr
			} else if o.stderr != "" {
				t.Errorf("it complains: %s", o.stderr)
			}
			contains(t, "what it says", said, q.says...)
		})
	}
	if after := i.tokens(t); after != before {
		t.Errorf("there were %d tokens before and %d after", before, after)
	}
	if n := i.audit.count(t, "mash-creds/roles/demo/grant") + i.audit.count(t, "mash-creds/roles/demo/token"); n != 0 {
		t.Errorf("a credential was read %d times", n)
	}
	if calls := i.Mashery().Requests(); len(calls) != 0 {
		t.Errorf("Mashery saw %v", calls)
	}
}

// tokens counts the tokens that Vault knows.
func (i *inquirer) tokens(t *testing.T) int {
	t.Helper()
	list, err := i.root.Logical().ListWithContext(t.Context(), "auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := list.Data["keys"].([]any)
	return len(keys)
}

func TestCanSaysWhatWouldBecomeOfACall(t *testing.T) {
	t.Parallel()
	i := inquire(t, grants+`
path "mash-creds/roles/+/proxy/v3/*"             { capabilities = ["read", "list"] }
path "mash-creds/roles/demo/proxy/v3/secret"     { capabilities = ["deny"] }
path "mash-creds/roles/demo/proxy/v3/members"    { capabilities = ["update"]  allowed_parameters = { "email" = ["*@example.com"] } }
path "mash-creds/roles/demo/proxy/v2"            { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v2/bad.method" { capabilities = ["deny"] }
`)
	member := write(t, i.Dir(), "member.json", `{"email":"a@example.com"}`)
	const stands = "stands in: the token's Vault policies default, demo"
	i.ask(t, map[string]question{
		"a read that a rule allows": {[]string{"GET", v3 + "services?limit=1"}, 0,
			[]string{"allowed: GET " + v3 + "services?limit=1\n", `rule:      mash-creds/roles/+/proxy/v3/*`, stands}},
		"the V3 path of a role":             {[]string{"-role=demo", "get", "/services/1/endpoints"}, 0, []string{"allowed: get " + v3 + "services/1/endpoints\n"}},
		"the part below a role":             {[]string{"-role", "demo", "LIST", "proxy/v3/services"}, 0, []string{"allowed: LIST " + v3 + "services\n"}},
		"a path as a policy has it":         {[]string{"HEAD", "mash-creds/roles/demo/proxy/v3/services"}, 0, []string{"allowed: HEAD " + v3 + "services\n"}},
		"a write that no rule allows":       {[]string{"-role=demo", "DELETE", "services/1"}, 1, []string{"denied: DELETE", "answer:    403 policy_denied", `rule:      mash-creds/roles/+/proxy/v3/*`, `lacks the capability "delete"`}},
		"a path that is denied":             {[]string{"-role=demo", "GET", "secr%65t"}, 1, []string{"denied: GET", `rule:      mash-creds/roles/demo/proxy/v3/secret`, stands}},
		"a path that no rule matches":       {[]string{"-role=demo", "POST", "proxy/v2/other", `{}`}, 1, []string{"no rule matches", `"mash-creds/roles/demo/proxy/v2/other"`, stands}},
		"a body that a rule allows":         {[]string{"-role=demo", "POST", "members", `{"email":"a@example.com"}`}, 0, []string{"rule:      mash-creds/roles/demo/proxy/v3/members"}},
		"a body in a file":                  {[]string{"-role=demo", "POST", "members", "@" + member}, 0, []string{"allowed: POST"}},
		"a body that a rule does not allow": {[]string{"-role=demo", "POST", "members", `{"email":"a@example.org"}`}, 1, []string{`the parameter "email" is not allowed there`}},
		"a body with two readings":          {[]string{"-role=demo", "PUT", "members", `{"email":"a","email":"b"}`}, 1, []string{"400 bad_request", `duplicate key 'email'`}},
		"a V2 method":                       {[]string{"-role=demo", "POST", "proxy/v2", `{"method":"test.echo","params":["x"]}`}, 0, []string{"rule:      mash-creds/roles/demo/proxy/v2\n"}},
		"a V2 method that a rule denies":    {[]string{"-role=demo", "POST", "proxy/v2", `{"method":"bad.method"}`}, 1, []string{"rule:      mash-creds/roles/demo/proxy/v2/bad.method"}},
		"a verb that does not fit":          {[]string{"-role=demo", "GET", "proxy/v2"}, 1, []string{"405 method_not_allowed"}},
		"a climbing path":                   {[]string{"-role=demo", "GET", "services/%2e%2e/members"}, 1, []string{"400 bad_request", `the segment ".."`}},
		"a credential":                      {[]string{"-role=demo", "GET", "grant"}, 1, []string{"403 credential_withheld", `reveal = ["demo"]`}},
		"a credential, with a query":        {[]string{"-role=demo", "GET", "grant?api=3"}, 1, []string{"denied: GET " + rolePath + "/grant?api=3", "403 credential_withheld"}},
		"a path of Vault's":                 {[]string{"GET", "/v1/sys/mounts"}, 3, []string{"vault decides: GET /v1/sys/mounts", "cause:     forwarded", "goes on to Vault"}},
		"a call with a header for Vault":    {[]string{"-role=demo", "-header=X-Vault-Wrap-TTL: 60", "GET", "services"}, 3, []string{"vault decides: GET", "cause:     vault_header", "leave out X-Vault-Wrap-TTL"}},
		"a question without configuration":  {nil, 2, []string{"give a verb, a path"}},
		"a path of nobody":                  {[]string{"GET", "services"}, 2, []string{"name the role with -role"}},
		"a path of two roles":               {[]string{"-role=demo", "GET", v3 + "services"}, 2, []string{"leave -role out"}},
		"a path of two roles, as a policy":  {[]string{"-role=demo", "GET", "mash-creds/roles/demo/proxy/v3/services"}, 2, []string{"leave -role out"}},
		"a listener that is not there":      {[]string{"-listener=10.0.0.1:1", "-role=demo", "GET", "services"}, 2, []string{"no call can come in", i.Socket()}},
		"a mount that is not there":         {[]string{"-mount=other", "-role=demo", "GET", "services"}, 2, []string{`-mount is "other"`, "mash-creds"}},
		"a path with a space":               {[]string{"-role=demo", "GET", "a b"}, 2, []string{"%20"}},
		"a path with a broken escape":       {[]string{"-role=demo", "GET", "a%zz"}, 2, []string{"no server would read this request", "%zz"}},
		"options behind the call":           {[]string{"GET", v3 + "services", "-format=json"}, 2, []string{"options come before the verb"}},
		"a form that nobody knows":          {[]string{"-format=xml", "GET", v3 + "services"}, 2, []string{`-format is "xml"`}},
		"a header without a name":           {[]string{"-header=: x", "-role=demo", "GET", "services"}, 2, []string{`-header is ": x"`, "Name: value"}},
		"a header without a colon":          {[]string{"-header=bad", "-role=demo", "GET", "services"}, 2, []string{`-header is "bad"`}},
		"a header's name with a space":      {[]string{"-header=X-A : x", "-role=demo", "GET", "services"}, 2, []string{`-header is "X-A : x"`}},
		"a header of two lines":             {[]string{"-header=X-A: x\r\nX-Vault-Wrap-TTL: 60", "-role=demo", "GET", "services"}, 2, []string{"Name: value"}},
		"a header without a value":          {[]string{"-header=X-A:", "-role=demo", "GET", "services"}, 0, []string{"allowed: GET"}},
		"a file that is not there, as body": {[]string{"-role=demo", "POST", "members", "@/nowhere"}, 2, []string{"/nowhere"}},
	})
}

func TestCanTakesTheBodyFromStdin(t *testing.T) {
	t.Parallel()
	i := inquire(t, grants+`path "mash-creds/roles/demo/proxy/v3/members" { capabilities = ["update"]  required_parameters = ["email"] }`)
	for body, want := range map[string]int{`{"email":"x"}`: 0, `{}`: 1} {
		cmd := exec.Command(binary, "can", "-config="+i.config, "-role=demo", "POST", "members", "-")
		cmd.Stdin = strings.NewReader(body)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%s: exit code %d: %s", body, code, out)
		}
	}
}

func TestCanWhoseAnswerIsLostDoesNotSayAllowed(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err) // Linux has it
	}
	defer full.Close()
	i := inquire(t, allRights)
	for _, format := range []string{"text", "json"} {
		var said strings.Builder
		cmd := exec.Command(binary, "can", "-config="+i.config, "-format="+format, "-role=demo", "GET", "services")
		cmd.Stdout, cmd.Stderr = full, &said
		_ = cmd.Run() // the exit code is looked at
		if code := cmd.ProcessState.ExitCode(); code != 2 {
			t.Errorf("exit code %d: %s", code, &said)
		}
		contains(t, "the error", said.String(), "the answer could not be written")
	}
}

func TestCanTakesWhatTheProxyTakesButSaysOnlyWhatCounts(t *testing.T) {
	t.Parallel()
	i := inquire(t, allRights)
	file := filepath.Join(shortDir(t), "log")
	i.ask(t, map[string]question{
		"options of the log and the end": {[]string{"-log-file=" + file, "-log-level=trace", "-exit-after-auth", "-role=demo", "GET", "services"}, 0, []string{"allowed: GET"}},
		"a level that nobody knows":      {[]string{"-log-level=loud", "-role=demo", "GET", "services"}, 2, []string{`-log-level cannot be "loud"`}},
	})
	if exists(file) {
		t.Error("the log file was written")
	}
	help := finish(t, nil, "can", "-help").stdout
	contains(t, "the help", help, "-address=URL", "-tls-skip-verify", "-token-file=file")
	for _, option := range []string{"-exit-after-auth", "-log-"} {
		if strings.Contains(help, option) {
			t.Errorf("the help tells of %s:\n%s", option, help)
		}
	}
	contains(t, "the help of the proxy", finish(t, nil, "proxy", "-help").stdout, "-address=URL", "-exit-after-auth", "-log-rotate-max-files=number")
}

func TestCanAnswersInJSON(t *testing.T) {
	t.Parallel()
	i := inquire(t, grants+`path "mash-creds/roles/+/proxy/*" { capabilities = ["read"] }`)
	for verb, want := range map[string]map[string]any{
		"GET": {"verdict": "allowed", "rule": "mash-creds/roles/+/proxy/*", "place": "the token's Vault policies default, demo"},
		"PUT": {"verdict": "denied", "rule": "mash-creds/roles/+/proxy/*", "status": 403.0, "code": "policy_denied"},
	} {
		o := i.can(t, "-format=json", "-role=demo", verb, "services")
		var said struct {
			Verb, Path, Verdict string
			Answers             []map[string]any
		}
		if err := json.Unmarshal([]byte(o.stdout), &said); err != nil || len(said.Answers) != 1 {
			t.Fatalf("%v in %s%s", err, o.stdout, o.stderr)
		}
		if said.Verb != verb || said.Path != v3+"services" || said.Verdict != want["verdict"] {
			t.Errorf("it says %+v", said)
		}
		for key, value := range want {
			if said.Answers[0][key] != value {
				t.Errorf("%s of %s is %v, want %v", key, verb, said.Answers[0][key], value)
			}
		}
		if listeners, _ := said.Answers[0]["listeners"].([]any); len(listeners) != 2 {
			t.Errorf("the listeners are %v", listeners)
		}
	}
}

func TestCanSaysWhyVaultDecides(t *testing.T) {
	t.Parallel()
	i := inquire(t, `path "mash-creds/roles/+/proxy/*" { capabilities = ["read"] }`, inMashery(`forward_roles = ["big"]`))
	i.ask(t, map[string]question{
		"a token that may not read the grant":  {[]string{"-role=demo", "GET", "services"}, 3, []string{"cause:     no_grant", `allow "read" on the role's grant`}},
		"a role that the file leaves to Vault": {[]string{"-role=big", "GET", "services"}, 3, []string{"cause:     forward_roles"}},
	})
	i.write(t, "auth/approle/role/demo", map[string]any{"token_num_uses": 20})
	i.ask(t, map[string]question{
		"a token whose uses are counted": {[]string{"-role=demo", "GET", "services"}, 3, []string{"cause:     num_uses"}},
	})
}

func TestCanLeavesNothingBehindAndTakesNothingAway(t *testing.T) {
	t.Parallel()
	i := inquire(t, allRights, atTop(`pid_file = "PID"`))
	dir := shortDir(t)
	text := read(t, i.config)
	text = strings.Replace(text, `"PID"`, `"`+filepath.Join(dir, "pid")+`"`, 1)
	text = strings.Replace(text, "  remove_secret_id_file_after_reading = false\n", "", 1)
	text = strings.Replace(text, "remove_secret_id_file_after_reading = false", "", 1)
	text = strings.Replace(text, "\napi_proxy", "\nlog_file = \""+filepath.Join(dir, "log")+"\"\n\napi_proxy", 1)
	at := strings.Index(text, "auto_auth {") + len("auto_auth {")
	text = text[:at] + "\n  sink \"file\" { config = { path = \"" + filepath.Join(dir, "sink") + "\" } }" + text[at:]
	i.config = write(t, i.Dir(), "careful.hcl", text)
	for range 2 {
		if o := i.can(t, "-role=demo", "GET", "services"); o.code != 0 {
			t.Fatalf("exit code %d: %s", o.code, o.stderr)
		}
	}
	for _, file := range []string{filepath.Join(dir, "pid"), filepath.Join(dir, "log"), filepath.Join(dir, "sink"), i.Socket()} {
		if exists(file) {
			t.Errorf("%s was written", file)
		}
	}
}

func TestCanComplainsOnlyOfATokenThatItShouldHaveRevoked(t *testing.T) {
	t.Parallel()
	const all = allRights + `
path "auth/token/lookup-self"        { capabilities = ["read"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }`
	for name, test := range map[string]struct {
		login map[string]any
		says  string // on stderr
	}{
		"a batch token ends by itself":                {map[string]any{"token_type": "batch"}, ""},
		"a token that may not revoke itself does not": {map[string]any{"token_no_default_policy": true}, "could not be revoked, and lives on to its end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := inquire(t, all)
			i.write(t, "auth/approle/role/demo", test.login)
			o := i.can(t, "-role=demo", "GET", "services")
			if o.code != 0 || !strings.HasPrefix(o.stdout, "allowed: ") || (o.stderr != "") != (test.says != "") {
				t.Errorf("exit code %d\n%s\n%s", o.code, o.stdout, o.stderr)
			}
			contains(t, "the complaint", o.stderr, test.says)
		})
	}
}

func TestCanSaysWhereVaultsPoliciesAreNotAsked(t *testing.T) {
	t.Parallel()
	i := inquire(t, grants, inMashery(`policy = "off"`))
	i.ask(t, map[string]question{
		"it is the block that allows": {[]string{"-role=demo", "DELETE", "services/1"}, 0, []string{`rule:      policy = "off"`, `stands in: mashery "mash-creds", so`}},
	})
}

func TestCanUsesATokenThatIsThere(t *testing.T) {
	t.Parallel()
	i := inquire(t, allRights)
	secret := i.write(t, "auth/token/create", map[string]any{"policies": []string{"demo"}, "ttl": "1h"})
	file := write(t, i.Dir(), "token", secret.Auth.ClientToken+"\n")
	i.ask(t, map[string]question{
		"twice":       {[]string{"-token-file=" + file, "-role=demo", "GET", "services"}, 0, []string{"allowed"}},
		"a root's":    {[]string{"-token-file=" + filepath.Join(i.Dir(), "root-token"), "-role=demo", "DELETE", "services"}, 0, []string{"a root token may do everything"}},
		"not a stale": {[]string{"-token-file=" + write(t, i.Dir(), "stale", "hvs.nobody"), "-role=demo", "GET", "services"}, 2, []string{"logging in to Vault by token_file", "permission denied"}},
		"nor none":    {[]string{"-token-file=/nowhere", "-role=demo", "GET", "services"}, 2, []string{"/nowhere"}},
	})
}

func TestCanSaysWhatKeepsItFromAnswering(t *testing.T) {
	t.Parallel()
	i := inquire(t, allRights)
	call := []string{"-role=demo", "GET", "services"}
	wrapped := strings.Replace(read(t, i.config), "secret_id_file_path", "secret_id_response_wrapping_path = \"x\"\n      secret_id_file_path", 1)
	for name, test := range map[string]struct {
		file string
		want string
	}{
		"a configuration that is wrong":    {write(t, i.Dir(), "wrong.hcl", strings.Replace(read(t, i.config), "v3_endpoint", "v3_endpiont", 1)), "v3_endpiont"},
		"a secret ID that is wrapped":      {write(t, i.Dir(), "wrapped.hcl", wrapped), "-token-file"},
		"a Vault that is not there":        {write(t, i.Dir(), "away.hcl", strings.Replace(read(t, i.config), i.Vault().Address(), "http://127.0.0.1:1", 1)), "connection refused"},
		"a configuration that serves none": {write(t, i.Dir(), "none.hcl", "vault { address = \"http://127.0.0.1:1\" }\napi_proxy {}\nlistener \"tcp\" { address = \"127.0.0.1:0\" tls_disable = true }\n"), "no mashery block"},
	} {
		t.Run(name, func(t *testing.T) {
			o := finish(t, nil, append([]string{"can", "-config=" + test.file}, call...)...)
			if o.code != 2 || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
			contains(t, "the error", o.stderr, test.want)
		})
	}
}

func TestCanNamesLocalRulesAndWhereTheyStand(t *testing.T) {
	t.Parallel()
	i := inquire(t, allRights, inMashery(`v3_paths = ["services*", "members*"]`+"\n  "+`v2_methods = ["test.*"]`),
		edit{"listener \"unix\" {", "listener \"unix\" {\n  methods = [\"GET\"]\n  vault_paths = [\"mash-creds/roles/demo\"]"})
	at := func(key string) string { // the place of a key that stands in the file once
		before, _, _ := strings.Cut(read(t, i.config), key+" =")
		return fmt.Sprintf("(%s:%d)", i.config, strings.Count(before, "\n")+1)
	}
	i.ask(t, map[string]question{
		"what all rules allow":                   {[]string{"-role=demo", "GET", "services/1"}, 0, []string{"allowed: GET"}},
		"what the block does not allow":          {[]string{"-role=demo", "GET", "packages"}, 1, []string{"403 policy_denied", "rule:      v3_paths", `stands in: mashery "mash-creds" ` + at("v3_paths")}},
		"a V2 method the block does not allow":   {[]string{"-role=demo", "POST", "proxy/v2", `{"method":"member.delete"}`}, 1, []string{"rule:      v2_methods"}},
		"what one of two listeners allows":       {[]string{"-role=demo", "DELETE", "members/1"}, 1, []string{"listener:  127.0.0.1:0", "allowed: DELETE", "listener:  " + i.Socket(), "denied: DELETE", "rule:      methods", at("  methods")}},
		"the same at that listener":              {[]string{"-listener=127.0.0.1:0", "-role=demo", "DELETE", "members/1"}, 0, []string{"allowed: DELETE"}},
		"the same at the other":                  {[]string{"-listener=" + i.Socket(), "-role=demo", "DELETE", "members/1"}, 1, []string{"denied: DELETE"}},
		"what may not be forwarded from there":   {[]string{"-listener=" + i.Socket(), "GET", "/v1/sys/mounts"}, 1, []string{"rule:      vault_paths", at("vault_paths")}},
		"what may be forwarded from there":       {[]string{"-listener=" + i.Socket(), "GET", rolePath}, 3, []string{"vault decides"}},
		"what local rules allow and Vault's not": {[]string{"-listener=127.0.0.1:0", "-role=other", "GET", "services"}, 1, []string{"no rule matches"}},
	})
}

func TestCanAgreesWithTheProxy(t *testing.T) {
	t.Parallel()
	w := governed(t, grants+`
path "mash-creds/roles/+/proxy/v3/+"      { capabilities = ["read"] }
path "mash-creds/roles/+/proxy/v3/a/*"    { capabilities = ["update", "delete"] }
path "mash-creds/roles/demo/proxy/v3/a/b" { capabilities = ["update"]  denied_parameters = { "x" = [] } }
`)
	for _, path := range []string{"a/b", "a/b;target-method-delete", "a%2Fc", "a/../s", "s?list=1"} {
		for _, verb := range []string{"GET", "POST", "DELETE"} {
			for _, body := range []string{"", `{"x":1}`, `{"y":1,"y":2}`} {
				if body != "" && verb != "POST" {
					continue
				}
				served := w.unix.send(t, verb, v3+path, body)
				args := []string{"can", "-config=" + w.config, "-role=demo", "-format=json", verb, "proxy/v3/" + path, body}
				o := finish(t, nil, args...)
				var said struct{ Answers []struct{ Code string } }
				if err := json.Unmarshal([]byte(o.stdout), &said); err != nil {
					t.Fatalf("%v in %s%s", err, o.stdout, o.stderr)
				}
				if said.Answers[0].Code != served.code() || (o.code == 0) != (served.status != http.StatusForbidden && served.code() == "") {
					t.Errorf("%s %s %s: exit code %d, %q, but the proxy answers %d %q", verb, path, body, o.code, said.Answers[0].Code, served.status, served.code())
				}
			}
		}
	}
}
