// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"mashproxy/sandbox"
)

// TestTheEngineSeesOfARequestWhatAPluginWould: what is lost on the way to a plugin
// must be lost here, or it would be missed only there.
func TestTheEngineSeesOfARequestWhatAPluginWould(t *testing.T) {
	s := start(t, sandbox.Options{QPS: 100})
	for name, test := range map[string]struct{ method, path, body, header, has, hasNot string }{
		"the query of a write is lost": {
			"PUT", "v3/services?fields=id", `{"name":"Q"}`, "", `"name":"Q"`, "",
		},
		"a query that a header names is not": {
			"POST", "v3/services", `{"name":"Q"}`, "fields=id", `"id"`, `"name"`,
		},
		"the query of a read is not": {
			"GET", "v3/services?limit=1&fields=id", "", "", `"id"`, `"name"`,
		},
		"numbers are 64-bit floating point": {
			"POST", "v2", `{"id":1,"method":"test.echo","params":[[1.10,12345678901234567890]]}`, "", `[1.1,12345678901234567000]`, "1.10",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), test.method, s.Vault().Address()+"/v1/mash-creds/roles/demo/proxy/"+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Vault-Token", s.Vault().RootToken().Reveal())
			if test.header != "" {
				r.Header.Set("X-Mashproxy-Query", test.header)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s (%v)", answer.StatusCode, body, err)
			}
			if text := string(body); !strings.Contains(text, test.has) || test.hasNot != "" && strings.Contains(text, test.hasNot) {
				t.Errorf("the answer is %s, want %s in it and %q not", text, test.has, test.hasNot)
			}
		})
	}
}
