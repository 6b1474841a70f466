// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lives is Vault's answer on a token that lives so many seconds more.
func lives(seconds int) string {
	return fmt.Sprintf(`{"request_id": "0c1f", "data": {"id": "hvs.current", "num_uses": 0, "ttl": %d, "expire_time": "2026-03-01T12:00:00Z"}}`, seconds)
}

// forEver is its answer on one that has no end.
const forEver = `{"request_id": "0c1f", "data": {"num_uses": 0, "ttl": 0, "expire_time": null}}`

// What answers in Vault's place.
const (
	page      = `{"message": "hello"}`
	pageOf403 = `<html>blocked</html>`
	empty     = "empty" // no body at all
)

// answers are a script: one after the other, the last for ever.
func answers(list ...string) script {
	var mu sync.Mutex
	return func(*http.Request) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		next := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		switch next {
		case away, hangs:
			return 0, next
		case denied, invalid, pageOf403:
			return 403, next
		case empty:
			return 200, ""
		}
		return 200, next
	}
}

func TestATokenWhoseTimeIsOverIsLost(t *testing.T) {
	const never = -1 * time.Second
	tests := map[string]struct {
		answers []string
		lost    time.Duration // after the login
		asked   int
	}{
		"as Vault is away":                      {[]string{lives(60), away}, 60 * time.Second, 2},
		"as Vault does not answer":              {[]string{lives(60), hangs}, 62 * time.Second, 2},
		"as Vault does not know it":             {[]string{lives(60), invalid}, 60 * time.Second, 2},
		"as Vault will not say":                 {[]string{lives(60), denied}, 60 * time.Second, 2},
		"after it was renewed, twice":           {[]string{lives(60), lives(60), lives(30), away}, 150 * time.Second, 4},
		"to the second":                         {[]string{lives(1), lives(0), invalid}, 2 * time.Second, 3},
		"as something answers in its place":     {[]string{lives(60), page}, 60 * time.Second, 2},
		"as an answer in its place is empty":    {[]string{lives(60), empty}, 60 * time.Second, 2},
		"where Vault was away at first":         {[]string{away, away, lives(60), away}, 63 * time.Second, 4},
		"behind a page at first":                {[]string{page, pageOf403, lives(60), away}, 63 * time.Second, 4},
		"where an empty answer came first":      {[]string{empty, lives(60), away}, 61 * time.Second, 3},
		"where Vault did not answer at first":   {[]string{hangs, lives(60), away}, 63 * time.Second, 3},
		"but not if Vault never said when":      {[]string{denied, away}, never, 1},
		"but not if it lives for ever":          {[]string{forEver, away}, never, 1},
		"but not if its uses count":             {[]string{strings.Replace(lives(60), `"num_uses": 0`, `"num_uses": 3`, 1), away}, never, 1},
		"but not if it lives for ever by now":   {[]string{lives(60), forEver, away}, never, 2},
		"but not if Vault's answer is odd":      {[]string{strings.Replace(lives(60), "60", `"soon"`, 1), away}, never, 1},
		"but not if no clock holds that long":   {[]string{lives(1e18), away}, never, 1},
		"but not if Vault's answer has no data": {[]string{`{"request_id": "0c1f", "data": null}`, away}, never, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, v, told := identity(t, answers(test.answers...))
				var d diary
				d.listen(i, "1")
				login := time.Now()
				i.set("hvs.current")
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				lost := i.watch(ctx, "hvs.current")
				if lost != (test.lost != never) || lost && time.Since(login) != test.lost {
					t.Errorf("lost %t after %s, want %s", lost, time.Since(login), test.lost)
				}
				if lost && (d.String() != "1 changed to hvs.current, 1 lost hvs.current," || len(told) != 1) {
					t.Errorf("told %q, auto-auth %d times", d.String(), len(told))
				}
				if !lost && i.Token() == "" || v.requests() != test.asked {
					t.Errorf("token %q, Vault was asked %d times, want %d", i.Token(), v.requests(), test.asked)
				}
			})
		})
	}
}

// said is a renewal, and what was said to it.
type said struct {
	sent, answered time.Duration // after the login
	status         int
	body           string
}

// for60 is a renewal that is answered at once.
func for60(sent time.Duration) said { return said{sent, sent, 200, renewal} }

