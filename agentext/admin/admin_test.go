// SPDX-License-Identifier: MPL-2.0

package admin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/armon/go-metrics"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"
	"github.com/hashicorp/vault/helper/metricsutil"

	"mashproxy/agentext/admin"
	"mashproxy/agentext/apierror"
)

// fixture is an Admin and what was asked of its parts.
type fixture struct {
	*admin.Admin
	cleared, quits, passed atomic.Int64
}

func newFixture() *fixture {
	f := &fixture{}
	sink := metrics.NewInmemSink(time.Minute, time.Hour)
	sink.IncrCounter([]string{"proxy", "auth", "success"}, 1)
	f.Admin = admin.New(admin.Config{
		Metrics:    metricsutil.NewMetricsHelper(sink, false),
		CacheClear: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { f.cleared.Add(1) }),
		Quit:       func() { f.quits.Add(1) },
	})
	return f
}

// ask sends one request to a listener.
func (f *fixture) ask(l admin.Listener, method, target string, header ...string) *httptest.ResponseRecorder {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.passed.Add(1)
		w.WriteHeader(http.StatusAccepted)
	})
	r := httptest.NewRequest(method, target, strings.NewReader("{}"))
	if len(header) > 0 {
		r.Header.Set("Accept", header[0])
	}
	w := httptest.NewRecorder()
	f.Handler(l, next).ServeHTTP(w, r)
	return w
}

func TestWhichPathIsServedByWhom(t *testing.T) {
	ordinary, open, metricsOnly := admin.Listener{}, admin.Listener{Quit: true}, admin.Listener{Quit: true, MetricsOnly: true}
	tests := map[string]struct {
		listener                        admin.Listener
		request                         string
		status                          int
		cleared, quits, passed, metrics bool
	}{
		"metrics":                                {listener: ordinary, request: "GET /proxy/v1/metrics", status: 200, metrics: true},
		"metrics, by POST":                       {listener: ordinary, request: "POST /proxy/v1/metrics", status: 405},
		"metrics, with a slash":                  {listener: ordinary, request: "GET /proxy/v1/metrics/", status: 202, passed: true},
		"metrics for Prometheus, not set up":     {listener: ordinary, request: "GET /proxy/v1/metrics?format=prometheus", status: 400},
		"metrics in a form nobody knows":         {listener: ordinary, request: "GET /proxy/v1/metrics?format=smoke", status: 400},
		"metrics, with a query that is none":     {listener: ordinary, request: "GET /proxy/v1/metrics?format=%zz", status: 400},
		"clearing the cache":                     {listener: ordinary, request: "POST /proxy/v1/cache-clear", status: 200, cleared: true},
		"quit, where it is not enabled":          {listener: ordinary, request: "POST /proxy/v1/quit", status: 404},
		"quit, by GET, where it is not enabled":  {listener: ordinary, request: "GET /proxy/v1/quit", status: 404},
		"quit":                                   {listener: open, request: "POST /proxy/v1/quit", status: 200, quits: true},
		"quit, by GET":                           {listener: open, request: "GET /proxy/v1/quit", status: 405},
		"quit, by PUT":                           {listener: open, request: "PUT /proxy/v1/quit", status: 405},
		"something else below":                   {listener: open, request: "GET /proxy/v1/status", status: 202, passed: true},
		"a path of Vault's":                      {listener: open, request: "GET /v1/sys/health", status: 202, passed: true},
		"metrics, of a listener for them":        {listener: metricsOnly, request: "GET /proxy/v1/metrics", status: 200, metrics: true},
		"quit, of a listener for metrics":        {listener: metricsOnly, request: "POST /proxy/v1/quit", status: 404},
		"the cache, of a listener for metrics":   {listener: metricsOnly, request: "POST /proxy/v1/cache-clear", status: 404},
		"a Vault path, of a listener for it not": {listener: metricsOnly, request: "GET /v1/sys/health", status: 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			method, target, _ := strings.Cut(test.request, " ")
			got := f.ask(test.listener, method, target)
			if got.Code != test.status {
				t.Errorf("status %d: %s", got.Code, got.Body)
			}
			if f.cleared.Load() == 1 != test.cleared || f.quits.Load() == 1 != test.quits || f.passed.Load() == 1 != test.passed {
				t.Errorf("cleared %d, quit %d, passed on %d times", f.cleared.Load(), f.quits.Load(), f.passed.Load())
			}
			if strings.Contains(got.Body.String(), "proxy.auth.success") != test.metrics {
				t.Errorf("body %s", got.Body)
			}
		})
	}
}

