// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"testing"
	"testing/synctest"
	"time"
)

// An engine that is mounted anew gives each key another name, and the grants of
// one role tell it one after the other.
func TestAKeyThatGetsAnotherNameKeepsItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudgets()
		named := func(key, role string, api API) *Budget {
			return b.Get(BudgetID{Mount: "m", Key: key}, Settings{Role: role, API: api, QPS: 10})
		}
		budget := named("old", "one", V2)
		named("old", "one", V3)
		named("old", "two", V3)
		if _, err := budget.Wait(t.Context(), "", 0); err != nil {
			t.Fatal(err)
		}
		if named("new", "one", V3) != budget {
			t.Error("the key has another budget under its new name")
		}
		if named("old", "one", V2) != budget || named("old", "two", V3) != budget {
			t.Error("who still has its old name spends another budget")
		}
		if _, err := budget.Wait(t.Context(), "", 0); err == nil {
			t.Error("the slot that was taken is forgotten")
		}
		if status := b.Status(); len(status) != 1 || status[0].Key != "new" || len(status[0].Roles) != 1 {
			t.Errorf("it is shown as %+v", status)
		}
		time.Sleep(moveTime)
		if named("old", "two", V3) == budget {
			t.Error("who has the old name for good is taken for one with the new name")
		}
		if named("new", "one", V2) != budget {
			t.Error("the budget is lost")
		}
	})
}

func TestOtherKeysHaveOtherBudgets(t *testing.T) {
	known, said := BudgetID{Mount: "m", Key: "known"}, Settings{Role: "role", API: V3, QPS: 10}
	for name, change := range map[string]func(id *BudgetID, s *Settings){
		"of another role":      func(_ *BudgetID, s *Settings) { s.Role = "other" },
		"of another mount":     func(id *BudgetID, _ *Settings) { id.Mount = "other" },
		"of another namespace": func(id *BudgetID, _ *Settings) { id.Namespace = "other" },
		"of another Vault":     func(id *BudgetID, _ *Settings) { id.Vault = "other" },
		"without a grant":      func(_ *BudgetID, s *Settings) { s.API = 0 },
		"long after":           func(*BudgetID, *Settings) { time.Sleep(idleTime) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBudgets()
				first := b.Get(known, said)
				id, s := BudgetID{Mount: "m", Key: "new"}, said
				change(&id, &s)
				if b.Get(id, s) == first || b.Get(known, said) != first {
					t.Error("they share one")
				}
			})
		})
	}
}
