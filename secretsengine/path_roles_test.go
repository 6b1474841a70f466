// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestReadingARoleTellsWhatItCanDoAndNoCredential(t *testing.T) {
	without := func(fields ...string) map[string]any {
		data := demoRole()
		for _, name := range fields {
			delete(data, name)
		}
		return data
	}
	for name, c := range map[string]struct {
		fields map[string]any
		v2, v3 bool
		qps    int
	}{
		"a full role is capable of both":            {demoRole(), true, true, 1000},
		"without a user it is capable of V2":        {without("username"), true, false, 1000},
		"without the area's number of V3":           {without("area_nid"), false, true, 1000},
		"without a key of neither":                  {without("api_key"), false, false, 1000},
		"an empty role is allowed, with 2 qps":      {nil, false, false, 2},
		"numbers may come as text, as the CLI's do": {map[string]any{"area_nid": "7", "api_key": "k", "secret": "s", "qps": "5"}, true, false, 5},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			e.writeRole("demo", c.fields)
			got := e.read("roles/demo", nil)
			want := map[string]any{
				"v2_capable": c.v2, "v3_capable": c.v3, "qps": c.qps, "exportable": true, "forced_proxy_mode": false,
				"term": "∞", "term_remaining": "∞", "use_remaining": "∞",
				"v3_token": "---NOT-SET---", "v3_token_life": "n/a",
			}
			if !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if printed := fmt.Sprint(got); strings.Contains(printed, "planted") {
				t.Errorf("a credential is read back: %s", printed)
			}
		})
	}
}

func TestAnUpdateKeepsWhatItDoesNotName(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"qps": 7})
	e.writeRole("demo", map[string]any{"area_nid": 43})
	got := e.read("roles/demo", nil)
	wantEqual(t, "qps", got["qps"], any(7))
	wantEqual(t, "v3_capable", got["v3_capable"], any(true))
	wantEqual(t, "area_nid", e.read("roles/demo/grant", map[string]any{"api": 2})["area_nid"], any(int64(43)))

	e.writeRole("demo", map[string]any{"password": ""})
	wantEqual(t, "v3_capable without a password", e.read("roles/demo", nil)["v3_capable"], any(false))
}

func TestARoleTellsTheStateOfItsSharedToken(t *testing.T) {
	e := newDemo(t)
	state := func(when, token, life string) {
		t.Helper()
		got := e.read("roles/demo", nil)
		wantEqual(t, when+", v3_token", got["v3_token"], any(token))
		wantEqual(t, when+", v3_token_life", got["v3_token_life"], any(life))
	}
	state("before it is read", "---NOT-SET---", "n/a")
	e.read("roles/demo/token", nil)
	state("when it is new", "---ACQUIRED---", "1h0m0s")
	e.clock.move(55*time.Minute + time.Second)
	state("under five minutes before its end", "---NEEDS-RENEW---", "4m59s")
	e.clock.move(5 * time.Minute)
	state("at its end", "---EXPIRED---", "expired 1s ago")
	e.writeRole("demo", map[string]any{"password": "other"})
	state("with other credentials", "---NOT-SET---", "n/a")
	e.read("roles/demo/token", nil)
	e.must(logical.DeleteOperation, "roles/demo/token", nil)
	state("when it was forgotten", "---NOT-SET---", "n/a")
}

func TestSettingsThatAreNoCredentialCanBeWrittenAlone(t *testing.T) {
	e := newDemo(t)
	for field, values := range map[string][]any{"exportable": {false, "true"}, "forced_proxy_mode": {true, "false"}} {
		for _, value := range values {
			e.writeRole("demo", map[string]any{field: value})
			got := e.read("roles/demo", nil)
			wantEqual(t, field, fmt.Sprint(got[field]), fmt.Sprint(value))
			wantEqual(t, "v3_capable", got["v3_capable"], any(true))
		}
	}
}

func TestVaultCanTellCreationFromUpdate(t *testing.T) {
	e := newDemo(t)
	for name, want := range map[string]bool{"roles/demo": true, "roles/other": false} {
		found, exists, err := e.HandleExistenceCheck(t.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: name, Storage: e.storage})
		if err != nil || !found {
			t.Fatalf("%s: found %v, error %v", name, found, err)
		}
		wantEqual(t, name, exists, want)
	}
}

func TestRolesAreListedByNameAndDeleted(t *testing.T) {
	e := newEngine(t)
	e.writeRole("a-b.c", demoRole())
	e.writeRole("demo", demoRole())
	e.read("roles/demo/token", nil)
	names := e.must(logical.ListOperation, "roles/", nil).Data["keys"]
	if !slices.Equal(names.([]string), []string{"a-b.c", "demo"}) {
		t.Errorf("listed %v", names)
	}
	e.must(logical.DeleteOperation, "roles/demo", nil)
	e.must(logical.DeleteOperation, "roles/nosuch", nil)
	if left, _ := e.storage.List(t.Context(), tokenPrefix); len(left) != 0 {
		t.Errorf("tokens left behind: %v", left)
	}
	resp, err := e.ask(logical.ReadOperation, "roles/demo", nil)
	if resp != nil || err != nil {
		t.Errorf("a deleted role must read as missing (404): %v %v", resp, err)
	}
}

