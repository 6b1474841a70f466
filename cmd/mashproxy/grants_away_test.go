// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox"
)

func TestFiveHundredWaitingCallsMakeOneRequest(t *testing.T) {
	t.Parallel()
	w, f := openWatched(t, setup{sandbox: sandbox.Options{QPS: 1_000_000}})
	vault := front(t, w.Sandbox).Config.Handler
	f.now(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/grant") {
			slowly(time.Second, vault)(rw, r)
			return
		}
		vault.ServeHTTP(rw, r)
	})
	if wrong := w.unix.parallel(500, 500, "GET", v3+"services?limit=1", ""); len(wrong) > 0 {
		t.Errorf("%d calls failed: %s", len(wrong), wrong[0])
	}
	if n := len(f.since(time.Time{}, "/grant")); n != 1 {
		t.Errorf("%d grants were read, want 1", n)
	}
}

func TestFiveHundredCallsThatFailMakeFewRequests(t *testing.T) {
	t.Parallel()
	w, f := openWatched(t, setup{sandbox: sandbox.Options{QPS: 1_000_000}})
	f.now(slowly(300*time.Millisecond, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, `{"errors":["no upstream"]}`, http.StatusBadGateway)
	})))
	began := time.Now()
	wrong := w.unix.parallel(500, 500, "POST", v2, echo)
	took := time.Since(began)
	if len(wrong) != 500 || !strings.Contains(wrong[0], "503 ") || !strings.Contains(wrong[0], "no upstream") {
		t.Errorf("%d calls failed: %s", len(wrong), wrong[0])
	}
	if n := len(f.since(began, "/grant")); n > 2+int(took/(500*time.Millisecond)) {
		t.Errorf("%d grants were asked for in %s", n, took)
	}
}

func TestVaultsReturnIsNoticedAndVaultNotOverrun(t *testing.T) {
	t.Parallel()
	for name, break_ := range map[string]func(*testing.T, *world, *watched) (mend func()){
		"sealed": func(t *testing.T, w *world, _ *watched) func() {
			if err := w.Vault().Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := w.Vault().Unseal(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		},
		"hanging up": func(_ *testing.T, _ *world, f *watched) func() {
			f.now(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			return func() { f.now(nil) }
		},
		"not answering": func(t *testing.T, _ *world, f *watched) func() {
			f.now(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			return func() { f.now(nil) }
		},
		"answering garbage": func(_ *testing.T, _ *world, f *watched) func() {
			f.now(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<html>It works!</html>")) })
			return func() { f.now(nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, f := openWatched(t, setup{})
			w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "") // V2 has no grant yet
			mend := break_(t, w, f)
			for range ticks(50*time.Millisecond, 3*time.Second) {
				began := time.Now()
				w.unix.send(t, "POST", v2, echo).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
				if took := time.Since(began); took > 4*time.Second { // two, on a machine with nothing else to do
					t.Errorf("it took %s", took)
				}
				w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
			}
			mend()
			back := time.Now()
			within(t, 10*time.Second, "V2 is served", func() bool {
				return w.unix.send(t, "POST", v2, echo).status == http.StatusOK
			})
			if took := time.Since(back); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if n := len(f.since(back, "/grant")); n > 5 {
				t.Errorf("%d grants were asked for", n)
			}
			if n := len(f.since(back, "")); n > 20 {
				t.Errorf("Vault was asked %d times", n)
			}
			if n := strings.Count(w.stderr.String(), "no grants can be had"); n > 1 {
				t.Errorf("the log says so %d times:\n%s", n, &w.stderr)
			}
		})
	}
}

func TestATokenThatIsRevokedUnderLoadCostsOneLoginAndNoCall(t *testing.T) {
	t.Parallel()
	w, f := openWatched(t, setup{sandbox: sandbox.Options{QPS: 1_000_000}})
	local, forwarded := w.unix.load(40, "GET", v3+"services?limit=1", ""), w.unix.load(10, "GET", rolePath, "")
	for range 2 {
		local.more(t, 400)
		forwarded.more(t, 100)
		revoked := time.Now()
		w.revoke(t)
		eventually(t, "it logs in again", func() bool { return len(f.since(revoked, "auth/approle/login")) > 0 })
		local.more(t, 1200)
		forwarded.more(t, 300)
		if n := len(f.since(revoked, "auth/approle/login")); n != 1 {
			t.Errorf("%d logins, want 1", n)
		}
	}
	for _, calls := range []*load{local, forwarded} {
		calls.end(t)
		if calls.slowest > 5*time.Second {
			t.Errorf("a call took %s", calls.slowest)
		}
	}
}
