// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"testing"

	"github.com/armon/go-metrics"
	"github.com/hashicorp/vault/internalshared/configutil"

	"mashproxy/agentext/apierror"
)

// BenchmarkAnswered is what the metrics of a call cost, in the sinks that the
// program has: each call by itself while there are few, in lumps while there are
// many.
func BenchmarkAnswered(b *testing.B) {
	if _, err := telemetry(new(configutil.SharedConfig)); err != nil {
		b.Fatal(err)
	}
	defer func() { _, _ = metrics.NewGlobal(metrics.DefaultConfig(""), &metrics.BlackholeSink{}) }()
	for name, busy := range map[string]bool{"few": false, "many": true} {
		b.Run(name, func(b *testing.B) {
			var l load
			l.busy.Store(busy)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					l.answered(apierror.FromMashery, "")
				}
			})
			l.count()
		})
	}
}
