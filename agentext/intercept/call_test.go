// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"mashproxy/agentext/policy"
)

// FuzzWithMethod looks at the JSON-RPC envelope that is sent: however the body
// is written, whoever reads it finds the path's method in it, and all else as it
// came.
func FuzzWithMethod(f *testing.F) {
	for _, text := range []string{
		"", " ", `{"id":1,"m\u0065thod" : null }`, `{}`, ` { } `, `{"params":["a"],"id":1}`, `{"method":"test.echo","id":1}`, `{"method":"other"}`, `{"Method":"other"}`,
		`{"method":"test.echo","method":"other"}`, `{"m\u0065thod":"other"}`, `[{"method":"test.echo"}]`, `{"method":null}`, `{"id":1}{}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(text))
	}
	const method = "test.echo"
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &http.Request{Header: http.Header{}}
		sent, refusal := (&route{method: method}).withMethod(r, policy.NewBody(bytes.NewReader(text)))
		if refusal != nil {
			if refusal.Status != http.StatusBadRequest && refusal.Status != http.StatusRequestEntityTooLarge {
				t.Fatalf("%d for %q", refusal.Status, text)
			}
			return
		}
		if len(bytes.TrimSpace(text)) == 0 {
			text = []byte("{}") // nothing says as much
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(sent, &after) != nil {
			t.Fatalf("%q became %q, and one of them is no object", text, sent)
		}
		var read struct{ Method string } // in any case of letters
		if err := json.Unmarshal(sent, &read); err != nil || read.Method != method {
			t.Fatalf("%q became %q, whose method is %q, %v", text, sent, read.Method, err)
		}
		for name := range after {
			if strings.EqualFold(name, "method") && name != "method" {
				t.Fatalf("%q became %q, which has another %q", text, sent, name)
			}
		}
		delete(before, "method")
		delete(after, "method")
		if len(before)+len(after) > 0 && !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", text, sent)
		}
	})
}
