// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// BenchmarkForward is a request on its way to Vault and its answer on the way
// back, over a real connection, in which the answer is searched for the token.
// What the server there allocates is counted too.
func BenchmarkForward(b *testing.B) {
	for name, size := range map[string]int{"a small answer": 200, "an answer of 1 MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			text := `{"data":"` + strings.Repeat("x", size) + `"}`
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, text)
			}))
			defer upstream.Close()
			settings := Config{Client: newClient(b, upstream.URL), APIProxy: forced, Mashery: true, Logger: hclog.NewNullLogger()}
			handler := newForwarder(b, settings).Handler(newIdentity(someToken))
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				w := &discard{header: http.Header{}}
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/secret/data/app", nil))
				if w.status != http.StatusOK || w.length != len(text) {
					b.Fatalf("status %d, %d bytes", w.status, w.length)
				}
			}
		})
	}
}

// discard takes an answer, and keeps its status and how long it was.
type discard struct {
	header         http.Header
	status, length int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { d.length += len(p); return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Flush()                      {}