func TestWhereThereIsNoRoleNothingElseMatters(t *testing.T) {
	e := newEngine(t)
	for _, path := range addresses() {
		below, ok := strings.CutPrefix(path, "roles/demo/")
		if !ok {
			continue
		}
		for op := range e.Route(path).Operations {
			for name, data := range map[string]map[string]any{"no data": nil, "data": {"method": "test.echo"}, "a wrong field": {"unknown": "x"}} {
				resp, err := e.ask(op, "roles/nosuch/"+below, data)
				if !errors.Is(err, logical.ErrUnsupportedPath) || !resp.IsError() {
					t.Fatalf("%s %s with %s: want what Vault makes a 404 of, got %v, %v", op, path, name, resp, err)
				}
				wantEqual(t, path, resp.Error().Error(), `role "nosuch" does not exist; write roles/nosuch first`)
			}
		}
	}
}

func TestWrongRolesAreRefusedInWords(t *testing.T) {
	for name, c := range map[string]struct {
		data map[string]any
		want string
	}{
		"an unknown field": {map[string]any{"api_keys": "x"},
			`there is no field "api_keys" here; the fields are api_key, area_id, area_nid, explicit_num_uses, explicit_term, exportable, forced_proxy_mode, password, qps, role, secret, username`},
		"no calls at all": {map[string]any{"qps": 0},
			`role "demo": qps must be at least 1`},
		"a negative area": {map[string]any{"area_nid": -1},
			`role "demo": area_nid must not be negative; it is the number in the area's V2 address`},
		"a term that is none": {map[string]any{"explicit_term": "soon"},
			`role "demo": explicit_term "soon" is not understood; give days (10d), weeks (2w), a date (2027-06-07) or a duration (36h)`},
		"a part of an area": {map[string]any{"area_nid": 7.5},
			"area_nid must be a whole number, and not beyond nine quadrillion"},
		"a part of a call": {map[string]any{"qps": 2.5},
			"qps must be a whole number, and not beyond nine quadrillion"},
		"more uses than can be counted": {map[string]any{"explicit_num_uses": 1e20},
			"explicit_num_uses must be a whole number, and not beyond nine quadrillion"},
		"less than no uses": {map[string]any{"explicit_num_uses": -1},
			`role "demo": explicit_num_uses must not be negative; 0 is without limit`},
		"a value that brought its line break along": {map[string]any{"secret": "planted\n"},
			`role "demo": secret holds a line break or another control character; does it come from a file?`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			e.refused(logical.UpdateOperation, "roles/demo", c.data, c.want)
			if resp, _ := e.ask(logical.ReadOperation, "roles/demo", nil); resp != nil {
				t.Error("a refused write must store nothing")
			}
		})
	}
}

func TestAnOddRoleNameIsNoPath(t *testing.T) {
	e := newEngine(t)
	for _, path := range []string{"roles/-a", "roles/a.", "roles/.a", "roles/a-", "roles/a/b", "roles/a b", "roles/..", "roles/a..b", "roles/a-..-b", "roles/a..b/grant", "roles/a..b/proxy/v3/x"} {
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.DeleteOperation} {
			if resp, err := e.HandleRequest(t.Context(), &logical.Request{Operation: op, Path: path, Storage: e.storage}); !errors.Is(err, logical.ErrUnsupportedPath) {
				t.Errorf("%s %s: %v, %v", op, path, resp, err)
			}
		}
		if _, _, err := e.HandleExistenceCheck(t.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: path, Storage: e.storage}); !errors.Is(err, logical.ErrUnsupportedPath) {
			t.Errorf("whether %s exists: %v", path, err)
		}
	}
}

func TestARoleNameMayHaveDotsAndDashesInIt(t *testing.T) {
	e := newEngine(t)
	for _, name := range []string{"a", "_", "ab", "a.b", "a-b", "a--b", "a.-.b", "a-.b", "1.2.3", "a_.b-c"} {
		e.writeRole(name, nil)
		if e.read("roles/"+name, nil)["qps"] != defaultQPS {
			t.Errorf("%s is not read back", name)
		}
	}
}

func TestADeletedRoleNoLongerLimitsItsKey(t *testing.T) {
	e := newEngine(t)
	slow := demoRole()
	slow["qps"] = 1
	e.writeRole("slow", slow)
	e.writeRole("fast", demoRole())
	e.read("roles/slow/proxy/v3/services", nil)
	e.must(logical.DeleteOperation, "roles/slow", nil)

	e.bounds.Wait = 500 * time.Millisecond // at 1 qps the next call would wait a second
	got := e.read("roles/fast/proxy/v3/services", nil)
	wantEqual(t, "status", got[logical.HTTPStatusCode], any(200))
}
