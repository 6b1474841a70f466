// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"mashproxy/cache"
	"mashproxy/mashery"
)

// BenchmarkRecognise is what every request costs, forwarded ones too.
func BenchmarkRecognise(b *testing.B) {
	h := recogniser(block("mash-creds"), block("team/a/mash"), block("eu/|mash"))
	for name, line := range map[string]string{
		"a V3 list":         "GET /v1/mash-creds/roles/demo/proxy/v3/services?limit=5",
		"a path of escapes": "GET /v1/team/a/mash/roles/demo/proxy/v3/services/a%2Fb%2Cc",
		"a verb at the end": "POST /v1/mash-creds/roles/demo/proxy/v3/services/1;target-method-put",
		"a V2 call":         "POST /v1/mash-creds/roles/demo/proxy/v2/object.query",
		"a Vault read":      "GET /v1/secret/data/team/app",
		"a namespace":       "GET /v1/mash/roles/demo/proxy/v3/services\nX-Vault-Namespace: eu",
	} {
		b.Run(name, func(b *testing.B) {
			r, l := request(b, line), &Listener{}
			b.ReportAllocs()
			for b.Loop() {
				if _, refusal := h.read(l, r); refusal != nil {
					b.Fatal(refusal)
				}
			}
		})
	}
}

// BenchmarkServe is a local call from its recognition to the last byte of its
// answer, without policy, over a real connection to an upstream that does
// nothing. What the upstream allocates is counted too; "upstream alone" is that.
func BenchmarkServe(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `[{"id":"1","name":"a"}]`)
	}))
	defer upstream.Close()
	transport := mashery.NewTransport(mashery.TransportConfig{})
	defer transport.CloseIdleConnections()

	b.Run("a V3 list", func(b *testing.B) {
		c := settings(block("mash-creds"))
		c.Mounts[0].Sender = &mashery.Sender{Transport: transport, V3: parse(upstream.URL + "/v3/rest")}
		vault := &scriptedVault{answer: anyToken}
		c.Grants, c.Budgets = cache.New(cache.Config[*mashery.Grant]{Vault: vault, Parse: ParseGrant, Lasting: IsForced}), mashery.NewBudgets()
		defer c.Grants.Close()
		served := New(c).Before(&Listener{}, http.NotFoundHandler())
		r := httptest.NewRequest("GET", "/v1/mash-creds/roles/demo/proxy/v3/services?limit=5", nil)
		b.ReportAllocs()
		for b.Loop() {
			w := &discard{header: http.Header{}}
			if served.ServeHTTP(w, r); w.status != http.StatusOK {
				b.Fatal(w.status)
			}
		}
	})
	b.Run("upstream alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, _ := http.NewRequest("GET", upstream.URL+"/v3/rest/services?limit=5", nil)
			answer, err := transport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	})
}

// discard takes an answer and keeps its status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Flush()                      {}
