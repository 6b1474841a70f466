// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
)

// mallocsPath is where the reverse proxy tells how often it has allocated.
const mallocsPath = "/mallocs"

// serveReverseProxy is the least that a proxy which signs can be: net/http's own
// reverse proxy, which sets one header. Its pool of idle connections is as
// generous as mashproxy's.
func serveReverseProxy(listener net.Listener, to string) error {
	upstream, err := url.Parse(to)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header.Set("Authorization", "Bearer of-the-bench")
		},
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
	}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc(mallocsPath, func(w http.ResponseWriter, _ *http.Request) {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		fmt.Fprint(w, now.Mallocs)
	})
	return http.Serve(listener, mux)
}
