// SPDX-License-Identifier: MPL-2.0

package localrules

import "testing"

// BenchmarkV3 is what a V3 call costs, with rules and without.
func BenchmarkV3(b *testing.B) {
	for name, spec := range map[string]Spec{
		"without rules": {},
		"with rules": {
			Roles: []string{"ops", "billing-*"}, Methods: []string{"GET", "LIST"},
			V3Paths: []string{"packages/*", "services/+/endpoints", "services/+/endpoints/+/methods*"},
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := made(b, spec)
			const path = "services/abcdefghijkl/endpoints/mnopqrstuvwx/methods"
			b.ReportAllocs()
			for b.Loop() {
				if r.Role("billing-eu") != nil || r.Method("GET", false) != nil || r.V3Path(path, path) != nil || r.LimitsV2() {
					b.Fatal("denied")
				}
			}
		})
	}
}

func BenchmarkV2Arguments(b *testing.B) {
	r := argumentRules(b)
	named := params(b, `{"service_key":"abcd","area":"1","client":{},"uri":{}}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.V2("oauth2.createAccessToken", named); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRulesCostAV3CallNoMemory(t *testing.T) {
	r := made(t, Spec{Roles: []string{"billing-*"}, Methods: []string{"GET"}, V3Paths: []string{"services/+/endpoints"}})
	allocations := testing.AllocsPerRun(100, func() {
		if r.Role("billing-eu") != nil || r.Method("GET", false) != nil || r.V3Path("services/a/endpoints", "services/a/endpoints") != nil {
			t.Error("denied")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
