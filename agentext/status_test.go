// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"testing"

	"mashproxy/cache"
	"mashproxy/mashery"
)

func TestARoleIsShownWithItsGrantsAndTheBudgetItSpends(t *testing.T) {
	roles := rolesOf(
		[]cache.Status{
			{Mount: "m", Role: "b", API: 2, SecondsLeft: 40, LastError: "sealed"},
			{Mount: "m", Role: "b", API: 3, SecondsLeft: 800},
			{Mount: "m", Role: "a", API: 2, State: cache.StateNone}, // lapsed, as nobody calls V2
			{Mount: "m", Role: "a", API: 3, SecondsLeft: 7},
			{Mount: "m", Role: "c", API: 3, State: cache.StateNone},
			{Namespace: "team", Mount: "m", Role: "a", API: 3, SecondsLeft: 9},
		},
		[]mashery.BudgetStatus{
			{Mount: "m", Roles: []string{"a", "b"}, Rate: 4, Queue: 3},
			{Namespace: "team", Mount: "m", Roles: []string{"a"}, Rate: 8},
			{Mount: "other", Roles: []string{"a"}, Rate: 16, Queue: 9},
		})
	want := []roleStatus{
		{Mount: "m", Role: "a", SecondsLeft: 7, Rate: 4, Queue: 3},
		{Mount: "m", Role: "b", SecondsLeft: 40, Rate: 4, Queue: 3, LastError: "sealed"},
		{Mount: "m", Role: "c"},
		{Namespace: "team", Mount: "m", Role: "a", SecondsLeft: 9, Rate: 8},
	}
	if len(roles) != len(want) {
		t.Fatalf("%d roles", len(roles))
	}
	for i, r := range roles {
		grants := len(r.Grants)
		if r.Grants = nil; grants == 0 || r.Role != want[i].Role || r.SecondsLeft != want[i].SecondsLeft ||
			r.Rate != want[i].Rate || r.Queue != want[i].Queue || r.LastError != want[i].LastError || r.Namespace != want[i].Namespace {
			t.Errorf("got %+v, want %+v", r, want[i])
		}
	}
}
