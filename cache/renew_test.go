// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// load makes so many calls a second for a while. None may fail, wait, or be
// signed with a grant whose lease is over.
func load(t *testing.T, v *vault, g *Grants[string], perSecond int, lasts time.Duration) {
	t.Helper()
	for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(time.Second / time.Duration(perSecond)) {
		start := time.Now()
		name := get(t, g, demo)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a call waited %s for a grant", waited)
		}
		if !v.alive(name) {
			t.Errorf("a call was signed with %s, whose lease is over", name)
		}
	}
}

func TestUnderSteadyLoadNoCallWaitsAfterTheFirst(t *testing.T) {
	for _, test := range []struct {
		name              string
		lease, most       int
		perSecond         int
		takes, lasts      time.Duration
		fetches, renewals int // at most
	}{
		{"20 s leases that cannot be extended, 5 calls a second for 5 minutes", 20, 20, 5, 100 * time.Millisecond, 5 * time.Minute, 28, 28},
		{"20 s leases that can, up to two minutes", 20, 120, 5, 100 * time.Millisecond, 5 * time.Minute, 5, 30},
		{"V2's leases over an hour", 60, 120, 5, time.Second, time.Hour, 50, 100},
		{"V3's leases over six hours", 900, 3240, 1, 2 * time.Second, 6 * time.Hour, 10, 50},
		{"leases of ten seconds, a Vault that takes a second", 10, 10, 10, time.Second, 10 * time.Minute, 120, 120},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.lease, v.most = test.lease, test.most
				get(t, g, demo)
				v.now(func(v *vault) { v.takes = test.takes })
				load(t, v, g, test.perSecond, test.lasts)
				if f, r := len(v.asked()), len(v.renewed()); f > test.fetches || r > test.renewals {
					t.Errorf("%d grants, %d renewals; want %d, %d at most", f, r, test.fetches, test.renewals)
				}
			})
		})
	}
}

func TestALeaseIsRenewedAtAboutTwoThirds(t *testing.T) {
	for range 20 {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			start := time.Now()
			want(t, g, "t1-1", "the first")
			time.Sleep(30 * time.Second)
			want(t, g, "t1-1", "later")
			time.Sleep(20 * time.Second)
			if len(v.renewed()) != 1 {
				t.Fatalf("%d renewals", len(v.renewed()))
			}
			if at := v.renewed()[0].at.Sub(start); at < 30*time.Second || at > 40*time.Second {
				t.Errorf("it was renewed after %s", at)
			}
			if asked := v.renewed()[0]; asked.path != "sys/leases/renew?mash-creds/roles/demo/grant/t1-1" || asked.namespace != "" || asked.seen != "t1" {
				t.Errorf("asked %+v", asked)
			}
			time.Sleep(20 * time.Second)
			want(t, g, "t1-1", "after its first lease")
			reads(t, v, 1, "in all")
		})
	}
}

func TestTheTimesOfRenewalsAreSpread(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 100 {
		after := upkeepAfter(terms{lease: time.Minute})
		if after < 32*time.Second || after > 39*time.Second {
			t.Errorf("after %s", after)
		}
		seen[after] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different times of 100", len(seen))
	}
}

func TestALeaseThatNobodyUsesLapses(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		for i := range 1000 {
			grant, err := g.Get(t.Context(), role(fmt.Sprint(i)))
			if err != nil || !g.Holds(role(fmt.Sprint(i)), grant) { // asked again after the wait for a slot
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		if n := v.all(); n != 1000 {
			t.Errorf("Vault was asked %d times for 1,000 roles that were used once", n)
		}
	})
}

func TestALateUseStillFindsAndKeepsTheGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "the first")
		time.Sleep(57 * time.Second) // nobody used it when it was due
		want(t, g, "t1-1", "shortly before its end")
		time.Sleep(10 * time.Second)
		want(t, g, "t1-1", "as it was renewed then")
		reads(t, v, 1, "in all")
	})
}

