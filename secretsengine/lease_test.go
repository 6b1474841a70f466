// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func (e *engine) lease(api string) *logical.Secret {
	e.Helper()
	resp := e.must(logical.ReadOperation, "roles/demo/grant", map[string]any{"api": api, "lease": "true"})
	if resp.Secret == nil {
		e.Fatal("the grant has no lease")
	}
	return resp.Secret
}

// renew asks as Vault's expiration manager does, and gives the time Vault would
// then give the lease (vault/expiration.go).
func (e *engine) renew(secret *logical.Secret, increment time.Duration) (time.Duration, error) {
	e.Helper()
	secret.Increment = increment
	resp, err := e.HandleRequest(e.Context(), &logical.Request{
		Operation: logical.RenewOperation, Path: "roles/demo/grant", Secret: secret, Storage: e.storage,
	})
	if err != nil {
		return 0, err
	}
	ttl, _, err := framework.CalculateTTL(e.System(), increment, resp.Secret.TTL, 0, resp.Secret.MaxTTL, 0, secret.IssueTime)
	return ttl, err
}

func TestAGrantHasALeaseOnlyWhenAsked(t *testing.T) {
	e := newDemo(t)
	for _, api := range []string{"2", "3"} {
		if e.must(logical.ReadOperation, "roles/demo/grant", map[string]any{"api": api}).Secret != nil {
			t.Errorf("api %s: a lease nobody asked for", api)
		}
	}
	v2, v3 := e.lease("2"), e.lease("3")
	wantEqual(t, "V2 time", v2.TTL, time.Minute)
	wantEqual(t, "V2 maximum", v2.MaxTTL, 2*time.Minute)
	wantEqual(t, "V3 time", v3.TTL, 15*time.Minute)
	wantEqual(t, "V3 maximum", v3.MaxTTL, 54*time.Minute)
	if !v2.Renewable || !v3.Renewable {
		t.Error("leases must be renewable")
	}
}

func TestALeaseOfAShortTokenEndsBeforeIt(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { giveToken(w, 1, 100) })
	secret := e.lease("3")
	wantEqual(t, "time", secret.TTL, 90*time.Second)
	wantEqual(t, "maximum", secret.MaxTTL, 90*time.Second)
}

