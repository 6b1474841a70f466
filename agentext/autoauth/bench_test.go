// SPDX-License-Identifier: MPL-2.0

package autoauth

import "testing"

// BenchmarkToken is what each forwarded call asks the identity: its token, while
// others ask, too.
func BenchmarkToken(b *testing.B) {
	identity := &Identity{token: "of-the-benchmark"}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if identity.Token() == "" {
				b.Error("there is no token")
				return
			}
		}
	})
}
