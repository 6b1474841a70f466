// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mashproxy/mashery"
	"mashproxy/sandbox"
)

// rewrite edits the proxy's file and has it read again. It returns what the log
// says from then on, once that says what is wanted.
func (w *world) rewrite(t *testing.T, old, new, says string) string {
	t.Helper()
	text := read(t, w.config)
	if !strings.Contains(text, old) {
		t.Fatalf("the file has no %q:\n%s", old, text)
	}
	write(t, w.Dir(), "test.hcl", strings.Replace(text, old, new, 1))
	before := len(w.stderr.String())
	w.signal(t, syscall.SIGHUP)
	eventually(t, "the log says "+says, func() bool { return strings.Contains(w.stderr.String()[before:], says) })
	return w.stderr.String()[before:]
}

const reloaded = "reloaded certificates, log level, local rules and tls blocks"

// TestSIGHUPTakesLocalRulesOver: what mashproxy can says of the file is then what
// the proxy does.
func TestSIGHUPTakesLocalRulesOver(t *testing.T) {
	t.Parallel()
	w := governed(t, almighty, atTop(`log_level = "info"`))
	served := func(verdict string) {
		t.Helper()
		w.judge(t, []judged{{"GET", v3 + "services", "", verdict}})
		code := map[string]int{"mashery": 0, "policy_denied": 1}[verdict]
		if o := finish(t, nil, "can", "-config="+w.config, "-listener="+w.Socket(), "-role=demo", "GET", "services"); o.code != code {
			t.Errorf("mashproxy can: exit code %d: %s%s", o.code, o.stdout, o.stderr)
		}
	}
	served("mashery")
	w.rewrite(t, "listener \"unix\" {", "listener \"unix\" {\n  roles = [\"x\"]", reloaded)
	served("policy_denied")
	w.rewrite(t, "roles = [\"x\"]", "roles = [\"demo\"]", reloaded)
	served("mashery")
	w.rewrite(t, "mashery \"mash-creds\" {", "mashery \"mash-creds\" {\n  v3_paths = []", reloaded)
	served("policy_denied")
	w.rewrite(t, "v3_paths = []", "", reloaded)
	served("mashery")
}

func TestLocalRulesHoldWhereTheFileIsNoLongerForWhatIsInForce(t *testing.T) {
	t.Parallel()
	const narrow = "listener \"unix\" {\n  roles = [\"demo\"]\n  methods = [\"GET\"]"
	for name, test := range map[string]struct{ old, new, says string }{
		"a file that cannot be read":  {narrow, "listener \"unix\" {\n  role = []", "Wrong type"},
		"a rule that is wrong":        {narrow, "listener \"unix\" {\n  roles = [\"/\"]", "matches nothing"},
		"one listener more":           {narrow, "listener \"tcp\" {\n address = \"127.0.0.1:0\"\n tls_disable = true\n role = \"metrics_only\"\n}\nlistener \"unix\" {", "role: metrics_only"},
		"a block with another policy": {"mashery \"mash-creds\" {", "mashery \"mash-creds\" {\n  policy = \"off\"", "(policy: off, "},
		"another endpoint":            {"v3_endpoint =", "v3_endpoint = \"https://x.example/v3\" #", "v3_endpoint: https://x.example/v3)"},
		"another mount":               {"mashery \"mash-creds\" {", "mashery \"mash-other\" {}\nmashery \"mash-creds\" {", "where the mashery block mash-creds "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := governed(t, almighty, edit{"listener \"unix\" {", narrow})
			said := w.rewrite(t, test.old, test.new, "not everything was reloaded")
			if !strings.Contains(said, test.says) {
				t.Errorf("the log does not say %s:\n%s", test.says, said)
			}
			w.unix.send(t, http.MethodDelete, v3+"services", "").expect(t, http.StatusForbidden, "policy_denied")
			w.judge(t, []judged{{"GET", v3 + "services", "", "mashery"}})
		})
	}
}

// TestSIGHUPTakesOverWhoIsTakenForMashery: by connections that are there, too, and
// nothing of a file that is wrong or for something else.
func TestSIGHUPTakesOverWhoIsTakenForMashery(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{MasheryTLS: true}, edits: []edit{atTop(`log_level = "info"`)}})
	right, wrong := fmt.Sprintf(`["%s"]`, w.authority()), fmt.Sprintf(`["%s"]`, mashery.Fingerprint{})
	strangers := filepath.Base(write(t, w.Dir(), "strangers-ca.pem", newCertificate(t, 1).cert))
	const refused = "not everything was reloaded"
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	for _, step := range []struct {
		name, old, new, says string
		reached              bool
	}{
		{"another certificate is pinned", "tls {", "tls {\n    pin_sha256 = " + wrong, reloaded, false},
		{"the right one is pinned", wrong, right, reloaded, true},
		{"a pin that is none", right, `["x"]`, refused, true},
		{"and something that takes a restart", "tls {", "policy = \"off\"\n  tls {", refused, true},
		{"another pin beside that", `["x"]`, wrong, refused, true},
		{"another pin without it", `policy = "off"`, "", reloaded, false},
		{"no pin", wrong, "[]", reloaded, true},
		{"another name", "[]", "[]\n    server_name = \"other.example\"", reloaded, false},
		{"no name", `"other.example"`, `""`, reloaded, true},
		{"a file of certificates that is not there", "mashery-ca.pem", "no-ca.pem", refused, true},
		{"other certificates", "no-ca.pem", strangers, reloaded, false},
		{"the right ones", strangers, "mashery-ca.pem", reloaded, true},
	} {
		w.rewrite(t, step.old, step.new, step.says)
		answer := w.tcp.get(t, v3+"services?limit=1")
		if reached := answer.status == http.StatusOK; reached != step.reached || !reached && answer.code() != "mashery_unreachable" {
			t.Errorf("%s: %d %s", step.name, answer.status, answer.body)
		}
	}
}

// authority is the fingerprint of what signed Mashery's certificate.
func (w *world) authority() mashery.Fingerprint {
	block, _ := pem.Decode(w.MasheryCA())
	return sha256.Sum256(block.Bytes)
}

func TestNoCallIsLostWhenTheServerIsHeldAgainstOtherSettings(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{MasheryTLS: true}, edits: []edit{atTop(`log_level = "info"`)}})
	none, pin := "pin_sha256 = []", fmt.Sprintf("pin_sha256 = [%q]", w.authority())
	v3s, v2s := w.unix.load(5, "GET", v3+"services?limit=1", ""), w.unix.load(5, "POST", v2, echo)
	w.rewrite(t, "tls {", "tls {\n    "+none, reloaded)
	for range 10 {
		w.rewrite(t, none, pin, reloaded)
		v2s.more(t, 10)
		w.rewrite(t, pin, none, reloaded)
		v3s.more(t, 10)
	}
	v3s.end(t)
	v2s.end(t)
}
