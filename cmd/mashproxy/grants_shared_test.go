// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox/emulator"
)

const tokenPath = "mash-creds/roles/demo/token"

// force sets the role's forced proxy mode.
func (w *world) force(t *testing.T, forced bool) {
	t.Helper()
	w.write(t, "mash-creds/roles/demo", map[string]any{"forced_proxy_mode": forced})
}

// another starts the program once more, on the same sandbox.
func (w *world) another(t *testing.T) *world {
	t.Helper()
	dir := shortDir(t)
	other := &world{Sandbox: w.Sandbox, root: w.root}
	socket := filepath.Join(dir, "other.sock")
	other.config = write(t, dir, "other.hcl", strings.Replace(read(t, w.config), w.Socket(), socket, 1))
	other.process = run(t, nil, "proxy", "-config="+other.config)
	other.unix = openDoor(t, "unix", socket)
	eventually(t, "the other proxy is logged in", func() bool {
		answer, err := other.unix.try(http.MethodGet, lookup, nil)
		return err == nil && answer.status == http.StatusOK
	})
	return other
}

func (w *world) befall(t *testing.T, text string) {
	t.Helper()
	fault, err := emulator.ParseFault(text)
	if err == nil {
		_, err = w.Mashery().AddFault(fault)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTwoProxiesThatShareATokenLoseNoCall(t *testing.T) {
	t.Parallel()
	a := open(t, setup{edits: []edit{inMashery(`grant_from = "token"`)}})
	log := a.audited(t)
	a.befall(t, "kill_older")
	b := a.another(t)
	ofA, ofB := a.unix.load(3, "GET", v3+"services?limit=1", ""), b.unix.load(3, "GET", v3+"services?limit=1", "")
	ofA.more(t, 100)
	ofB.more(t, 100)
	if n := a.Mashery().Counts().Password; n != 1 {
		t.Errorf("%d tokens were bought, want one for both", n)
	}
	// Somebody else gets a token, and so kills theirs.
	if _, err := a.root.Logical().ReadWithContext(t.Context(), grantPath); err != nil {
		t.Fatal(err)
	}
	ofA.more(t, 200)
	ofB.more(t, 200)
	ofA.end(t)
	ofB.end(t)
	a.unix.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
	if n := log.count(t, grantPath); n != 2 {
		t.Errorf("%d grants were read, want somebody's and V2's", n)
	}
	if n := a.Mashery().Counts().Refresh + a.Mashery().Counts().Password; n > 4 {
		t.Errorf("%d tokens were bought", n)
	}
	if n := log.count(t, tokenPath); n > 30 {
		t.Errorf("the token was asked for %d times", n)
	}
}

func TestASharedTokenIsReadAgainBeforeItsEnd(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{inMashery(`grant_from = "token"`)}})
	w.befall(t, "token_life,by=6s")
	calls := w.unix.load(3, "GET", v3+"services?limit=1", "")
	<-time.After(15 * time.Second) // two of the tokens' lives, and a half
	calls.end(t)
	counts := w.Mashery().Counts()
	if bought := counts.Password + counts.Refresh; counts.Refused[emulator.CauseToken] > 0 || bought < 3 || bought > 12 {
		t.Errorf("%d tokens were bought, %d calls refused for theirs", bought, counts.Refused[emulator.CauseToken])
	}
}

func TestTwoProxiesWhoseTokensKillEachOtherComeToRestAndSayWhatMendsIt(t *testing.T) {
	t.Parallel()
	a := open(t, setup{})
	log := a.audited(t)
	a.befall(t, "kill_older")
	b := a.another(t)
	for range ticks(50*time.Millisecond, 20*time.Second) {
		a.unix.get(t, v3+"services?limit=1")
		b.unix.get(t, v3+"services?limit=1")
	}
	if n := log.count(t, grantPath); n > 20 {
		t.Errorf("%d grants in 20 s by both", n)
	}
	for _, w := range []*world{a, b} {
		if n := strings.Count(w.stderr.String(), `grant_from = `); n > 1 {
			t.Errorf("it is said %d times what mends it:\n%s", n, &w.stderr)
		}
	}
	if !strings.Contains(a.stderr.String()+b.stderr.String(), "grant_from = ") {
		t.Errorf("nobody says what mends it:\n%s", &a.stderr)
	}
}

func TestTwoRolesOfOneKeyWhoseTokensKillEachOtherAreNamed(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"grant", "token"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			w := open(t, setup{edits: []edit{inMashery(`grant_from = "` + from + `"`)}})
			var demo map[string]any
			if err := json.Unmarshal([]byte(read(t, filepath.Join(w.Dir(), "mashery-role.json"))), &demo); err != nil {
				t.Fatal(err)
			}
			w.write(t, "mash-creds/roles/twin", demo)
			w.befall(t, "kill_older")
			eventually(t, "one is named to the other", func() bool {
				w.unix.get(t, v3+"services?limit=1")
				w.unix.get(t, "/v1/mash-creds/roles/twin/proxy/v3/services?limit=1")
				log := w.stderr.String()
				return strings.Contains(log, "role_with_same_key=twin") || strings.Contains(log, "role_with_same_key=demo")
			})
		})
	}
}

func TestCallsOfAnInactiveKeyGetMasherysAnswerAndCostFewGrants(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	log := w.audited(t)
	w.befall(t, "error,code=ERR_403_DEVELOPER_INACTIVE,api=v3")
	const calls = 100
	for range ticks(50*time.Millisecond, calls*50*time.Millisecond) {
		a := w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusForbidden, "")
		contains(t, "Mashery's answer", a.body, "Developer Inactive")
	}
	if n := log.count(t, grantPath); n < 2 || n > 7 { // at 0, 0, 1, 3, 7, 15 … s
		t.Errorf("%d grants were read", n)
	}
	if n := len(w.Mashery().Requests()); n > calls+20 { // those for tokens among them
		t.Errorf("%d calls made %d requests", calls, n)
	}
	contains(t, "the log", w.stderr.String(), "Mashery refuses a grant that Vault has just given")
}

func TestARoleWhoseGrantIsForAnotherEndpointIsLeftToVault(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	w.write(t, "mash-creds/config", map[string]any{"v3_endpoint": w.MasheryURL() + "/v3/rest/elsewhere"})
	w.Mashery().KillTokens() // so that it gets another grant
	a := w.unix.get(t, v3+"services?limit=1")
	if a.header.Get("X-Mashproxy-Source") != "vault" {
		t.Errorf("%d from %q: %s", a.status, a.header.Get("X-Mashproxy-Source"), a.body)
	}
	contains(t, "the log", w.stderr.String(), "cause=endpoint_mismatch")
}
