// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

// mashery is one that refuses what a test says.
type mashery struct {
	refuses func(name string) bool
	calls   int // that reached it
	served  int
}

// call makes a call as the sender does: signed, and sent again once where that
// may help. It tells what was wrong with the grants.
func (m *mashery) call(t *testing.T, g *Grants[string], key Key) error {
	for range 2 {
		grant, err := g.Get(t.Context(), key)
		if err != nil {
			return err
		}
		m.calls++
		if !m.refuses(grant.Value) {
			m.served++
			g.Accepted(key, grant, time.Now())
			return nil
		}
		if !g.Dead(key, grant, false) {
			return nil
		}
	}
	return nil
}

func always(string) bool { return true }

func TestAnInactiveKeyCostsFewGrantsAndCallsGetMasherysAnswer(t *testing.T) {
	for name, key := range map[string]Key{"V3": demo, "V2": {Mount: "mash-creds", Role: "demo", API: 2}, "shared": {Mount: "mash-creds", Role: "demo", API: 3, Shared: true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.shared = &sharedToken{life: time.Hour}
				m := &mashery{refuses: always}
				var after2, calls int
				for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(200 * time.Millisecond) {
					if err := m.call(t, g, key); err != nil {
						t.Fatalf("after %s: %v", time.Since(start), err)
					}
					calls++
					if time.Since(start) <= 2*time.Minute {
						after2 = grantsGiven(v)
					}
				}
				if after2 > 10 || grantsGiven(v) > after2+8 {
					t.Errorf("%d grants in two minutes, %d in ten", after2, grantsGiven(v))
				}
				if m.calls > calls+10 {
					t.Errorf("%d calls were sent %d times", calls, m.calls)
				}
			})
		})
	}
}

// grantsGiven is how many credentials Vault gave.
func grantsGiven(v *vault) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shared.buys > 0 {
		return v.shared.buys
	}
	return len(v.reads)
}

func TestAKeyThatIsActiveAgainIsServedWithinAMinute(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		m := &mashery{refuses: always}
		for range 300 {
			_ = m.call(t, g, demo)
			time.Sleep(time.Second)
		}
		dead := get(t, g, demo)
		m.refuses = func(name string) bool { return name == dead } // new ones are good
		start := time.Now()
		for m.served == 0 {
			_ = m.call(t, g, demo)
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took > 62*time.Second {
			t.Errorf("it took %s", took)
		}
		served := m.served
		for range 400 {
			_ = m.call(t, g, demo)
			time.Sleep(time.Second)
		}
		if m.served-served != 400 {
			t.Errorf("%d of 400 calls were served", m.served-served)
		}
		// After five good minutes a dead grant is replaced at once, as ever.
		dead = get(t, g, demo)
		before := m.calls
		if _ = m.call(t, g, demo); m.calls != before+2 {
			t.Errorf("it was sent %d times", m.calls-before)
		}
	})
}

func TestTheFirstDeathCostsOneGrant(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		m := &mashery{refuses: func(name string) bool { return name == "t1-1" }}
		for range 10 {
			if err := m.call(t, g, demo); err != nil {
				t.Fatal(err)
			}
		}
		reads(t, v, 2, "in all")
		if m.served != 10 || m.calls != 11 {
			t.Errorf("%d served, %d sent", m.served, m.calls)
		}
	})
}

func TestWhenARefusedGrantEndsCallsAreToldSo(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 5, 5
		m := &mashery{refuses: always}
		var told *RefusedError
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(100 * time.Millisecond) {
			err := m.call(t, g, demo)
			if err != nil && !errors.As(err, &told) {
				t.Fatal(err)
			}
		}
		if told == nil || told.After <= 0 || told.After > longestRest || !strings.Contains(told.Error(), "is its API key active") {
			t.Errorf("told %v", told)
		}
	})
}

func TestCallsAreNotLeftWithoutAGrantShortlyBeforeTheNext(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		v.lease, v.most = 60, 60
		m := &mashery{refuses: always}
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			if err := m.call(t, g, demo); err != nil {
				t.Fatalf("after %s: %v", time.Since(start), err)
			}
		}
		if n := v.count(); n > 18 {
			t.Errorf("%d grants in ten minutes", n)
		}
	})
}

// TestTwoProxiesWhoseGrantsKillEachOther has a Mashery that lets only the newest
// token of a user live.
func TestTwoProxiesWhoseGrantsKillEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, a *Grants[string]) {
		var log strings.Builder
		a.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
		b := New(Config[string]{Vault: v, Parse: nameOf, Logger: a.Logger})
		defer b.Close()
		newest := &mashery{refuses: func(name string) bool { return name != v.newest() }}
		var at2 int
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			_ = newest.call(t, a, demo)
			_ = newest.call(t, b, demo)
			if time.Since(start) < 2*time.Minute {
				at2 = v.count()
			}
		}
		if perMinute := (v.count() - at2) / 8; perMinute > 4 || at2 > 40 {
			t.Errorf("%d grants in two minutes, then %d a minute by both", at2, perMinute)
		}
		if n := strings.Count(log.String(), `grant_from = "token"`); n != 2 {
			t.Errorf("%d hints by both:\n%s", n, log.String())
		}
	})
}

