// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"
)

var demo = Key{Mount: "mash-creds", Role: "demo", API: 3}

// role is the key of another role.
func role(name string) Key { return Key{Mount: "mash-creds", Role: name, API: 3} }

// errAway is what a client says when nobody listens.
var errAway = errors.New("connection refused")

// errNoToken is what one says that is not logged in.
var errNoToken = errors.New("no token")

// vault is a scripted Vault: each read takes its time, and then gives a leased
// grant that is named after the token and the number of the read, unless it
// was told to say something else. The zero value answers at once, with leases
// of a minute that can be renewed up to two, as the engine's for V2.
type vault struct {
	mu    sync.Mutex
	takes time.Duration                            // a read
	hangs bool                                     // no answer ever to what is asked now
	slow  time.Duration                            // a renewal, or whether it is there
	lease int                                      // seconds; 0: 60
	most  int                                      // seconds a lease lives in all; 0: 120
	says  error                                    // to all requests; nil: nothing
	gives func() (*api.Secret, http.Header, error) // to reads, instead of a grant; nil: nothing
	keeps func() (*api.Secret, error)              // to renewals; nil: as Vault does
	token string

	reads    []request
	renewals []request
	leases   map[string]*vaultLease
	deleting error        // to a DELETE; nil: it is done
	last     string       // the newest grant
	shared   *sharedToken // what roles/+/token gives; nil: nobody has asked
	deletes  []request
}

type request struct {
	at                    time.Time
	namespace, path, seen string // seen: the token
}

// vaultLease is a lease as Vault holds it.
type vaultLease struct {
	name      string
	token     string
	issued    time.Time
	end, last time.Time
	renewed   int
}

func (v *vault) Token() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.token
}

// wait takes the time that Vault takes.
func wait(ctx context.Context, takes time.Duration, path string) error {
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", path, ctx.Err())
		}
	}
	return nil
}

func (v *vault) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	v.mu.Lock()
	if v.token == "" {
		v.mu.Unlock()
		return nil, nil, errNoToken
	}
	if v.hangs {
		v.mu.Unlock()
		<-ctx.Done()
		return nil, nil, fmt.Errorf("%s: %w", path, ctx.Err())
	}
	if path == "sys/health" {
		says, slow := v.says, v.slow
		v.mu.Unlock()
		return nil, nil, cmp.Or(wait(ctx, slow, path), says)
	}
	asked := path
	if len(query) > 0 {
		asked += "?" + query.Encode()
	}
	v.reads = append(v.reads, request{time.Now(), namespace, asked, v.token})
	name, token, takes := fmt.Sprintf("%s-%d", v.token, len(v.reads)), v.token, v.takes
	v.mu.Unlock()
	if err := wait(ctx, takes, path); err != nil {
		return nil, nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.gives != nil:
		gives := v.gives
		v.mu.Unlock()
		defer v.mu.Lock()
		return gives()
	case v.says != nil:
		return nil, nil, v.says
	case strings.HasSuffix(path, "/token"):
		return v.shared.read(v.token), dated(time.Now()), nil
	}
	return v.issue(name, token), dated(time.Now()), nil
}

// issue makes a lease. v.mu is held.
func (v *vault) issue(name, token string) *api.Secret {
	now := time.Now()
	v.last = name
	id := path.Join("mash-creds/roles/demo/grant", name)
	if v.leases == nil {
		v.leases = make(map[string]*vaultLease)
	}
	lease, most := cmp.Or(v.lease, 60), cmp.Or(v.most, 120)
	lease = min(lease, most)
	v.leases[id] = &vaultLease{
		name: name, token: token, issued: now,
		end: now.Add(time.Duration(lease) * time.Second), last: now.Add(time.Duration(most) * time.Second),
	}
	secret := leased(lease, map[string]any{"name": name})
	secret.LeaseID, secret.Renewable = id, true
	return secret
}

func (v *vault) Write(ctx context.Context, namespace, path string, data map[string]any) (*api.Secret, error) {
	v.mu.Lock()
	if v.token == "" {
		v.mu.Unlock()
		return nil, errNoToken
	}
	id, _ := data["lease_id"].(string)
	v.renewals = append(v.renewals, request{time.Now(), namespace, path + "?" + id, v.token})
	slow := v.slow
	v.mu.Unlock()
	if err := wait(ctx, slow, path); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.keeps != nil:
		return v.keeps()
	case v.says != nil:
		return nil, v.says
	}
	return v.renew(id, data["increment"].(int))
}

// renew does what Vault does. v.mu is held.
func (v *vault) renew(id string, increment int) (*api.Secret, error) {
	now := time.Now()
	lease := v.leases[id]
	if lease == nil || !now.Before(lease.end) {
		return nil, refusal(400, "lease not found")
	}
	lease.renewed++
	lease.end = now.Add(time.Duration(increment) * time.Second)
	if lease.last.Before(lease.end) {
		lease.end = lease.last
	}
	return &api.Secret{RequestID: requestID, LeaseID: id, Renewable: true, LeaseDuration: int(lease.end.Sub(now) / time.Second)}, nil
}

