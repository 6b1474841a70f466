// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hashicorp/vault/internalshared/configutil"
)

// BenchmarkGuard is what every request of a tcp listener passes first.
func BenchmarkGuard(b *testing.B) {
	const ours = "127.0.0.1:8300"
	passed := 0
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ })
	handler := Guard(RequireHeader(next, &configutil.Listener{RequireRequestHeader: true}), GuardConfig{Address: ours})
	for name, header := range map[string]http.Header{
		"of a program": {},
		"of a page":    {"Origin": {"http://" + ours}, "Sec-Fetch-Site": {"same-origin"}},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/v1/mash-creds/roles/demo/proxy/v3/services", nil)
			r.Host, r.Header = ours, header
			r.Header.Set("X-Vault-Request", "true")
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				before := passed
				if handler.ServeHTTP(w, r); passed == before {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
