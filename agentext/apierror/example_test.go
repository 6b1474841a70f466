// SPDX-License-Identifier: MPL-2.0

package apierror_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"mashproxy/agentext/apierror"
)

func Example() {
	w := httptest.NewRecorder()
	apierror.Write(w, apierror.New(http.StatusServiceUnavailable, apierror.NotReady,
		"not logged in to Vault yet: try again shortly").After(time.Second))
	fmt.Println(w.Code, w.Header().Get(apierror.CodeHeader), w.Header().Get("Retry-After"))
	fmt.Print(w.Body)
	// Output:
	// 503 not_ready 1
	// {"errors":["not logged in to Vault yet: try again shortly"]}
}
