// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"mashproxy/agentext/apierror"
)

// TestRequestsUnderWayWhenTheProgramStops have their answers if these come in
// time, and else learn why there is none.
func TestRequestsUnderWayWhenTheProgramStops(t *testing.T) {
	for name, test := range map[string]struct {
		drains time.Duration
		inTime bool
		status int
		body   string
	}{
		"an answer in time": {time.Minute, true, 200, "done"},
		"no answer in time": {10 * time.Millisecond, false, 503, `{"errors":["` + apierror.ErrDraining.Message + `"]}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			arrived, goOn := make(chan struct{}), make(chan struct{})
			l, err := Open(tcpConfig("127.0.0.1:0"), Options{Drain: test.drains, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(arrived)
				select {
				case <-goOn:
					_, _ = io.WriteString(w, "done")
				case <-r.Context().Done():
					if context.Cause(r.Context()) == apierror.ErrDraining {
						apierror.Write(w, apierror.ErrDraining)
					}
				}
			})})
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- l.Serve(ctx) }()
			go func() {
				<-arrived
				end()
				for { // until it takes no more connections
					if response, err := http.Get(l.String()); err != nil {
						break
					} else {
						response.Body.Close()
					}
				}
				if test.inTime {
					close(goOn)
				}
			}()
			response, body := get(t, l, nil)
			if response.StatusCode != test.status || body != test.body || !response.Close {
				t.Errorf("%d %q, close %v", response.StatusCode, body, response.Close)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}
