// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"mashproxy/mashery"
)

// counted makes budgets visible: one call every twenty minutes, and nobody waits.
func counted(p *parts) { p.block.MaxWait = 1 }

func TestWhatACallIsPacedBy(t *testing.T) {
	const slow = 0.001
	tests := map[string]struct {
		blockQPS float64
		qps      string
		keys     map[string]string // key_id by role
		calls    []string
		served   int
	}{
		"the grant's rate":                           {qps: "0.001", calls: []string{"demo", "demo"}, served: 1},
		"no rate at all":                             {qps: "0", calls: []string{"demo", "demo"}, served: 2},
		"the block's rate, if the grant has none":    {blockQPS: slow, qps: "0", calls: []string{"demo", "demo"}, served: 1},
		"the block's rate, if it is the smaller":     {blockQPS: slow, qps: "1000000", calls: []string{"demo", "demo"}, served: 1},
		"the grant's rate, if it is the smaller":     {blockQPS: 1e6, qps: "0.001", calls: []string{"demo", "demo"}, served: 1},
		"roles with one key together":                {qps: "0.001", keys: map[string]string{"demo": "k", "other": "k"}, calls: []string{"demo", "other"}, served: 1},
		"roles with two keys each by itself":         {qps: "0.001", keys: map[string]string{"demo": "k", "other": "l"}, calls: []string{"demo", "other"}, served: 2},
		"roles whose key is unknown, each by itself": {qps: "0.001", calls: []string{"demo", "other"}, served: 2},
		"both APIs together":                         {qps: "0.001", keys: map[string]string{"demo": "k"}, calls: []string{"demo", "demo v2"}, served: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, counted, func(p *parts) { p.block.QPS = test.blockQPS })
			c.vault.answer = func(ctx context.Context, path string, query url.Values) (map[string]any, error) {
				data, err := c.vault.grant(ctx, path, query)
				data["qps"] = test.qps
				if key := test.keys[strings.Split(path, "/")[2]]; key != "" {
					data["key_id"] = key
				}
				return data, err
			}
			served := 0
			for _, call := range test.calls {
				role, v2, _ := strings.Cut(call, " ")
				method, path := "GET", "/proxy/v3/services?limit=1"
				if v2 != "" {
					method, path = "POST", "/proxy/v2/test.echo"
				}
				if got := c.ask(method, "/v1/mash-creds/roles/"+role+path, `{"params":[],"id":1}`); got.StatusCode == 200 {
					served++
				}
			}
			if served != test.served {
				t.Errorf("%d calls were served, want %d", served, test.served)
			}
		})
	}
}

func TestABudgetIsOfOneVaultNamespaceMountAndKey(t *testing.T) {
	m := &Mount{Mashery: block("team/|a/mash")}
	h := New(Config{VaultAddress: "https://vault"})
	want := mashery.BudgetID{Vault: "https://vault", Namespace: "team", Mount: "a/mash", Key: "k"}
	if got := h.budgetID(&route{mount: m}, "k"); got != want {
		t.Errorf("%+v", got)
	}
}