func TestAGrantIsReplacedInTimeWhenItsLeaseIsNotExtended(t *testing.T) {
	for name, keeps := range map[string]func() (*api.Secret, error){
		"as Vault has nothing to say (204)": func() (*api.Secret, error) { return nil, nil },
		"as it ends no later than before": func() (*api.Secret, error) {
			return &api.Secret{RequestID: requestID, LeaseDuration: 15, Renewable: true}, nil
		},
		"as it has no time at all":      func() (*api.Secret, error) { return &api.Secret{RequestID: requestID}, nil },
		"as the token may not renew":    func() (*api.Secret, error) { return nil, refusal(403, "permission denied") },
		"as Vault refuses it otherwise": func() (*api.Secret, error) { return nil, refusal(400, "past the max TTL, cannot renew") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.keeps = keeps
				v.lease, v.most = 60, 60
				get(t, g, demo)
				v.now(func(v *vault) { v.takes = time.Second })
				load(t, v, g, 2, 5*time.Minute)
				if n := v.count(); n < 5 || n > 11 {
					t.Errorf("%d grants in five minutes", n)
				}
				if len(v.renewed()) > v.count() {
					t.Errorf("%d renewals of %d grants", len(v.renewed()), v.count())
				}
			})
		})
	}
}

func TestALeaseThatIsNotRenewableIsNotRenewed(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.gives = func() (*api.Secret, http.Header, error) { return leased(60, map[string]any{"name": "x"}), nil, nil }
		for range 120 {
			get(t, g, demo)
			time.Sleep(time.Second)
		}
		if len(v.renewed()) != 0 || v.count() < 3 {
			t.Errorf("%d renewals, %d grants", len(v.renewed()), v.count())
		}
	})
}

func TestTheOldGrantSignsUntilItsSuccessorIsThere(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 60, 60
		get(t, g, demo)
		v.now(func(v *vault) { v.takes = 8 * time.Second })
		load(t, v, g, 1, 10*time.Minute)
	})
}

func TestARenewedGrantDoesNotOutliveItsOwnEnd(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		start := time.Now()
		v.gives = func() (*api.Secret, http.Header, error) {
			secret := leased(60, map[string]any{"name": "v3", "expiry_epoch": epoch(start.Add(90 * time.Second))})
			secret.LeaseID, secret.Renewable = "x", true
			v.now(func(v *vault) { v.says, v.gives = errAway, nil }) // no other
			return secret, dated(time.Now()), nil
		}
		v.keeps = func() (*api.Secret, error) {
			return &api.Secret{RequestID: requestID, LeaseDuration: 3600, Renewable: true}, nil
		}
		for time.Since(start) < 88*time.Second {
			want(t, g, "v3", "until its own end")
			time.Sleep(time.Second)
		}
		if _, err := g.Get(t.Context(), demo); err != errAway {
			t.Errorf("after that: %v", err)
		}
		if len(v.renewed()) != 1 {
			t.Errorf("%d renewals", len(v.renewed()))
		}
	})
}

func TestALeaseThatVaultHasEndedIsNoticedAtTheNextRenewal(t *testing.T) {
	for _, no := range []error{
		refusal(400, "lease not found"), refusal(400, "lease expired"),
		refusal(400, "1 error occurred:\n\t* lease is not renewable\n\n"), refusal(403, "invalid token"),
	} {
		t.Run(brief(no), func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				want(t, g, "t1-1", "the first")
				time.Sleep(10 * time.Second)
				want(t, g, "t1-1", "used")
				v.now(func(v *vault) { v.keeps = func() (*api.Secret, error) { return nil, no } })
				time.Sleep(30 * time.Second)
				start := time.Now()
				want(t, g, "t1-2", "after the renewal")
				if time.Since(start) != 0 {
					t.Errorf("a call waited %s", time.Since(start))
				}
			})
		})
	}
}

func TestARenewalThatFailsIsTriedAgainInTime(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		get(t, g, demo)
		time.Sleep(30 * time.Second)
		v.now(func(v *vault) { v.says = errAway })
		load(t, v, g, 5, 25*time.Second) // until three seconds before its end
		v.now(func(v *vault) { v.says = nil })
		load(t, v, g, 5, time.Minute)
		if n := v.count(); n > 2 {
			t.Errorf("%d grants were read", n)
		}
	})
}

func TestWhereVaultIsTooSlowToRenewASuccessorIsReadInTime(t *testing.T) {
	for _, test := range []struct {
		name        string
		lease, most int
		takes       time.Duration
		fetches     int // in ten minutes, at most
	}{
		{"leases of 30 s, 2.5 s for each request", 30, 30, 2500 * time.Millisecond, 36},
		{"leases of 30 s, 7 s", 30, 30, 7 * time.Second, 36},
		{"V2's leases, 10 s", 60, 120, 10 * time.Second, 18},
		{"V3's leases, 29 s", 900, 3240, 29 * time.Second, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.lease, v.most = test.lease, test.most
				get(t, g, demo)
				v.now(func(v *vault) { v.takes, v.slow = test.takes, test.takes })
				load(t, v, g, 10, 10*time.Minute)
				if n := v.count(); n > test.fetches {
					t.Errorf("%d grants were read", n)
				}
			})
		})
	}
}