func TestALeaseThatIsRenewedReallyLastsLonger(t *testing.T) {
	for _, c := range []struct {
		name           string
		api            string
		age, increment time.Duration
		want           time.Duration
	}{
		{"V2 gets its minute again", "2", 40 * time.Second, 0, time.Minute},
		{"V2 gets what is left of two minutes", "2", 90 * time.Second, 0, 30 * time.Second},
		{"V3 gets its quarter of an hour again", "3", 10 * time.Minute, 0, 15 * time.Minute},
		{"V3 gets what is left of the token", "3", 50 * time.Minute, 0, 4 * time.Minute},
		{"V3 gives an increment that is asked for", "3", 10 * time.Minute, 20 * time.Minute, 20 * time.Minute},
		{"V3 gives no more than its maximum", "3", 10 * time.Minute, 5 * time.Hour, 44 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newDemo(t)
			secret := e.lease(c.api)
			secret.IssueTime = time.Now().Add(-c.age)
			secret.TTL = time.Second // what the last renewal left
			got, err := e.renew(secret, c.increment)
			if err != nil {
				t.Fatal(err)
			}
			if diff := got - c.want; diff < -2*time.Second || diff > 2*time.Second {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestTheMountsMaximumCounts(t *testing.T) {
	e := newDemo(t)
	e.system.MaxLeaseTTLVal = 5 * time.Minute
	secret := e.lease("3")
	secret.IssueTime = time.Now().Add(-3 * time.Minute)
	got, err := e.renew(secret, 0)
	if err != nil || got > 2*time.Minute {
		t.Errorf("got %s, %v", got, err)
	}
	secret.IssueTime = time.Now().Add(-6 * time.Minute)
	if _, err := e.renew(secret, 0); err == nil {
		t.Error("a lease past the mount's maximum must not be renewed")
	}
}

func TestALeaseIsNotRenewedForACredentialThatIsNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*engine)
		want   string
	}{
		"the role is gone": {
			func(e *engine) { e.must(logical.DeleteOperation, "roles/demo", nil) },
			`lease is not renewable: role "demo" is gone`},
		"the area was changed": {
			func(e *engine) { e.writeRole("demo", map[string]any{"area_nid": 43}) },
			`lease is not renewable: role "demo" has other credentials now; read a new grant`},
		"the secret was changed": {
			func(e *engine) { e.writeRole("demo", map[string]any{"secret": "other"}) },
			`lease is not renewable: role "demo" has other credentials now; read a new grant`},
		"the role is over its term": {
			func(e *engine) {
				e.writeRole("demo", map[string]any{"explicit_term": "1m"})
				e.clock.move(time.Hour)
			},
			`lease is not renewable: role "demo" has expired (granted until `},
		"the role may give out no credentials": {
			func(e *engine) { e.writeRole("demo", map[string]any{"forced_proxy_mode": true}) },
			`lease is not renewable: role "demo" requires proxy mode now`},
		"the role was made anew with other credentials": {
			func(e *engine) { e.must(logical.DeleteOperation, "roles/demo", nil); e.writeRole("demo", nil) },
			`lease is not renewable: role "demo" has other credentials now; read a new grant`},
	} {
		for _, api := range []string{"2", "3"} {
			t.Run(name+", api "+api, func(t *testing.T) {
				e := newDemo(t)
				secret := e.lease(api)
				e.writeRole("demo", map[string]any{"qps": 9}) // which alone would leave it its time
				c.change(e)
				_, err := e.renew(secret, 0)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
			})
		}
	}
}

func TestALeaseEndsWithTheTermOfItsRole(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_term": "5m"})
	secret := e.lease("3")
	wantEqual(t, "time", secret.TTL, 5*time.Minute)
	wantEqual(t, "maximum", secret.MaxTTL, 5*time.Minute)
	e.writeRole("demo", map[string]any{"explicit_term": "30s"})
	secret.IssueTime = time.Now()
	got, err := e.renew(secret, 0)
	if err != nil || got > 30*time.Second {
		t.Errorf("renewed for %s, %v", got, err)
	}
}

// atOnce are the words by which mashproxy drops a grant without having another.
var atOnce = []string{"lease is not renewable", "lease not found", "lease expired", "invalid token"}

func TestAChangeOfWhatAGrantTellsHasItReplacedInTime(t *testing.T) {
	const outdated = `the grant is out of date: role "demo" has another qps, or the mount another endpoint, than it tells; read a new one`
	for _, c := range []struct {
		name   string
		change func(*engine)
		want   string // "": renewed
	}{
		{"more calls a second", func(e *engine) { e.writeRole("demo", map[string]any{"qps": 1001}) }, outdated},
		{"fewer calls a second", func(e *engine) { e.writeRole("demo", map[string]any{"qps": 1}) }, outdated},
		{"another V2 endpoint", func(e *engine) { e.writeConfig("v2_endpoint", e.mashery.URL+"/other") }, outdated},
		{"another V3 endpoint", func(e *engine) { e.writeConfig("v3_endpoint", e.mashery.URL+"/other") }, outdated},
		{"the same again", func(e *engine) { e.writeRole("demo", map[string]any{"qps": 1000}) }, ""},
		{"there and back", func(e *engine) {
			e.writeRole("demo", map[string]any{"qps": 9})
			e.writeRole("demo", map[string]any{"qps": 1000})
		}, ""},
		{"the same endpoint in other words", func(e *engine) { e.writeConfig("v3_endpoint", e.mashery.URL+"/v3/rest/") }, ""},
		{"a setting of the role that no grant tells", func(e *engine) { e.writeRole("demo", map[string]any{"explicit_term": "2w"}) }, ""},
		{"a setting of the mount that no grant tells", func(e *engine) { e.writeConfig("oaep_label", "other") }, ""},
	} {
		for _, api := range []string{"2", "3"} {
			t.Run(c.name+", api "+api, func(t *testing.T) {
				e := newDemo(t)
				secret := e.lease(api)
				c.change(e)
				_, err := e.renew(secret, 0)
				if c.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || err.Error() != c.want {
					t.Fatalf("got %v, want %s", err, c.want)
				}
				for _, words := range atOnce {
					if strings.Contains(err.Error(), words) {
						t.Errorf("%q has the grant dropped at once, and calls wait", words)
					}
				}
				if _, err := e.renew(e.lease(api), 0); err != nil {
					t.Errorf("the successor: %v", err)
				}
			})
		}
	}
}

func TestALeaseThatDoesNotSayWhatItsGrantToldIsRenewed(t *testing.T) {
	e := newDemo(t)
	secret := e.lease("3")
	delete(secret.InternalData, leaseTold) // as an earlier version's
	e.writeRole("demo", map[string]any{"qps": 9})
	if _, err := e.renew(secret, 0); err != nil {
		t.Error(err)
	}
}

func (e *engine) writeConfig(field, value string) {
	e.Helper()
	e.must(logical.UpdateOperation, "config", map[string]any{field: value})
}

func TestRevokingAlwaysSucceeds(t *testing.T) {
	e := newDemo(t)
	secrets := []*logical.Secret{e.lease("2"), e.lease("3")}
	e.must(logical.DeleteOperation, "roles/demo", nil)
	for _, secret := range secrets {
		_, err := e.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.RevokeOperation, Path: "roles/demo/grant", Secret: secret, Storage: e.storage,
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestALeaseRemembersNoCredential(t *testing.T) {
	e := newDemo(t)
	for _, value := range e.lease("3").InternalData {
		if strings.Contains(value.(string), "planted") || strings.Contains(value.(string), "token-") {
			t.Errorf("the lease keeps %v", value)
		}
	}
}
