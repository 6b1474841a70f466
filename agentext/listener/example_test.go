// SPDX-License-Identifier: MPL-2.0

package listener_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"mashproxy/agentext/listener"
)

func ExampleGuard() {
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "served") })
	guarded := listener.Guard(served, listener.GuardConfig{Address: "127.0.0.1:8300"})
	for _, host := range []string{"localhost:8300", "rebound.example.com:8300"} {
		r := httptest.NewRequest("GET", "/v1/sys/health", nil)
		r.Host = host
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		fmt.Println(host, w.Code, w.Header().Get("X-Mashproxy-Error") == "guard_denied")
	}
	// Output:
	// localhost:8300 200 false
	// rebound.example.com:8300 403 true
}
