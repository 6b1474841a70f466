// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"fmt"
	"testing"
)

// BenchmarkGet is what a call asks of live grants: whether its role has a lasting
// refusal, for the grant, and whether that still holds after the wait for a slot.
func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d roles", n), func(b *testing.B) {
			g := New(Config[string]{Vault: &vault{token: "t", lease: 3600, most: 3600}, Parse: nameOf})
			defer g.Close()
			keys := roles(n)
			for _, key := range keys {
				if _, err := g.Get(b.Context(), key); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					key := keys[i%n]
					_ = g.Refusal(key)
					grant, err := g.Get(b.Context(), key)
					if err != nil || !g.Holds(key, grant) {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