// TestTwoRolesWithOneKeyAtAMasheryThatLetsOnlyTheNewestTokenLive: however their
// tokens are got, the log names the one to the other.
func TestTwoRolesWithOneKeyAtAMasheryThatLetsOnlyTheNewestTokenLive(t *testing.T) {
	for name, test := range map[string]struct {
		shared bool
		keys   map[string]string // by role
		named  bool
	}{
		"grants":                       {false, map[string]string{"a": "5e1f", "b": "5e1f"}, true},
		"shared tokens":                {true, map[string]string{"a": "5e1f", "b": "5e1f"}, true},
		"an engine that names no keys": {false, nil, false},
		"one that shares tokens":       {true, nil, false},
		"keys that seem to differ":     {true, map[string]string{"a": "5e1f", "b": "0b5e"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, _ *Grants[string]) {
				keyed := &keyed{vault: v, keys: test.keys, tokens: map[string]*sharedToken{
					"mash-creds/roles/a/token": {life: time.Hour}, "mash-creds/roles/b/token": {life: time.Hour},
				}}
				var log strings.Builder
				g := New(Config[string]{Vault: keyed, Parse: nameOf, Logger: hclog.New(&hclog.LoggerOptions{Output: &log})})
				defer g.Close()
				newest := &mashery{refuses: func(name string) bool { return name != v.newest() }}
				for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
					for _, role := range []string{"a", "b"} {
						_ = newest.call(t, g, Key{Mount: "mash-creds", Role: role, API: 3, Shared: test.shared})
					}
				}
				hints := 0
				for line := range strings.Lines(log.String()) {
					if !strings.Contains(line, "use one role for that key") {
						continue
					}
					hints++
					twin := map[bool]string{true: "b", false: "a"}[strings.Contains(line, " role=a ")]
					if strings.Contains(line, "role_with_same_key="+twin) != test.named || strings.Contains(line, "role_with_same_key") != test.named {
						t.Errorf("said is %s", line)
					}
				}
				if hints != 2 {
					t.Errorf("%d hints:\n%s", hints, log.String())
				}
			})
		})
	}
}

// keyed is a Vault whose roles have API keys, and shared tokens of their own.
type keyed struct {
	*vault
	keys   map[string]string       // by role
	tokens map[string]*sharedToken // by path
}

func (v *keyed) Read(ctx context.Context, namespace, path string, query url.Values) (secret *api.Secret, header http.Header, err error) {
	if token := v.tokens[path]; token != nil {
		v.now(func(v *vault) {
			bought := token.buys
			if secret = token.read(path); token.buys > bought {
				v.last = token.token
			}
		})
		header = dated(time.Now())
	} else if secret, header, err = v.vault.Read(ctx, namespace, path, query); err != nil {
		return nil, nil, err
	}
	if key := v.keys[strings.Split(path, "/")[2]]; key != "" {
		secret.Data["key_id"] = key
	}
	return secret, header, nil
}

func (v *keyed) Delete(_ context.Context, _, path string, _ url.Values) error {
	v.now(func(*vault) { v.tokens[path].token = "" })
	return nil
}

// newest is the grant that was given last.
func (v *vault) newest() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

func TestAGrantIsKeptWhereTheCallMayHaveBeenRefusedAndVaultGivesNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		away func(v *vault)
		wait time.Duration // of the first call after it
	}{
		"Vault is away":        {func(v *vault) { v.says = errAway }, 0},
		"Vault is silent":      {func(v *vault) { v.takes = time.Hour }, waitTimeout},
		"Vault is slow":        {func(v *vault) { v.takes = 3 * time.Second }, waitTimeout},
		"Vault has nobody in":  {func(v *vault) { v.says = refusal(500, "internal error") }, 0},
		"Vault does not allow": {func(v *vault) { v.says = refusal(403, "permission denied") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				grant, _ := g.Get(t.Context(), demo)
				time.Sleep(time.Second)
				v.now(test.away)
				if !g.Dead(demo, grant, true) {
					t.Error("no other is to be had, before Vault was asked")
				}
				start := time.Now()
				want(t, g, "t1-1", "the call that is sent again")
				if took := time.Since(start); took != test.wait {
					t.Errorf("it waited %s, want %s", took, test.wait)
				}
				g.Accepted(demo, grant, time.Now().Add(1)) // somebody else's call
				time.Sleep(time.Millisecond)
				start = time.Now()
				want(t, g, "t1-1", "others")
				if !g.Holds(demo, grant) || time.Since(start) > 0 {
					t.Errorf("they waited %s", time.Since(start))
				}
				if g.Dead(demo, grant, true) {
					t.Error("the same call is sent again, though it is the call that is refused")
				}
			})
		})
	}
}

func TestACallIsNotSignedAgainWithWhatItWasRefusedWithThoughOthersAre(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		grant, _ := g.Get(t.Context(), demo)
		v.now(func(v *vault) { v.says = errAway })
		for range 2 { // once before Vault was asked, once after
			if !g.Dead(demo, grant, false) {
				t.Error("it is not sent again")
			}
			if another, err := g.Another(t.Context(), demo, grant, 0); err != errAway {
				t.Errorf("the call got %v, %v", another, err)
			}
			want(t, g, "t1-1", "others")
		}
		g.Accepted(demo, grant, time.Now().Add(1))
		if another, err := g.Another(t.Context(), demo, grant, 0); another != grant || err != nil {
			t.Errorf("when others were answered by it: %v, %v", another, err)
		}
	})
}