func TestARenewalPutsOffTheEndOfAToken(t *testing.T) {
	gives := func(lease string) string {
		return `{"request_id": "0c1f", "auth": {"client_token": "hvs.1", "renewable": true` + lease + `}}`
	}
	at := func(answer string) said { return said{40 * time.Second, 40 * time.Second, 200, answer} }
	tests := map[string]struct {
		lookups  []string
		renewals []said
		lost     time.Duration // after the login
		asked    int           // lookups
	}{
		"and Vault is away at the first":          {[]string{lives(60), away}, []said{for60(40e9)}, 100 * time.Second, 2},
		"and Vault will not say at the first":     {[]string{lives(60), denied}, []said{for60(40e9)}, 100 * time.Second, 2},
		"more than once":                          {[]string{lives(60), away}, []said{for60(0), for60(40e9), for60(80e9)}, 140 * time.Second, 2},
		"and another's does so, too":              {[]string{lives(60), lives(30), away}, []said{for60(40e9)}, 130 * time.Second, 3},
		"while Vault does not answer at its end":  {[]string{lives(60), hangs, away}, []said{{59e9, 61e9, 200, renewal}}, 119 * time.Second, 3},
		"reckoned from when it was asked for":     {[]string{lives(60), away}, []said{{10e9, 30e9, 200, renewal}}, 70 * time.Second, 2},
		"but not one that gives less":             {[]string{lives(60), away}, []said{for60(0), at(gives(`, "lease_duration": 5`))}, 60 * time.Second, 2},
		"but not one that gives none":             {[]string{lives(60), away}, []said{at(gives(`, "lease_duration": 0`))}, 60 * time.Second, 2},
		"but not one that does not say":           {[]string{lives(60), away}, []said{at(gives(""))}, 60 * time.Second, 2},
		"but not one that takes some away":        {[]string{lives(60), away}, []said{at(gives(`, "lease_duration": -5`))}, 60 * time.Second, 2},
		"but not one of more than a clock holds":  {[]string{lives(60), away}, []said{at(gives(`, "lease_duration": 1000000000000000000`))}, 60 * time.Second, 2},
		"but not one that is not Vault's":         {[]string{lives(60), away}, []said{at(`{"auth": {"client_token": "hvs.1", "lease_duration": 60}}`)}, 60 * time.Second, 2},
		"but not one that is a page":              {[]string{lives(60), away}, []said{at(page)}, 60 * time.Second, 2},
		"but not one that Vault refuses":          {[]string{lives(60), away}, []said{{40e9, 40e9, 403, denied}}, 60 * time.Second, 2},
		"but not one that a sealed Vault refuses": {[]string{lives(60), away}, []said{{40e9, 40e9, 503, sealed}}, 60 * time.Second, 2},
		"until Vault calls it invalid":            {[]string{lives(60), invalid}, []said{for60(40e9)}, 100 * time.Second, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, v, told := identity(t, answers(test.lookups...))
				new(diary).listen(i, "1")
				login := time.Now()
				i.set("hvs.1")
				i.renewals.begin("hvs.1")
				for _, s := range test.renewals {
					time.AfterFunc(s.answered, func() { i.renewals.judge("hvs.1", login.Add(s.sent), answered(s.status, s.body), nil) })
				}
				lost := i.watch(t.Context(), "hvs.1")
				if after := time.Since(login); !lost || after != test.lost {
					t.Errorf("lost %t after %s, want %s", lost, after, test.lost)
				}
				if v.requests() != test.asked || len(told) != 1 {
					t.Errorf("Vault was asked %d times, want %d; auto-auth was told %d times", v.requests(), test.asked, len(told))
				}
			})
		})
	}
}

func TestTheRenewalOfAnotherTokenPutsOffNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, _, _ := identity(t, answers(lives(60), away))
		new(diary).listen(i, "1")
		login := time.Now()
		i.set("hvs.current")
		i.renewals.begin("hvs.other")
		i.renewals.judge("hvs.other", login, answered(200, strings.Replace(renewal, "60", "600", 1)), nil)
		if !i.watch(t.Context(), "hvs.current") || time.Since(login) != time.Minute {
			t.Errorf("lost after %s", time.Since(login))
		}
	})
}

// TestARenewedTokenOutlivesItsFirstEnd has Vault's own handler keep a token alive, of
// which Vault says no more than at first when it ends.
func TestARenewedTokenOutlivesItsFirstEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stubborn{status: 200, body: renewal}
		lookups := answers(lives(60), away)
		login := loginTo(t, func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, lookupSelf) {
				return lookups(r)
			}
			return server.answer(r)
		}, true, 0, 0)
		var told diary
		told.listen(login.Identity, "1")
		keptAlive(t, login, anHour)
		if told.String() != "1 changed to hvs.1," || server.logins != 1 {
			t.Errorf("told %q after %d logins", told.String(), server.logins)
		}
	})
}

