// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"strings"
	"time"

	"github.com/armon/go-metrics"

	"mashproxy/cache"
	"mashproxy/mashery"
)

// counter is the name of one of our metrics: below "mashproxy", and below what
// Vault Proxy puts before all of its own.
func counter(parts ...string) []string { return append([]string{"mashproxy"}, parts...) }

// countCalls counts n calls by whose answer they got: mashproxy.calls.mashery,
// .vault, and .mashproxy; the last are errors, and mashproxy.errors.<code> tells
// them apart.
func countCalls(source, code string, n int64) {
	metrics.IncrCounter(counter("calls", source), float32(n))
	if code != "" {
		metrics.IncrCounter(counter("errors", code), float32(n))
	}
}

// countGrants counts what happens to grants, such as
// mashproxy.grants.fetch.ok.
func countGrants(e cache.Event) {
	metrics.IncrCounter(counter(append([]string{"grants"}, strings.Split(string(e), ".")...)...), 1)
}

// countPacing counts what happens at budgets: how long calls waited for their
// slots (mashproxy.pacing.wait, in ms, of those that had to, and
// mashproxy.pacing.refused for those that waited in vain), what Mashery refused,
// and what was sent again.
func countPacing() mashery.Observer {
	return mashery.Observer{
		Waited: func(d time.Duration, served bool) {
			if d > 0 { // a sample costs more than all else of pacing
				metrics.AddSample(counter("pacing", "wait"), float32(d.Seconds()*1000))
			}
			if !served {
				metrics.IncrCounter(counter("pacing", "refused"), 1)
			}
		},
		OverQPS:   func() { metrics.IncrCounter(counter("mashery", "over_qps"), 1) },
		OverQuota: func() { metrics.IncrCounter(counter("mashery", "over_quota"), 1) },
		Resent:    func(reason string) { metrics.IncrCounter(counter("mashery", "resent", reason), 1) },
	}
}
