// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheStatusOfBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budgets := NewBudgets()
		b := budgets.Get(BudgetID{Vault: "v", Namespace: "team", Mount: "mash", Key: "k"}, at("demo", 10))
		budgets.Get(BudgetID{Vault: "v", Namespace: "team", Mount: "mash", Key: "k"}, at("billing", 20))
		budgets.Get(BudgetID{Mount: "other", Key: "role:free"}, Settings{Role: "free"})
		b.take()
		var all sync.WaitGroup
		for _, name := range []string{"a", "a", "a", "b"} {
			all.Go(func() { _, _ = b.Wait(t.Context(), name, time.Minute) })
			synctest.Wait()
		}
		b.Pause(3 * time.Second)
		told(b, http.StatusForbidden, HeaderErrorCode+": "+ErrDeveloperOverQPS)
		status := budgets.Status()
		want := []BudgetStatus{{
			Mount: "other", Key: "role:free", Roles: []string{"free"}, Waiting: map[string]int{}, HeadroomMs: mostHeadroom.Milliseconds(),
		}, {
			Namespace: "team", Mount: "mash", Key: "k", Roles: []string{"billing", "demo"},
			Rate: status[1].Rate, Limit: 10, LimitSource: LimitGrant, HeadroomMs: 5,
			Queue: 4, Waiting: map[string]int{"a": 2, "b": 1}, PausedMs: 3000, OverQPS: 1,
		}}
		if fmt.Sprint(status) != fmt.Sprint(want) || !near(seconds(1/status[1].Rate), interval(10)) {
			t.Errorf("got %+v\nwant %+v", status, want)
		}
		all.Wait()
		if got := budgets.Status()[1]; got.Queue != 0 || got.LastWaitMs < 3000 || got.PausedMs != 0 {
			t.Errorf("when all are served: %+v", got)
		}
		text, err := json.Marshal(status)
		if err != nil || !strings.Contains(string(text), `"limit_source":"grant"`) {
			t.Errorf("%s, %v", text, err)
		}
	})
}

func TestARoleIsNamedByTheBudgetThatItSpends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budgets := NewBudgets()
		tells := func(role, key string, qps float64) {
			budgets.Get(BudgetID{Mount: "m", Key: key}, at(role, qps))
			time.Sleep(time.Second)
		}
		named := func() string {
			var all []string
			for _, b := range budgets.Status() {
				all = append(all, b.Key+fmt.Sprint(b.Roles))
			}
			return strings.Join(all, " ")
		}
		budgets.Get(BudgetID{Mount: "other", Key: "x"}, at("demo", 1))
		for _, step := range []struct{ role, key, want string }{
			{"demo", "old", "old[demo] x[demo]"},
			{"billing", "old", "old[billing demo] x[demo]"},
			{"demo", "new", "new[demo] old[billing] x[demo]"},
			{"billing", "old", "new[demo] old[billing] x[demo]"},
			{"demo", "role:demo", "new[] old[billing] role:demo[demo] x[demo]"},
			{"demo", "new", "new[demo] old[billing] role:demo[] x[demo]"},
		} {
			if tells(step.role, step.key, 5); named() != step.want {
				t.Errorf("after %s told %s: %s, want %s", step.role, step.key, named(), step.want)
			}
		}
		if tells("demo", "free", 0); named() != "free[demo] new[] old[billing] role:demo[] x[demo]" {
			t.Errorf("without a limit: %s", named())
		}
	})
}

func TestWhatAnObserverIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[string]int{}
		budgets := NewBudgets()
		budgets.Observer = Observer{
			Waited: func(d time.Duration, served bool) {
				told[fmt.Sprintf("waited %s, served %v", d.Round(time.Millisecond), served)]++
			},
			OverQPS:   func() { told["over QPS"]++ },
			OverQuota: func() { told["over quota"]++ },
			Resent:    func(reason string) { told["resent for "+reason]++ },
		}
		budget := budgets.Get(BudgetID{}, at("role", 1))
		mashery := script(tooMany(), dead(), answer(http.StatusForbidden, "", HeaderErrorCode+": "+ErrDeveloperOverRate))
		call := &Call{API: V3, Method: "GET", MaxWait: time.Minute, Budget: func(*Grant) *Budget { return budget }}
		send(t, sender(mashery), call, from(v3Grant(), v3Grant()))
		leaving, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, leave)
		if _, err := sender(mashery).Send(leaving, call, from(v3Grant())); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		call.MaxWait = 0
		_, _ = sender(mashery).Send(t.Context(), call, from(v3Grant()))
		want := map[string]int{
			"waited 0s, served true": 1, "waited 1.005s, served true": 2, "waited 0s, served false": 1,
			"over QPS": 1, "over quota": 1, "resent for over_qps": 1, "resent for dead_grant": 1,
		}
		if !maps.Equal(told, want) {
			t.Errorf("told were %v\nwant %v", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(want)))
		}
	})
}
