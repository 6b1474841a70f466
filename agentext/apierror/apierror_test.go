// SPDX-License-Identifier: MPL-2.0

package apierror

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestWrite(t *testing.T) {
	base := New(http.StatusServiceUnavailable, VaultUnavailable, "Vault is away")
	tests := map[string]struct {
		err    *Error
		status int
		body   string
		header map[string]string
	}{
		"code, message and JSON in Vault's form": {
			base, 503, `{"errors":["Vault is away"]}` + "\n",
			map[string]string{CodeHeader: "vault_unavailable", "Content-Type": "application/json", "Retry-After": ""},
		},
		"a part of a second is rounded up": {
			base.After(1200 * time.Millisecond), 503, `{"errors":["Vault is away"]}` + "\n",
			map[string]string{"Retry-After": "2"},
		},
		"headers of the error are added": {
			New(405, MethodNotAllowed, "no").With("Allow", "GET, LIST"), 405, `{"errors":["no"]}` + "\n",
			map[string]string{"Allow": "GET, LIST"},
		},
		"what described another body describes this one": {
			base, 503, `{"errors":["Vault is away"]}` + "\n",
			map[string]string{"Content-Length": "29", "Content-Encoding": ""},
		},
		"no status is an internal error": {
			&Error{Message: "odd"}, 500, `{"errors":["odd"]}` + "\n", map[string]string{CodeHeader: ""},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Length", "999")
			w.Header().Set("Content-Encoding", "gzip")
			Write(w, test.err)
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, test.status, test.body)
			}
			for name, want := range test.header {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestCopiesLeaveTheOriginalAlone(t *testing.T) {
	base := New(405, MethodNotAllowed, "no").With("Allow", "GET")
	_ = base.With("Allow", "POST").After(time.Second)
	if base.RetryAfter != 0 || base.Header.Get("Allow") != "GET" {
		t.Errorf("the original changed: %+v", base)
	}
}

func TestErrorIsAnError(t *testing.T) {
	var target *Error
	if err := error(New(400, BadRequest, "verb %q", "FOO")); !errors.As(err, &target) || err.Error() != `bad_request: verb "FOO"` {
		t.Errorf("got %v", err)
	}
}
