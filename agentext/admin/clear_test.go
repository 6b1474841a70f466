// SPDX-License-Identifier: MPL-2.0

package admin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"mashproxy/agentext/admin"
)

// grants remembers what was dropped.
type grants struct{ dropped []string }

func (g *grants) DropAll()            { g.dropped = append(g.dropped, "all") }
func (g *grants) DropLease(id string) { g.dropped = append(g.dropped, "lease "+id) }
func (g *grants) DropPath(namespace, path string) {
	g.dropped = append(g.dropped, "path "+namespace+path)
}

func TestClearingDropsGrantsAndTellsTheLeaseCacheTheSame(t *testing.T) {
	tests := map[string]struct {
		order   string
		method  string
		status  int
		dropped []string
		text    string
	}{
		"all":                        {order: `{"type":"all"}`, status: 200, dropped: []string{"all"}},
		"all, by PUT":                {order: `{"type":"all"}`, method: "PUT", status: 200, dropped: []string{"all"}},
		"a lease":                    {order: `{"type":"lease","value":"m/roles/a/grant/x"}`, status: 200, dropped: []string{"lease m/roles/a/grant/x"}},
		"a path":                     {order: `{"type":"request_path","value":"/v1/m/roles/a/grant"}`, status: 200, dropped: []string{"path /v1/m/roles/a/grant"}},
		"a path in a namespace":      {order: `{"type":"request_path","value":"/v1/m","namespace":"team/"}`, status: 200, dropped: []string{"path team//v1/m"}},
		"a token, which owns none":   {order: `{"type":"token","value":"x"}`, status: 200},
		"a lease that is not named":  {order: `{"type":"lease"}`, status: 400, text: "lease not provided"},
		"a path that is not named":   {order: `{"type":"request_path"}`, status: 400, text: "request path not provided"},
		"a type that nobody knows":   {order: `{"type":"everything"}`, status: 400, text: "invalid type"},
		"no type":                    {order: `{}`, status: 400, text: "invalid type"},
		"nothing":                    {order: ``, status: 400, text: "failed to parse JSON input"},
		"what is no JSON":            {order: `type=all`, status: 400, text: "failed to parse JSON input"},
		"more than anyone would say": {order: strings.Repeat(" ", 2<<20), status: 413, text: "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			held, told := &grants{}, ""
			a := admin.New(admin.Config{Grants: held, CacheClear: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				told = string(body)
			})})
			if test.method == "" {
				test.method = "POST"
			}
			w := httptest.NewRecorder()
			a.Handler(admin.Listener{}, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(test.method, "/proxy/v1/cache-clear", strings.NewReader(test.order)))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if !slices.Equal(held.dropped, test.dropped) {
				t.Errorf("dropped %q", held.dropped)
			}
			if wanted := map[bool]string{true: test.order}[test.status == 200]; told != wanted {
				t.Errorf("the lease cache was told %q", told)
			}
		})
	}
}

func TestStatusIsJSONForWhoeverReadsIt(t *testing.T) {
	a := admin.New(admin.Config{Status: func() any { return map[string]int{"roles": 2} }})
	tests := map[string]struct {
		listener admin.Listener
		method   string
		status   int
	}{
		"read":                      {method: "GET", status: 200},
		"its header":                {method: "HEAD", status: 200},
		"written":                   {method: "POST", status: 405},
		"of a listener for metrics": {listener: admin.Listener{MetricsOnly: true}, method: "GET", status: 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			a.Handler(test.listener, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(test.method, admin.PathStatus, nil))
			if w.Code != test.status {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if got := fmt.Sprint(w.Header().Get("Content-Type"), " ", strings.Join(strings.Fields(w.Body.String()), "")); test.status == 200 && got != `application/json {"roles":2}` {
				t.Error(got)
			}
		})
	}
}
