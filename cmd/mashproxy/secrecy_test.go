// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// secretsSeen gathers what signed the calls that Mashery remembers.
func (w *world) secretsSeen(t *testing.T, into map[string]string) {
	t.Helper()
	for _, r := range w.Mashery().Requests() {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			into[token] = "an access token"
		}
		if basic, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic "); ok {
			into[basic] = "a Basic credential"
		}
		u, err := url.ParseRequestURI(r.RequestURI)
		if err != nil {
			t.Fatal(err)
		}
		if sig := u.Query().Get("sig"); sig != "" {
			into[sig] = "a signature"
		}
	}
}

func TestNothingThatIsWrittenHoldsASecret(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	sink := filepath.Join(dir, "sink")
	w := open(t, setup{
		edits: []edit{
			atTop("cache {}\nlog_file = \"" + filepath.Join(dir, "x.log") + "\""),
			inMashery(`reveal = ["demo", "auth/token/create*"]`), inMashery(`max_wait = "2s"`), sunk(sink),
		},
		args: []string{"-log-level=trace"},
	})
	w.allow(t, grants+`path "*" { capabilities = ["create", "read", "update", "delete", "list"] }`)
	secrets := map[string]string{
		w.Vault().RootToken().Reveal():      "the root token",
		w.Vault().UnsealKey().Reveal():      "the unseal key",
		read(t, w.Dir(), "secret-id"):       "the secret id",
		w.Credentials().APIKey.Reveal():     "the API key",
		w.Credentials().Secret.Reveal():     "the key's secret",
		w.Credentials().Password.Reveal():   "the password",
		"hvs.callers-own-token-0123456789x": "a caller's token",
	}
	known := func() {
		eventually(t, "the sink is written", func() bool { return exists(sink) })
		secrets[read(t, sink)] = "the auto-auth token"
		w.secretsSeen(t, secrets)
	}
	var answers strings.Builder
	busy := func() {
		for _, call := range []judged{
			{"GET", v3 + "services?limit=1", "", ""}, {"POST", v3 + "services", `{"name":"x"}`, ""}, {"POST", v2, echo, ""},
			{"GET", rolePath, "", ""}, {"GET", rolePath + "/grant?api=3&lease=true", "", ""}, {"GET", rolePath + "/grant?api=2&lease=true", "", ""},
			{"GET", rolePath + "/token", "", ""}, {"GET", lookup, "", ""}, {"POST", "/v1/auth/token/renew-self", "{}", ""},
			{"GET", "/v1/mash-creds/roles/nosuch/proxy/v3/x", "", ""}, {"GET", v3 + "../grant", "", ""}, {"DELETE", "/v1/sys/mounts/x", "", ""},
			{"POST", "/v1/auth/token/create", "{}", ""}, {"GET", v3 + "services/nosuch", "", ""}, {"GET", statusPath, "", ""}, {"POST", "/proxy/v1/cache-clear", `{"type":"token","value":"hvs.callers-own-token-0123456789x"}`, ""},
		} {
			for _, answer := range []answer{
				w.tcp.send(t, call.method, call.target, call.body, "X-Vault-Token", "hvs.callers-own-token-0123456789x"),
				w.unix.send(t, call.method, call.target, call.body, "Authorization", "Bearer hvs.callers-own-token-0123456789x"),
			} {
				if !strings.HasPrefix(call.target, rolePath+"/grant") && call.target != rolePath+"/token" { // those are revealed
					fmt.Fprintln(&answers, answer.body, answer.header)
				}
			}
		}
		known()
	}
	busy()
	w.Mashery().KillTokens()
	w.Mashery().RefuseSignatures(2)
	busy()
	w.revoke(t)
	eventually(t, "it is logged in again", func() bool { return w.tcp.get(t, lookup).status == http.StatusOK })
	busy()
	w.signal(t, syscall.SIGHUP)
	if err := w.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	busy()
	w.end(t)

	files, err := filepath.Glob(filepath.Join(dir, "x*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no log file: %v", err)
	}
	for where, text := range map[string]string{"stdout": w.stdout.String(), "stderr": w.stderr.String(), "the log file": read(t, files[0]), "an answer": answers.String()} {
		if where != "stdout" && where != "an answer" && !strings.Contains(text, "[DEBUG]") {
			t.Errorf("%s is not at trace level", where)
		}
		for secret, name := range secrets {
			if i := strings.Index(text, secret); secret != "" && i >= 0 {
				t.Errorf("%s holds %s: %s", where, name, strings.ReplaceAll(text[max(0, i-300):i], secret, "…"))
			}
		}
	}
	if len(secrets) < 14 {
		t.Errorf("only %d secrets were looked for", len(secrets))
	}
}

func TestDevAtTraceLevelWritesNoSecretButTheRootTokenOnce(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	p := develop(t, nil, "-log-level=trace", "-qps=100", "-dir="+dir)
	door := openDoor(t, "unix", filepath.Join(dir, "mashproxy.sock"))
	door.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	door.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
	vault := openDoor(t, "tcp", p.told(t, `Vault +http://(\S+)`))
	grant := vault.get(t, rolePath+"/grant?api=2", "X-Vault-Token", read(t, dir, "root-token")).expect(t, http.StatusOK, "")
	var v2grant struct {
		Data struct {
			APIKey string `json:"api_key"`
		}
	}
	if err := json.Unmarshal([]byte(grant.body), &v2grant); err != nil || v2grant.Data.APIKey == "" {
		t.Fatalf("the grant is %s (%v)", grant.body, err)
	}
	p.end(t)
	all := p.stdout.String() + p.stderr.String()
	if !strings.Contains(all, "[TRACE]") {
		t.Error("nothing is logged at trace level")
	}
	for name, want := range map[string]int{"root-token": 1, "secret-id": 0, "unseal-key": 0} {
		if n := strings.Count(all, read(t, dir, name)); n != want {
			t.Errorf("what is in %s is written %d times, want %d", name, n, want)
		}
	}
	if n := strings.Count(all, "hvs."); n != 1 {
		t.Errorf("%d Vault tokens are written, want one", n)
	}
	for _, name := range []string{v2grant.Data.APIKey, "sig=", "apikey=", "Bearer ", "access_token"} {
		if strings.Contains(all, name) {
			t.Errorf("%q is written", name)
		}
	}
}
