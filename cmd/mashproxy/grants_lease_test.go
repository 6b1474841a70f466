// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

func TestAProcessThatWasStoppedPastItsLeaseSignsWithAFreshGrant(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{TokenLife: 4 * time.Second}}})
	log := w.audited(t)
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	w.signal(t, syscall.SIGSTOP)
	<-time.After(5 * time.Second) // beyond the token's life, and so the lease's
	w.signal(t, syscall.SIGCONT)
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if n := w.Mashery().Counts().Refused[emulator.CauseToken]; n != 0 {
		t.Errorf("%d calls were signed with a token that was over", n)
	}
	if n := log.count(t, grantPath); n != 2 {
		t.Errorf("%d grants were read, want 2", n)
	}
}

func TestAProcessThatWasStoppedWhileAGrantWasReadReadsItOnceMore(t *testing.T) {
	t.Parallel()
	w, f := openWatched(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{TokenLife: 4 * time.Second}}})
	vault := front(t, w.Sandbox).Config.Handler
	f.now(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/grant") {
			slowly(time.Second, vault)(rw, r)
			return
		}
		vault.ServeHTTP(rw, r)
	})
	waiting := make(chan []string, 1)
	go func() { waiting <- w.unix.parallel(1, 1, http.MethodGet, v3+"services?limit=1", "") }()
	eventually(t, "the grant is asked for", func() bool { return len(f.since(time.Time{}, "/grant")) > 0 })
	w.signal(t, syscall.SIGSTOP)
	<-time.After(6 * time.Second) // beyond the token's life, and so the lease's
	w.signal(t, syscall.SIGCONT)
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if wrong := <-waiting; len(wrong) > 0 {
		t.Errorf("the call that waited: %s", wrong[0])
	}
	if n := len(f.since(time.Time{}, "/grant")); n != 2 {
		t.Errorf("%d grants were read, want 2", n)
	}
}

func TestV2LeasesAreRenewedWhileTheyAreUsed(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	log := w.audited(t)
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "") // once, and so it lapses
	began := time.Now()
	calls := w.unix.load(2, "POST", v2, echo)
	within(t, time.Minute, "the lease is renewed", func() bool { return log.count(t, "sys/leases/renew") > 0 })
	if took := time.Since(began); took < 30*time.Second {
		t.Errorf("a lease of a minute was renewed after %s", took)
	}
	calls.more(t, 20)
	calls.end(t)
	if grants, renewals := log.count(t, grantPath), log.count(t, "sys/leases/renew"); grants != 2 || renewals != 1 {
		t.Errorf("%d grants, %d renewals; want 2 and 1", grants, renewals)
	}
}

func TestNoCallWaitsForAGrantWhileShortLeasesEnd(t *testing.T) {
	t.Parallel()
	w, f := openWatched(t, setup{})
	w.tune(t, "15s")
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	const slow = 3 * time.Second // longer than a call waits
	vault := front(t, w.Sandbox).Config.Handler
	f.now(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/grant") {
			slowly(slow, vault)(rw, r) // as if Mashery took its time behind it
			return
		}
		vault.ServeHTTP(rw, r)
	})
	calls := w.unix.load(2, "GET", v3+"services?limit=1", "")
	<-time.After(25 * time.Second) // ten beyond the first lease
	calls.end(t)
	if n := len(f.since(time.Time{}, "/grant")); n < 2 || n > 5 {
		t.Errorf("%d grants were read", n)
	}
}

func TestALeaseThatIsRevokedIsNoticedAtTheNextRenewal(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.tune(t, "8s")
	calls := w.unix.load(2, "GET", v3+"services?limit=1", "")
	calls.more(t, 10)
	w.write(t, "sys/leases/revoke-prefix/mash-creds/", nil)
	eventually(t, "it is noticed", func() bool { return strings.Contains(w.stderr.String(), "Vault has ended the lease of a grant") })
	calls.end(t)
	if strings.Contains(w.stderr.String(), "[ERROR]") {
		t.Errorf("errors are logged:\n%s", &w.stderr)
	}
}

func TestARolesForcedProxyModeIsForgottenSoonAfterItEnds(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.force(t, true)
	local := func() bool {
		a := w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		return strings.HasPrefix(a.header.Get("X-Proxy-Mode"), "mashproxy")
	}
	for range 3 {
		if local() {
			t.Error("a call of a role in forced proxy mode is served here")
		}
	}
	w.force(t, false)
	eventually(t, "its calls are served here", local)
}
