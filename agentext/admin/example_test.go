// SPDX-License-Identifier: MPL-2.0

package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"mashproxy/agentext/admin"
)

func Example() {
	a := admin.New(admin.Config{Quit: func() { fmt.Println("quitting") }})
	toVault := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println("for Vault:", r.URL.Path) })
	for _, listener := range []admin.Listener{{}, {Quit: true}, {MetricsOnly: true}} {
		handler := a.Handler(listener, toVault)
		for _, path := range []string{"/proxy/v1/quit", "/v1/sys/health"} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
			fmt.Printf("%+v %s %d\n", listener, path, w.Code)
		}
	}
	// Output:
	// {Quit:false MetricsOnly:false} /proxy/v1/quit 404
	// for Vault: /v1/sys/health
	// {Quit:false MetricsOnly:false} /v1/sys/health 200
	// quitting
	// {Quit:true MetricsOnly:false} /proxy/v1/quit 200
	// for Vault: /v1/sys/health
	// {Quit:true MetricsOnly:false} /v1/sys/health 200
	// {Quit:false MetricsOnly:true} /proxy/v1/quit 404
	// {Quit:false MetricsOnly:true} /v1/sys/health 404
}
