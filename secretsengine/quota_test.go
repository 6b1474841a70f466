// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

const depletedText = "this role has depleted its usage quota"

func (e *engine) usesLeft() string {
	e.Helper()
	return e.read("roles/demo", nil)["use_remaining"].(string)
}

func TestEveryKindOfUseCounts(t *testing.T) {
	for path, use := range usesOf {
		t.Run(path, func(t *testing.T) {
			e := newDemo(t)
			e.writeRole("demo", map[string]any{"explicit_num_uses": 3})
			for _, left := range []string{"3 times (0% used)", "2 times (33% used)", "1 times (67% used)"} {
				wantEqual(t, "use_remaining", e.usesLeft(), left)
				e.must(use.op, path, use.data)
			}
			wantEqual(t, "use_remaining", e.usesLeft(), "---DEPLETED---")
			e.refused(use.op, path, use.data, depletedText)
		})
	}
}

func TestAQueryOfTheCommandLineCounts(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_num_uses": 1})
	e.mashery.on(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"jsonrpc":"2.0","result":{},"id":1}`)
	}, nil)
	query := map[string]any{"query": "select * from members"}
	e.must(logical.ReadOperation, "roles/demo/v2", query)
	e.refused(logical.ReadOperation, "roles/demo/v2", query, depletedText)
}

func TestAnUnlimitedRoleCountsNothing(t *testing.T) {
	e := newDemo(t)
	for path, use := range usesOf {
		e.must(use.op, path, use.data)
	}
	wantEqual(t, "use_remaining", e.usesLeft(), "∞")
	if kept, _ := e.storage.List(t.Context(), usesPrefix); len(kept) != 0 {
		t.Errorf("counted %v", kept)
	}
}

func TestFiveHundredParallelCallsLoseNoUse(t *testing.T) {
	const calls, allowed = 500, 200
	for path, use := range usesOf {
		t.Run(path, func(t *testing.T) {
			e := newDemo(t)
			e.writeRole("demo", map[string]any{"explicit_num_uses": allowed, "qps": 1_000_000})
			var done, refused atomic.Int64
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					switch resp, err := e.ask(use.op, path, use.data); {
					case err != nil:
						t.Error(err)
					case resp.IsError() && resp.Error().Error() == depletedText:
						refused.Add(1)
					case !resp.IsError():
						done.Add(1)
					default:
						t.Error(resp.Error())
					}
				})
			}
			all.Wait()
			wantEqual(t, "calls that had a use", done.Load(), int64(allowed))
			wantEqual(t, "calls refused", refused.Load(), int64(calls-allowed))
			wantEqual(t, "use_remaining", e.usesLeft(), "---DEPLETED---")
		})
	}
}

func TestAUseIsNotSpentByWhatIsRefusedBefore(t *testing.T) {
	refuseTokens := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":"invalid_client"}`)
	}
	for name, c := range map[string]struct {
		prepare func(*engine)
		path    string
		op      logical.Operation
		data    map[string]any
	}{
		"an api there is none of": {nil, "grant", logical.ReadOperation, map[string]any{"api": 4}},
		"forced proxy mode": {func(e *engine) { e.writeRole("demo", map[string]any{"forced_proxy_mode": true}) },
			"token", logical.ReadOperation, nil},
		"a role that is not capable": {func(e *engine) { e.writeRole("demo", map[string]any{"username": ""}) },
			"proxy/v3/services", logical.ReadOperation, nil},
		"a path that cannot be":   {nil, "proxy/v3/a/../b", logical.ReadOperation, nil},
		"a body there is none of": {nil, "proxy/v2", logical.UpdateOperation, nil},
		"a grant Mashery refused": {func(e *engine) { e.mashery.on(nil, refuseTokens) }, "grant", logical.ReadOperation, nil},
		"a token Mashery refused": {func(e *engine) { e.mashery.on(nil, refuseTokens) }, "token", logical.ReadOperation, nil},
		"a call for which there was no token": {func(e *engine) { e.mashery.on(nil, refuseTokens) },
			"proxy/v3/services", logical.ReadOperation, nil},
		"a call for which there was no slot": {func(e *engine) { e.bounds.Wait = 0; e.slots(1); e.slots(1) },
			"proxy/v2", logical.UpdateOperation, map[string]any{"method": "test.echo"}},
		"a Mashery that cannot be reached": {func(e *engine) { e.mashery.Close() },
			"proxy/v2", logical.UpdateOperation, map[string]any{"method": "test.echo"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.writeRole("demo", map[string]any{"explicit_num_uses": 5, "qps": 1})
			if c.prepare != nil {
				c.prepare(e)
			}
			resp, err := e.ask(c.op, "roles/demo/"+c.path, c.data)
			status, _ := resp.Data[logical.HTTPStatusCode].(int)
			if err == nil && !resp.IsError() && status < 400 {
				t.Fatalf("not refused: %v", resp)
			}
			wantEqual(t, "use_remaining", e.usesLeft(), "5 times (0% used)")
		})
	}
}

// slots takes n slots of the demo role's key.
func (e *engine) slots(n int) {
	e.Helper()
	r, err := loadRole(e.Context(), e.storage, "demo")
	if err != nil {
		e.Fatal(err)
	}
	marks, err := e.marks(e.Context(), e.storage, r.credentials())
	if err != nil {
		e.Fatal(err)
	}
	for range n {
		e.backend.budget(marks.KeyID, "demo", 1).Wait(e.Context(), "", 0)
	}
}

func TestACallThatMasheryAnsweredIsAUseWhateverItSaid(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"not found": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"nothing":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.writeRole("demo", map[string]any{"explicit_num_uses": 5})
			e.mashery.on(answer, nil)
			e.must(logical.ReadOperation, "roles/demo/proxy/v3/services", nil)
			wantEqual(t, "use_remaining", e.usesLeft(), "4 times (20% used)")
		})
	}
}

func TestWritingTheUsesCountsThemAnewAndNothingElseDoes(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_num_uses": 2})
	e.read("roles/demo/token", nil)
	e.writeRole("demo", map[string]any{"qps": 9, "password": "other"})
	wantEqual(t, "after another write", e.usesLeft(), "1 times (50% used)")
	e.writeRole("demo", map[string]any{"explicit_num_uses": 2})
	wantEqual(t, "written anew", e.usesLeft(), "2 times (0% used)")
	e.writeRole("demo", map[string]any{"explicit_num_uses": 0})
	wantEqual(t, "without limit", e.usesLeft(), "∞")
}

func TestADeletedRoleTakesItsCountsAlong(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_num_uses": 2})
	e.read("roles/demo/token", nil)
	e.must(logical.DeleteOperation, "roles/demo", nil)
	if kept, _ := e.storage.List(t.Context(), usesPrefix); len(kept) != 0 {
		t.Errorf("left behind: %v", kept)
	}
}

func TestRenewingALeaseCostsNoUse(t *testing.T) {
	e := newDemo(t)
	e.writeRole("demo", map[string]any{"explicit_num_uses": 1})
	secret := e.lease("3")
	secret.IssueTime = time.Now()
	if _, err := e.renew(secret, 0); err != nil {
		t.Error(err)
	}
}
