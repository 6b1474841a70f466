// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSend is all that this package adds to a call, pacing and learning
// from answers included: the transport answers from memory.
func BenchmarkSend(b *testing.B) {
	header := http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"Go-http-client/1.1"},
		"X-Vault-Token": {"x"}, "X-Vault-Request": {"true"},
	}
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{
			"Date": {"Fri, 01 May 2026 12:00:00 GMT"}, "Content-Type": {"application/json"}, "X-Total-Count": {"250"},
			headerQPSAllotted: {"1000000"}, headerQPSCurrent: {"1"},
		}}, nil
	})
	s, budgets, ctx := sender(transport), NewBudgets(), context.Background()
	budget := func(*Grant) *Budget { return budgets.Get(BudgetID{Key: "k"}, Settings{Role: "role", QPS: 1e9}) }
	body := strings.Repeat("x", 4<<10)
	for name, grant := range map[string]*Grant{"GET V3": v3Grant(), "POST V2": v2Grant()} {
		source := from(grant)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call := &Call{API: grant.API, Method: http.MethodGet, Path: "services", RawQuery: "limit=5", Header: header, MaxWait: time.Second, Budget: budget}
				if grant.API == V2 {
					call.Method, call.Body, call.ContentLength = http.MethodPost, strings.NewReader(body), int64(len(body))
				}
				got, err := s.Send(ctx, call, source)
				if err != nil {
					b.Fatal(err)
				}
				got.Body.Close()
			}
		})
	}
}

// BenchmarkBudgetWait is the pacing of a call that finds its slot free.
func BenchmarkBudgetWait(b *testing.B) {
	for name, qps := range map[string]float64{"unlimited": 0, "at a rate never reached": 1e12} {
		b.Run(name, func(b *testing.B) {
			budget, ctx := budgetOf(qps), context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := budget.Wait(ctx, "", time.Second); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBudgetQueue is the pacing of calls of several listeners that wait for
// each other, at a rate that is never reached.
func BenchmarkBudgetQueue(b *testing.B) {
	budget, ctx := budgetOf(1e12), context.Background()
	b.ReportAllocs()
	var names atomic.Int32
	b.RunParallel(func(pb *testing.PB) {
		name := string(rune('a' + names.Add(1)))
		for pb.Next() {
			if _, err := budget.Wait(ctx, name, time.Second); err != nil {
				b.Fatal(err)
			}
		}
	})
}
