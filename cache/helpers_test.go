// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
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

// vault is a scripted Vault: each read takes its time, and then gives a leased
// grant that is named after the token and the number of the read, unless it
// was told to say something else. The zero value answers at once, with leases
// of a minute.
type vault struct {
	mu    sync.Mutex
	takes time.Duration
	lease int                                      // seconds; 0: 60
	says  error                                    // instead of a grant; nil: nothing
	gives func() (*api.Secret, http.Header, error) // instead of all that; nil: nothing
	token string
	reads []read
}

type read struct {
	at                    time.Time
	namespace, path, seen string
}

func (v *vault) Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error) {
	v.mu.Lock()
	v.reads = append(v.reads, read{time.Now(), namespace, path + "?" + query.Encode(), v.token})
	name := fmt.Sprintf("%s-%d", v.token, len(v.reads))
	takes, lease, says, gives := v.takes, v.lease, v.says, v.gives
	v.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("GET %s: %w", path, ctx.Err())
		}
	}
	switch {
	case gives != nil:
		return gives()
	case says != nil:
		return nil, nil, says
	case lease == 0:
		lease = 60
	}
	return leased(lease, map[string]any{"name": name}), dated(time.Now()), nil
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

func leased(seconds int, data map[string]any) *api.Secret {
	return &api.Secret{LeaseID: "a-lease", LeaseDuration: seconds, Data: data}
}

func dated(at time.Time) http.Header {
	return http.Header{"Date": {at.UTC().Format(http.TimeFormat)}}
}

func epoch(at time.Time) json.Number { return json.Number(strconv.FormatInt(at.Unix(), 10)) }

func refusal(status int, errs ...string) error {
	return &api.ResponseError{StatusCode: status, Errors: errs}
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
		g := New(v, nameOf)
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