func TestWhereVaultIsAsSlowAsItWasTheSuccessorIsReadInTime(t *testing.T) {
	for _, test := range []struct {
		name        string
		lease, most int
		read, renew time.Duration
		key         Key
		fetches     int // in ten minutes, at most
	}{
		{"leases of 30 s, 10 s for each request", 30, 30, 10 * time.Second, 10 * time.Second, demo, 40},
		{"leases of 30 s, 12 s", 30, 30, 12 * time.Second, 12 * time.Second, demo, 44},
		{"leases of 20 s, 6 s", 20, 20, 6 * time.Second, 6 * time.Second, demo, 59},
		{"leases of 10 s, 1.9 s", 10, 10, 1900 * time.Millisecond, 1900 * time.Millisecond, demo, 120},
		{"leases of 30 s that can be extended, 10 s", 30, 120, 10 * time.Second, 10 * time.Second, demo, 40},
		{"the same, but renewals are quick", 30, 120, 10 * time.Second, 0, demo, 7},
		{"leases of 30 s that cannot, though renewals are quick", 30, 30, 10 * time.Second, 0, demo, 26},
		{"shared tokens of 30 s", 0, 0, 10 * time.Second, 0, demoShared, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.lease, v.most, v.takes, v.slow = test.lease, test.most, test.read, test.renew
				v.shared = &sharedToken{life: 30 * time.Second}
				if _, err := g.Get(t.Context(), test.key); err != ErrSlow {
					t.Fatalf("the first call: %v", err)
				}
				time.Sleep(test.read)
				for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					start := time.Now()
					if _, err := g.Get(t.Context(), test.key); err != nil || time.Since(start) > 0 {
						t.Fatalf("a call: %v, %s waited", err, time.Since(start))
					}
				}
				if n := v.count(); n > test.fetches {
					t.Errorf("%d grants were read", n)
				}
			})
		})
	}
}

func TestAQuickVaultIsAskedAtTheUsualTime(t *testing.T) {
	for _, test := range []struct {
		name        string
		lease, most int
		first, then time.Duration // reads
		early       int           // renewals before the usual time
	}{
		{"leases of 5 s", 5, 5, 100 * time.Millisecond, 100 * time.Millisecond, 0},
		{"leases of 10 s", 10, 10, 500 * time.Millisecond, 500 * time.Millisecond, 0},
		{"leases of a minute", 60, 120, time.Second, time.Second, 0},
		{"leases of 15 minutes, of an engine that logs in", 900, 3240, 5 * time.Second, 5 * time.Second, 0},
		{"leases of 10 s, and once it logs in", 10, 600, 3 * time.Second, 100 * time.Millisecond, 1},
		{"the same, though they are not extended", 10, 10, 3 * time.Second, 100 * time.Millisecond, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.lease, v.most, v.takes = test.lease, test.most, test.first
				_, _ = g.Get(t.Context(), demo)
				time.Sleep(test.first)
				v.now(func(v *vault) { v.takes = test.then })
				load(t, v, g, 10, 10*time.Minute)
				early, begun := 0, append(v.asked(), v.renewed()...)
				slices.SortFunc(begun, func(a, b request) int { return a.at.Compare(b.at) })
				lease := terms{lease: time.Duration(test.lease) * time.Second}.usable()
				for i, asked := range begun[1:] {
					if after := asked.at.Sub(begun[i].at); strings.HasPrefix(asked.path, "sys/") && after < lease*2/3-lease/10 && after > 0 {
						early++
					}
				}
				if len(begun) < 2 || early != test.early {
					t.Errorf("of %d requests %d came early", len(begun), early)
				}
			})
		})
	}
}