func TestWhatIsServedHereIsPassedOnByNoListener(t *testing.T) {
	passed := false
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })
	a := admin.New(admin.Config{
		Metrics:    metricsutil.NewMetricsHelper(&metrics.InmemSink{}, false),
		CacheClear: http.NotFoundHandler(), Quit: func() {}, Status: func() any { return nil },
	})
	for path, want := range map[string]bool{
		"/proxy/v1/metrics": true, "/proxy/v1/cache-clear": true, "/proxy/v1/quit": true, "/proxy/v1/status": true,
		"/proxy/v1/": false, "/proxy/v1/metrics/": false, "/proxy/v1/nope": false, "/PROXY/v1/quit": false, "/v1/proxy/v1/quit": false, "/": false,
	} {
		for _, listener := range []admin.Listener{{}, {Quit: true}} {
			passed = false
			a.Handler(listener, next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("DELETE", path, nil))
			if admin.Serves(path) != want || passed == want {
				t.Errorf("%s, %+v: served here %v, passed on %v", path, listener, admin.Serves(path), passed)
			}
		}
	}
}

func TestMetricsAreWhatVaultProxyAnswers(t *testing.T) {
	f := newFixture()
	got := f.ask(admin.Listener{}, "GET", "/proxy/v1/metrics")
	var text struct{ Counters []struct{ Name string } }
	if err := json.Unmarshal(got.Body.Bytes(), &text); err != nil || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s, %v: %s", got.Header(), err, got.Body)
	}
	// A Prometheus server says what it wants in Accept; it is not set up here.
	got = f.ask(admin.Listener{}, "GET", "/proxy/v1/metrics", "application/openmetrics-text; version=0.0.1")
	if got.Code != 400 || !strings.Contains(got.Body.String(), "prometheus is not enabled") {
		t.Errorf("status %d: %s", got.Code, got.Body)
	}
}

func TestQuitWithTheWrongVerbSaysWhichIsRight(t *testing.T) {
	got := newFixture().ask(admin.Listener{Quit: true}, "DELETE", "/proxy/v1/quit")
	if got.Code != 405 || got.Header().Get("Allow") != "POST" || got.Header().Get(apierror.CodeHeader) != apierror.MethodNotAllowed {
		t.Errorf("status %d, headers %v", got.Code, got.Header())
	}
}

func TestManyWhoAskToQuitDoItOnce(t *testing.T) {
	f := newFixture()
	var callers sync.WaitGroup
	for range 20 { // each by a listener of its own
		callers.Go(func() {
			if got := f.ask(admin.Listener{Quit: true}, "POST", "/proxy/v1/quit"); got.Code != 200 {
				t.Errorf("status %d", got.Code)
			}
		})
	}
	callers.Wait()
	if n := f.quits.Load(); n != 1 {
		t.Errorf("quit %d times", n)
	}
}

func TestWithoutALeaseCacheThereIsNothingToClear(t *testing.T) {
	a := admin.New(admin.Config{CacheClear: (*cache.LeaseCache)(nil).HandleCacheClear(context.Background())})
	w := httptest.NewRecorder()
	a.Handler(admin.Listener{}, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("POST", "/proxy/v1/cache-clear", nil))
	if w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
