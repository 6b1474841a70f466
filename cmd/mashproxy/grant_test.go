// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

const (
	grantPath = "mash-creds/roles/demo/grant"
	aclPath   = "sys/internal/ui/resultant-acl"
	echo      = `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["x"]}`
)

// parallel makes n calls, so many at a time, and returns those that were not
// answered with 200.
func (d *door) parallel(n, at int, method, target, body string) (wrong []string) {
	var (
		mu    sync.Mutex
		calls sync.WaitGroup
		next  atomic.Int64
	)
	for range at {
		calls.Go(func() {
			for next.Add(1) <= int64(n) {
				answer, err := d.try(method, target, strings.NewReader(body))
				if err == nil && answer.status == http.StatusOK {
					continue
				}
				mu.Lock()
				wrong = append(wrong, fmt.Sprintf("%d %s %v", answer.status, answer.body, err))
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	return wrong
}

func TestAThousandCallsCostVaultOneGrant(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, method, target, body string }{
		{"V3", "GET", v3 + "services?limit=1", ""},
		{"V2", "POST", v2, echo},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := open(t, setup{sandbox: sandbox.Options{QPS: 1_000_000}})
			log := w.audited(t)
			began := time.Now()
			if wrong := w.unix.parallel(1000, 8, test.method, test.target, test.body); len(wrong) > 0 {
				t.Fatalf("%d calls failed: %s", len(wrong), wrong[0])
			}
			if n := log.count(t, grantPath); n != 1 {
				t.Errorf("%d grants were read, want 1", n)
			}
			if n := log.count(t, aclPath); n > 1+int(time.Since(began)/(50*time.Second)) {
				t.Errorf("the policies were read %d times", n)
			}
			if n := log.count(t, "auth/token/lookup-self"); n > 2 {
				t.Errorf("the token was looked up %d times", n)
			}
			if n := w.Mashery().Counts().Password; test.name == "V3" && n != 1 {
				t.Errorf("Mashery gave %d tokens, want 1", n)
			}
		})
	}
}

func TestOneFetchServesAllWhoComeAtFirst(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 1_000_000}})
	log := w.audited(t)
	if wrong := w.unix.parallel(100, 100, "GET", v3+"services?limit=1", ""); len(wrong) > 0 {
		t.Fatalf("%d calls failed: %s", len(wrong), wrong[0])
	}
	if n := log.count(t, grantPath); n != 1 {
		t.Errorf("%d grants were read, want 1", n)
	}
}

func TestADeadTokenIsReplacedOnceAndTheCallerDoesNotSeeIt(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"refused with 403": 403, "refused with 401": 401} {
		t.Run(name, func(t *testing.T) {
			w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{DeadTokenStatus: status}}})
			log := w.audited(t)
			w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
			w.Mashery().KillTokens()
			created := w.tcp.send(t, "POST", v3+"services", `{"name":"mine"}`).expect(t, http.StatusOK, "")
			contains(t, "the answer", created.body, "mine")
			if n := log.count(t, grantPath); n != 2 {
				t.Errorf("%d grants were read, want 2", n)
			}
			counts := w.Mashery().Counts()
			if counts.Refused[emulator.CauseToken] != 1 || counts.Calls["POST services"] != 1 {
				t.Errorf("Mashery counted %+v", counts)
			}
		})
	}
}

func TestATokenThatDiesUnderLoadIsReplacedOnce(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 1_000_000}})
	log := w.audited(t)
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	w.Mashery().KillTokens()
	if wrong := w.unix.parallel(200, 50, "GET", v3+"services?limit=1", ""); len(wrong) > 0 {
		t.Errorf("%d calls failed: %s", len(wrong), wrong[0])
	}
	if n := log.count(t, grantPath); n != 2 {
		t.Errorf("%d grants were read, want 2", n)
	}
}

func TestATokenThatMasheryAlwaysRefusesIsRefusedToTheCaller(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Mashery-Error-Code", "ERR_403_DEVELOPER_INACTIVE")
			http.Error(w, "<h1>Developer Inactive</h1>", http.StatusForbidden)
		}),
	}}}})
	answer := w.tcp.get(t, v3+"services").expect(t, http.StatusForbidden, "")
	contains(t, "Mashery's words", answer.body, "Developer Inactive")
	if n := w.masheryCalls(); n != 2 {
		t.Errorf("Mashery was called %d times, want 2", n)
	}
}