func TestWhereSomethingElseAnswersRenewalsASuccessorIsReadInTime(t *testing.T) {
	for name, keeps := range map[string]func() (*api.Secret, error){
		"a page that forbids them": func() (*api.Secret, error) {
			return nil, &api.ResponseError{StatusCode: 403, RawError: true, Errors: []string{"<html>"}}
		},
		"a page that says 200":   func() (*api.Secret, error) { return api.ParseSecret(strings.NewReader("<html>")) },
		"another's JSON":         func() (*api.Secret, error) { return api.ParseSecret(strings.NewReader(`{"message":"hello"}`)) },
		"a word of JSON":         func() (*api.Secret, error) { return api.ParseSecret(strings.NewReader(`"OK"`)) },
		"an error of Vault's":    func() (*api.Secret, error) { return nil, refusal(500, "internal error") },
		"a balancer without one": func() (*api.Secret, error) { return nil, refusal(502, "no upstream") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				get(t, g, demo)
				v.now(func(v *vault) { v.keeps, v.takes = keeps, time.Second })
				load(t, v, g, 10, 10*time.Minute)
				if n := v.count(); n > 25 { // one for each lease of a minute, and its end
					t.Errorf("%d grants were read", n)
				}
			})
		})
	}
}

func TestAGrantThatWasReplacedMeanwhileIsNotTouchedByItsRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.slow = time.Second
		grant, err := g.Get(t.Context(), demo)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		want(t, g, "t1-1", "used")
		for len(v.renewed()) == 0 {
			time.Sleep(100 * time.Millisecond)
			settled()
		}
		v.now(func(v *vault) { v.keeps = func() (*api.Secret, error) { return nil, refusal(400, "lease not found") } })
		g.Dead(demo, grant, false)
		want(t, g, "t1-2", "its successor")
		time.Sleep(2 * time.Second)
		want(t, g, "t1-2", "after the answer to the renewal")
	})
}

func TestAfterTheTokenNoOldLeaseIsRenewed(t *testing.T) {
	for name, change := range map[string]func(*vault, *Grants[string]){
		"changed": func(v *vault, g *Grants[string]) {
			v.now(func(v *vault) { v.token = "t2" })
			g.TokenChanged()
		},
		"was lost and there is another": func(v *vault, g *Grants[string]) {
			v.now(func(v *vault) { v.token = "" })
			g.TokenLost()
			v.now(func(v *vault) { v.token = "t2" })
			g.TokenChanged()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				for i := range 200 {
					get(t, g, role(fmt.Sprint(i)))
					get(t, g, role(fmt.Sprint(i)))
				}
				v.now(func(v *vault) { v.takes = 500 * time.Millisecond })
				change(v, g)
				for range 100 {
					for i := range 200 {
						go func() { _, _ = g.Get(t.Context(), role(fmt.Sprint(i))) }()
					}
					time.Sleep(3 * time.Second)
				}
				for _, asked := range v.renewed() {
					if !strings.Contains(asked.path, "/t2-") || asked.seen != "t2" {
						t.Fatalf("asked %+v", asked)
					}
				}
				if len(v.renewed()) == 0 {
					t.Error("nothing was renewed")
				}
			})
		})
	}
}

func TestGrantsAreNotKeptUpAfterTheClose(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		want(t, g, "t1-1", "the first")
		time.Sleep(time.Second)
		want(t, g, "t1-1", "used")
		g.Close()
		time.Sleep(50 * time.Second)
		want(t, g, "t1-1", "after the close")
		time.Sleep(time.Minute)
		if _, err := g.Get(t.Context(), demo); !errors.Is(err, ErrClosed) || v.all() != 1 {
			t.Errorf("got %v; Vault was asked %d times", err, v.all())
		}
	})
}

func TestWhereNoRenewalIsAnsweredInTimeOnlyTheFirstLeasesEndIsWaitedFor(t *testing.T) {
	for lease, takes := range map[int]time.Duration{10: 4 * time.Second, 15: 6 * time.Second} {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			v.lease, v.takes, v.slow = lease, takes, takes
			_, _ = spread(t, g, []Key{demo}, 100*time.Millisecond, time.Duration(2*lease)*time.Second) // it learns
			if failed, slowest := spread(t, g, []Key{demo}, 100*time.Millisecond, 5*time.Minute); failed > 0 || slowest > 0 {
				t.Errorf("leases of %d s: %d calls failed, the slowest waited %s", lease, failed, slowest)
			}
			v.now(func(v *vault) { v.takes, v.slow = 0, 0 })
			time.Sleep(time.Duration(lease) * time.Second)
			before := v.count()
			load(t, v, g, 10, 110*time.Second) // a lease can be extended to two minutes
			if n := v.count() - before; n > 3 {
				t.Errorf("leases of %d s: Vault is quick again, and %d grants were read", lease, n)
			}
		})
	}
}
