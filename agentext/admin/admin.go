// SPDX-License-Identifier: MPL-2.0

// Package admin serves what Vault Proxy serves under /proxy/v1/ (metrics,
// cache-clear and quit), and the status of grants and budgets beside it.
package admin

import (
	"net/http"
	"sync"

	"github.com/hashicorp/vault/helper/metricsutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/agentext/apierror"
)

// Config is what the paths are served from.
type Config struct {
	Metrics *metricsutil.MetricsHelper
	// Count makes the metrics complete before they are told; nil: they are.
	Count func()
	// CacheClear is the lease cache's own handler.
	CacheClear http.Handler
	// Grants are cleared along with the lease cache; nil: there are none.
	Grants Grants
	// Status gives what /proxy/v1/status says, as it becomes JSON; nil: the
	// path is not served.
	Status func() any
	// Quit ends the program. It is called once at most.
	Quit func()
}

// Admin serves the paths of /proxy/v1/ to any number of listeners.
type Admin struct {
	config Config
	quit   sync.Once
}

// New makes an Admin.
func New(c Config) *Admin { return &Admin{config: c} }

// Listener says which paths one listener serves.
type Listener struct {
	// Quit enables /proxy/v1/quit (proxy_api { enable_quit }).
	Quit bool
	// MetricsOnly serves metrics and nothing else (role = "metrics_only").
	MetricsOnly bool
}

// Serves tells whether a path, decoded, is one that an Admin answers itself and
// never passes on, provided that its Config has a Status.
func Serves(path string) bool {
	switch path {
	case consts.ProxyPathMetrics, consts.ProxyPathCacheClear, consts.ProxyPathQuit, PathStatus:
		return true
	}
	return false
}

// Handler serves the paths of a listener, and passes other requests to next.
func (a *Admin) Handler(l Listener, next http.Handler) http.Handler {
	if l.MetricsOnly {
		next = http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == consts.ProxyPathMetrics:
			a.metrics(w, r)
		case l.MetricsOnly:
			next.ServeHTTP(w, r)
		case r.URL.Path == consts.ProxyPathCacheClear:
			a.serveClear(w, r)
		case r.URL.Path == consts.ProxyPathQuit:
			a.serveQuit(w, r, l.Quit)
		case r.URL.Path == PathStatus && a.config.Status != nil:
			a.serveStatus(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// metrics answers as Vault Proxy does (command/proxy.go, handleMetrics).
func (a *Admin) metrics(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		logical.RespondError(w, http.StatusMethodNotAllowed, nil)
		return
	}
	if err := r.ParseForm(); err != nil {
		logical.RespondError(w, http.StatusBadRequest, err)
		return
	}
	if a.config.Count != nil {
		a.config.Count()
	}
	format := r.Form.Get("format")
	if format == "" {
		format = metricsutil.FormatFromRequest(&logical.Request{Headers: r.Header})
	}
	answer := a.config.Metrics.ResponseForFormat(format)
	var body []byte
	switch raw := answer.Data[logical.HTTPRawBody].(type) {
	case string:
		body = []byte(raw)
	case []byte:
		body = raw
	}
	status, _ := answer.Data[logical.HTTPStatusCode].(int)
	contentType, _ := answer.Data[logical.HTTPContentType].(string)
	if status == 0 {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have left
}

func (a *Admin) serveQuit(w http.ResponseWriter, r *http.Request, enabled bool) {
	switch {
	case !enabled:
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodPost:
		apierror.Write(w, apierror.New(http.StatusMethodNotAllowed, apierror.MethodNotAllowed, "quit with POST").With("Allow", http.MethodPost))
	default:
		a.quit.Do(a.config.Quit)
	}
}