func TestABadSignatureIsReplacedOnce(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.Mashery().RefuseSignatures(1)
	w.tcp.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
	w.Mashery().RefuseSignatures(2)
	answer := w.tcp.send(t, "POST", v2, echo).expect(t, http.StatusForbidden, "")
	if code := answer.header.Get("X-Mashery-Error-Code"); code != "ERR_403_NOT_AUTHORIZED" || answer.header.Get("X-Mashproxy-Source") != "mashery" {
		t.Errorf("Mashery's answer did not go through: %v", answer.header)
	}
}

// revoke takes the proxy's token away.
func (w *world) revoke(t *testing.T) {
	t.Helper()
	accessors, err := w.root.Logical().ListWithContext(t.Context(), "auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	for _, accessor := range accessors.Data["keys"].([]any) {
		token, err := w.root.Auth().Token().LookupAccessorWithContext(t.Context(), accessor.(string))
		if err == nil && token.Data["display_name"] == "approle" { // it fails for a child that went with its parent
			if err := w.root.Auth().Token().RevokeAccessorWithContext(t.Context(), accessor.(string)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestARevokedVaultTokenIsReplacedAndCallsGoOn(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"found by a forwarded call": rolePath, "found by a local call": v3 + "services?limit=1"} {
		t.Run(name, func(t *testing.T) {
			w := open(t, setup{})
			log := w.audited(t)
			w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
			w.revoke(t)
			w.Mashery().KillTokens() // so that a local call needs a new grant
			w.tcp.get(t, target).expect(t, http.StatusOK, "")
			w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
			w.unix.get(t, rolePath).expect(t, http.StatusOK, "")
			if n := log.count(t, "auth/approle/login"); n != 1 {
				t.Errorf("%d logins, want 1", n)
			}
		})
	}
}

func TestNoCallFailsWhileShortLeasesEnd(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.write(t, "sys/mounts/mash-creds/tune", map[string]any{"default_lease_ttl": "3s", "max_lease_ttl": "3s"})
	log := w.audited(t)
	calls := 0
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); calls++ {
		w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		w.unix.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
	}
	if n := log.count(t, grantPath); n < 6 || n > 12 {
		t.Errorf("%d calls took %d grants, want a few for each API", calls, n)
	}
}

func TestNoCallFailsWhileMasherysTokensEnd(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{TokenLife: 4 * time.Second}}})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	}
	counts := w.Mashery().Counts()
	if counts.Refused[emulator.CauseToken] > 0 || counts.Password < 2 || counts.Password > 5 {
		t.Errorf("Mashery gave %d tokens and refused %v", counts.Password, counts.Refused)
	}
}

func TestNoLocalCallFailsWhileVaultTokensEnd(t *testing.T) {
	t.Parallel()
	w := &world{Sandbox: startSandbox(t, sandbox.Options{})}
	w.root = rootOf(t, w.Sandbox)
	w.write(t, "auth/approle/role/demo", map[string]any{"token_ttl": "4s", "token_max_ttl": "4s"})
	w.config = configured(t, w.Sandbox)
	w.start(t, setup{})
	eventually(t, "it is logged in", func() bool { return w.unix.get(t, lookup).status == http.StatusOK })
	log := w.audited(t)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		w.unix.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
	}
	if n := log.count(t, "auth/approle/login"); n < 2 {
		t.Errorf("%d logins, want one for each token", n)
	}
}

func TestGrantsLiveOnWhileVaultIsAway(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if err := w.Vault().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	}
	began := time.Now()
	answer := w.tcp.send(t, "POST", v2, echo).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
	contains(t, "the error", answer.errors(t), "sealed")
	w.Mashery().KillTokens()
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusServiceUnavailable, "vault_unavailable")
	if answer.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if err := w.Vault().Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other API works, too", func() bool { return w.tcp.send(t, "POST", v2, echo).status == http.StatusOK })
}
