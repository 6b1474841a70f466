// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestWhatGoesWrongIsLoggedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		var log strings.Builder
		g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
		v.says = errAway
		spread(t, g, roles(100), 100*time.Millisecond, 5*time.Second)
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "no grants can be had from Vault") {
			t.Errorf("%d lines:\n%s", n, log.String())
		}
		log.Reset()
		v.now(func(v *vault) { v.says = nil })
		spread(t, g, roles(100), 100*time.Millisecond, 5*time.Second)
		if log.String() == "" || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "Vault gives grants again") {
			t.Errorf("after its return:\n%s", log.String())
		}
		log.Reset()
		v.now(func(v *vault) { v.says = refusal(400, "no such role\n\tthere") })
		spread(t, g, []Key{role("none")}, 100*time.Millisecond, 5*time.Second)
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `role=none api=3 error="status 400: no such role there"`) {
			t.Errorf("of a role that is not there:\n%s", log.String())
		}
		v.now(func(v *vault) { v.says = refusal(403, "permission denied") })
		spread(t, g, []Key{role("none")}, 100*time.Millisecond, 5*time.Second)
		if strings.Count(log.String(), "\n") != 2 || !strings.Contains(log.String(), "permission denied") {
			t.Errorf("when the reason is another:\n%s", log.String())
		}
		log.Reset()
		v.now(func(v *vault) { v.says = refusal(404, "no such role") })
		spread(t, g, roles(100), time.Second, 5*time.Second)
		if strings.Contains(log.String(), "status 404") {
			t.Errorf("of roles that anybody may think of:\n%s", log.String())
		}
	})
}

func TestThatVaultWentAwayUnderManyRolesIsLoggedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
		var log strings.Builder
		g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
		get(t, g, demo)
		v.now(func(v *vault) { v.says = errAway })
		for _, key := range roles(200) {
			if _, err := g.Get(t.Context(), key); err != errAway {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "no grants can be had from Vault") {
			t.Errorf("the log:\n%s", log.String())
		}
	})
}