func TestTheEndOfAnOldTokenIsNobodysBusiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, v, told := identity(t, answers(lives(60), away))
		var d diary
		d.listen(i, "1")
		i.set("hvs.current")
		time.AfterFunc(30*time.Second, func() { i.set("hvs.next") })
		if i.watch(t.Context(), "hvs.current") || i.Token() != "hvs.next" || len(told) != 0 || v.requests() != 1 {
			t.Errorf("told %q, auto-auth %d times, Vault asked %d times", d.String(), len(told), v.requests())
		}
	})
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	for name, script := range map[string]script{
		"while it waits for the end": answers(lives(60)),
		"while Vault does not answer": func(*http.Request) (int, string) {
			return 0, hangs
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, _, _ := identity(t, script)
				new(diary).listen(i, "1")
				i.set("hvs.current")
				began := time.Now()
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				if i.watch(ctx, "hvs.current") || i.Token() == "" || time.Since(began) != time.Second {
					t.Errorf("lost after %s", time.Since(began))
				}
			})
		})
	}
}

func TestATokenOnWhichNothingHangsIsNotLookedUp(t *testing.T) {
	i, v, _ := identity(t, answers(lives(60)))
	i.set("hvs.current")
	if i.watch(t.Context(), "hvs.current") || v.requests() != 0 {
		t.Errorf("Vault was asked %d times", v.requests())
	}
}

func TestATokenIsLookedUpOnceForAllWhoWantToKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(*http.Request) (int, string) {
			time.Sleep(time.Second)
			return 200, lives(60)
		}
		i, v, _ := identity(t, slow)
		i.set("hvs.current")
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				secret, header, err := i.Read(t.Context(), "", lookupSelf, nil)
				if err != nil || fmt.Sprint(secret.Data["ttl"]) != "60" || header == nil || secret.Data["id"] != nil {
					t.Errorf("%+v, %v", secret, err)
				}
			})
		}
		all.Wait()
		if v.requests() != 1 {
			t.Errorf("Vault was asked %d times", v.requests())
		}
		i.set("hvs.next")
		if _, _, err := i.Read(t.Context(), "", lookupSelf, nil); err != nil || v.requests() != 2 || v.seen[1].Header.Get("X-Vault-Token") != "hvs.next" {
			t.Errorf("Vault was asked %d times, %v", v.requests(), err)
		}
	})
}

func TestWhoWaitsForALookupCanLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, v, _ := identity(t, func(*http.Request) (int, string) { return 0, hangs })
		i.set("hvs.current")
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		go func() { _, _, _ = i.Read(ctx, "", lookupSelf, nil) }()
		synctest.Wait()
		short, leave := context.WithTimeout(ctx, time.Second)
		defer leave()
		began := time.Now()
		if _, _, err := i.Read(short, "", lookupSelf, nil); err != context.DeadlineExceeded || time.Since(began) != time.Second || v.requests() != 1 {
			t.Errorf("%v after %s, Vault was asked %d times", err, time.Since(began), v.requests())
		}
	})
}

// TestALookupThatNobodyAnswersHoldsUpNoOther swallows the first request, as a
// network does that is gone for a moment.
func TestALookupThatNobodyAnswersHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, v, _ := identity(t, answers(hangs, lives(60)))
		i.set("hvs.current")
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		go func() { _, _, _ = i.Read(ctx, "", lookupSelf, nil) }()
		synctest.Wait()
		began := time.Now()
		for range 2 {
			if _, _, err := i.Read(ctx, "", lookupSelf, nil); err != nil || time.Since(began) != lookupTime || v.requests() != 2 {
				t.Errorf("%v after %s, Vault was asked %d times", err, time.Since(began), v.requests())
			}
		}
		stop()
		synctest.Wait()
		if _, _, err := i.Read(t.Context(), "", lookupSelf, nil); err != nil || v.requests() != 2 || len(i.lookups.turn) != 0 {
			t.Errorf("%v, Vault was asked %d times", err, v.requests())
		}
	})
}

func TestALookupThatVaultRefusesIsNotAskedAgain(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		asked  int
	}{
		"by policy":              {403, denied, 1},
		"as there is no such":    {404, denied, 1},
		"as Vault is sealed":     {503, denied, 3},
		"as Vault limits calls":  {429, denied, 3},
		"as a standby is behind": {412, denied, 3},
		"by a page":              {403, pageOf403, 3},
		"by no word at all":      {404, "", 3},
		"as another answers":     {200, page, 3},
		"as the answer is empty": {200, "", 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			i, v, _ := identity(t, func(*http.Request) (int, string) { return test.status, test.body })
			i.set("hvs.current")
			for range 3 {
				if _, _, err := i.Read(t.Context(), "", lookupSelf, nil); (err == nil) != (test.status == 200) {
					t.Errorf("error %v", err)
				}
			}
			if v.requests() != test.asked {
				t.Errorf("Vault was asked %d times, want %d", v.requests(), test.asked)
			}
		})
	}
}
