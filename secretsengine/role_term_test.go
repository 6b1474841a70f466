// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestATermIsReadInFourForms(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"10d":        "2026-12-02T12:00:00Z",
		"2w":         "2026-12-06T12:00:00Z",
		"2027-06-07": "2027-06-07T00:00:00Z",
		"36h":        "2026-11-24T00:00:00Z",
		"1h30m":      "2026-11-22T13:30:00Z",
		"":           "∞",
		"0":          "∞",
		"∞":          "∞",
	} {
		got, err := parseTerm(text, now)
		if err != nil || got.String() != want {
			t.Errorf("%q: got %s %v, want %s", text, got, err, want)
		}
	}
}

func TestATermThatCannotBeIsRefusedInWords(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const help = "; give days (10d), weeks (2w), a date (2027-06-07) or a duration (36h)"
	for text, want := range map[string]string{
		"soon":       `explicit_term "soon" is not understood` + help,
		"-3d":        `explicit_term "-3d" is not understood` + help,
		"2027-02-30": `explicit_term "2027-02-30" is not understood` + help,
		"99999999w":  `explicit_term "99999999w" is not understood` + help,
		"2020-01-01": `explicit_term "2020-01-01" has already passed`,
		"-1h":        `explicit_term "-1h" has already passed`,
		"0d":         `explicit_term "0d" has already passed`,
		"9999999w":   `explicit_term "9999999w" is beyond the year 9999; leave it away for no end`,
	} {
		if _, err := parseTerm(text, now); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// usesOf are all that use a role.
var usesOf = map[string]struct {
	op   logical.Operation
	data map[string]any
}{
	"roles/demo/grant":             {logical.ReadOperation, nil},
	"roles/demo/token":             {logical.ReadOperation, nil},
	"roles/demo/proxy/v3/services": {logical.ReadOperation, nil},
	"roles/demo/proxy/v2":          {logical.UpdateOperation, map[string]any{"method": "test.echo"}},
	"roles/demo/v3/services":       {logical.ReadOperation, nil},
}

func TestARoleEndsWithItsTerm(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_term": "2h"})
	end := e.clock.now().Add(2 * time.Hour).UTC().Format(time.RFC3339)
	got := e.read("roles/demo", nil)
	wantEqual(t, "term", got["term"], any(end))
	wantEqual(t, "term_remaining", got["term_remaining"], any("2h0m0s"))
	for path, use := range usesOf {
		e.must(use.op, path, use.data)
	}
	e.clock.move(2 * time.Hour)
	wantEqual(t, "term_remaining at its end", e.read("roles/demo", nil)["term_remaining"], any("---EXPIRED---"))
	for path, use := range usesOf {
		e.refused(use.op, path, use.data, "this role has expired (granted until "+end+")")
	}
	e.writeRole("demo", map[string]any{"explicit_term": ""})
	wantEqual(t, "term without an end", e.read("roles/demo", nil)["term"], any("∞"))
	for path, use := range usesOf {
		e.must(use.op, path, use.data)
	}
}

func TestForcedProxyModeLeavesOnlyTheEnginesOwnCalls(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"forced_proxy_mode": true})
	wantEqual(t, "forced_proxy_mode", e.read("roles/demo", nil)["forced_proxy_mode"], any(true))
	for _, path := range []string{"roles/demo/grant", "roles/demo/token"} {
		e.refused(logical.ReadOperation, path, nil, "operation is not permitted as this role requires proxy mode")
	}
	e.must(logical.ReadOperation, "roles/demo/proxy/v3/services", nil)
	e.must(logical.UpdateOperation, "roles/demo/proxy/v2", map[string]any{"method": "test.echo"})
	e.writeRole("demo", map[string]any{"forced_proxy_mode": false})
	e.read("roles/demo/grant", nil)
}

func TestTheOrderOfTheChecks(t *testing.T) {
	const (
		forced   = "operation is not permitted as this role requires proxy mode"
		depleted = "this role has depleted its usage quota"
	)
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_term": "1h", "explicit_num_uses": 1, "forced_proxy_mode": true, "username": ""})
	e.must(logical.UpdateOperation, "roles/demo/proxy/v2", map[string]any{"method": "test.echo"})
	end := e.clock.now().Add(time.Hour).UTC().Format(time.RFC3339)
	e.clock.move(time.Hour)
	refused := func(api any, want string) {
		t.Helper()
		e.refused(logical.ReadOperation, "roles/demo/grant", map[string]any{"api": api}, want)
	}
	refused(4, forced)
	e.writeRole("demo", map[string]any{"forced_proxy_mode": false})
	refused(4, "this role has expired (granted until "+end+")")
	e.writeRole("demo", map[string]any{"explicit_term": ""})
	refused(4, depleted)
	e.writeRole("demo", map[string]any{"explicit_num_uses": 0})
	refused(4, "unsupported api version: 4")
	refused(3, "role is not capable of api version 3, which needs area_id, api_key, secret, username and password; write them to roles/demo")
}
