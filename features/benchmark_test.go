// SPDX-License-Identifier: MPL-2.0

package features

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// What one request costs through a real Vault core and its HTTP API, with the
// engine as a plugin and built in. Beside the mean, the median is reported.
//
//	go test -run '^$' -bench . ./features

// A list of services of about 1.7 kB, fetched from Mashery by every call.
func BenchmarkProxyCall(b *testing.B) {
	benchmark(b, home+"/roles/billing/proxy/v3/services?fields=id,name,description&limit=15")
}

// The shared token, which the engine remembers.
func BenchmarkToken(b *testing.B) { benchmark(b, home+"/roles/billing/token") }

// What is next to nothing for the engine: the way to it and back.
func BenchmarkFloor(b *testing.B) { benchmark(b, home+"/config") }

func benchmark(b *testing.B, path string) {
	for _, engine := range []struct {
		name  string
		start func(testing.TB) *server
	}{{"plugin", startWithBinary}, {"built in", startBuiltIn}} {
		b.Run(engine.name, func(b *testing.B) {
			vault := engine.start(b)
			w := newWorld(vault)
			w.mashery = newArea()
			b.Cleanup(w.mashery.Close)
			if err := w.mountConfigured(b.Context(), home); err != nil {
				b.Fatal(err)
			}
			role := w.all()
			role["qps"] = 1_000_000 // or the engine would pace the calls
			vault.must(b, http.MethodPut, home+"/roles/billing", role)
			size := len(vault.must(b, http.MethodGet, path, nil).raw)
			b.Run("one after the other", func(b *testing.B) { measure(b, vault, path, size, 1) })
			b.Run("32 at once", func(b *testing.B) { measure(b, vault, path, size, 32) })
		})
	}
}

// measure lets so many clients ask for the path, again and again.
func measure(b *testing.B, vault *server, path string, size, clients int) {
	took := make([]time.Duration, b.N)
	next := make(chan int)
	var all sync.WaitGroup
	b.ResetTimer()
	for range clients {
		all.Go(func() {
			for i := range next {
				began := time.Now()
				a, err := vault.done(b.Context(), http.MethodGet, path, nil)
				took[i] = time.Since(began)
				if err != nil || len(bytes.TrimSpace(a.raw)) == 0 {
					b.Errorf("got %v, %v", a, err)
				}
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	all.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(size), "bytes")
}