func (v *vault) Delete(ctx context.Context, namespace, path string, query url.Values) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deletes = append(v.deletes, request{time.Now(), namespace, path, v.token})
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(v.shared.token))); v.shared.marks && query.Get("sha256") != sum {
		return nil
	}
	if v.says != nil || v.deleting != nil {
		return cmp.Or(v.deleting, v.says)
	}
	v.shared.token = ""
	return nil
}

// now changes what the scripted Vault does from now on.
func (v *vault) now(change func(*vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

// count is how often it was read.
func (v *vault) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.reads)
}

// renewed are the renewals so far, deleted the deletions.
func (v *vault) renewed() []request { return v.copied(&v.renewals) }
func (v *vault) deleted() []request { return v.copied(&v.deletes) }
func (v *vault) asked() []request   { return v.copied(&v.reads) }

func (v *vault) copied(of *[]request) []request {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(*of)
}

// all is how often it was asked for anything.
func (v *vault) all() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.reads) + len(v.renewals) + len(v.deletes)
}

// alive tells whether the lease of a grant of that name goes on.
func (v *vault) alive(name string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, lease := range v.leases {
		if lease.name == name {
			return time.Now().Before(lease.end)
		}
	}
	return false
}

// requestID is by what an answer shows that it is Vault's.
const requestID = "0c1d-of-the-test"

func leased(seconds int, data map[string]any) *api.Secret {
	return &api.Secret{RequestID: requestID, LeaseID: "a-lease", LeaseDuration: seconds, Data: data}
}

func dated(at time.Time) http.Header {
	return http.Header{"Date": {at.UTC().Format(http.TimeFormat)}}
}

func epoch(at time.Time) json.Number { return json.Number(strconv.FormatInt(at.Unix(), 10)) }

func refusal(status int, errs ...string) error {
	return &api.ResponseError{StatusCode: status, Errors: append([]string{}, errs...)}
}

// nameOf parses a grant: it is its name.
func nameOf(_ Key, data map[string]any) (string, error) {
	name, ok := data["name"].(string)
	if !ok {
		return "", errors.New("the grant has no name")
	}
	return name, nil
}

// bubble runs a test of virtual time on the grants of a scripted Vault.
func bubble(t *testing.T, test func(t *testing.T, v *vault, g *Grants[string])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{token: "t1"}
		g := New(Config[string]{Vault: v, Parse: nameOf})
		defer g.Close()
		test(t, v, g)
	})
}

// get returns the name of the grant that there must be.
func get(t *testing.T, g *Grants[string], key Key) string {
	t.Helper()
	grant, err := g.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return grant.Value
}

// want gets a grant and compares its name.
func want(t *testing.T, g *Grants[string], name, when string) {
	t.Helper()
	if got := get(t, g, demo); got != name {
		t.Errorf("%s: got %s, want %s", when, got, name)
	}
}

// reads compares how often Vault was read.
func reads(t *testing.T, v *vault, n int, when string) {
	t.Helper()
	if got := v.count(); got != n {
		t.Errorf("%s: Vault was read %d times, want %d", when, got, n)
	}
}

// settled lets all that can happen now happen.
func settled() { synctest.Wait() }

// sharedToken is a role's shared token, as the engine keeps it.
type sharedToken struct {
	life  time.Duration
	token string
	ends  time.Time
	buys  int
	odd   func(map[string]any) // changes the answer; nil: does not
	marks bool                 // the engine deletes only the token that is meant

	bought map[string]time.Time
}

// read gives the token, bought or renewed first when less than five minutes are
// left.
func (s *sharedToken) read(of string) *api.Secret {
	now := time.Now()
	if s.token == "" || s.ends.Sub(now) < min(renewBefore, s.life/2) {
		s.buys++
		s.token, s.ends = fmt.Sprintf("%s-shared-%d", of, s.buys), now.Add(s.life)
		if s.bought == nil {
			s.bought = make(map[string]time.Time)
		}
		s.bought[s.token] = now
	}
	data := map[string]any{
		"name": s.token, "access_token": s.token, "expiry_epoch": epoch(s.ends),
		"token_time_remaining": json.Number(fmt.Sprint(int(s.ends.Sub(now).Round(time.Second) / time.Second))),
	}
	if s.marks {
		data["key_id"] = "5e1f"
	}
	if s.odd != nil {
		s.odd(data)
	}
	return &api.Secret{RequestID: requestID, Data: data}
}

// failing is a Vault at which one role is broken.
type failing struct {
	*vault
	role string
	says error
}

func (f failing) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	if strings.Contains(path, "/"+f.role+"/") {
		return nil, nil, f.says
	}
	return f.vault.Read(ctx, namespace, path, query)
}
