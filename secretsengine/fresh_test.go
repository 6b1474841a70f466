// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// addresses are paths of every kind below the mount.
func addresses() []string {
	return []string{
		"config", "config/certs/", "config/certs/leaf", "check", "roles/", "roles/demo", "roles/demo/grant", "roles/demo/token",
		"roles/demo/pem", "roles/demo/export", "roles/demo/import",
		"roles/demo/v2", "roles/demo/v2/object.query", "roles/demo/v3/services", "roles/demo/v3/services;list",
		"roles/demo/proxy/v2", "roles/demo/proxy/v2/test.echo", "roles/demo/proxy/v3/services", "roles/demo/proxy/v3-method/put/services/1",
	}
}

func TestAMountNobodyHasConfiguredAnswersEverythingInWords(t *testing.T) {
	for _, path := range addresses() {
		for _, op := range []logical.Operation{logical.ReadOperation, logical.ListOperation, logical.UpdateOperation, logical.DeleteOperation} {
			for name, data := range map[string]map[string]any{"no data": nil, "data": {"method": "test.echo", "name": "x"}} {
				e := newEngine(t)
				for _, key := range []string{configKey, saltKey} {
					if err := e.storage.Delete(t.Context(), key); err != nil {
						t.Fatal(err)
					}
				}
				e.InvalidateKey(t.Context(), configKey)
				if path == "check" {
					e.must(logical.UpdateOperation, "config", map[string]any{"v2_endpoint": e.mashery.URL, "v3_endpoint": e.mashery.URL, "v3_token_endpoint": e.mashery.URL})
				}
				resp, err := e.ask(op, path, data)
				switch {
				case errors.Is(err, logical.ErrUnsupportedOperation):
				case errors.Is(err, logical.ErrUnsupportedPath) && resp.IsError():
					if said := resp.Error().Error(); !strings.HasSuffix(said, `role "demo" does not exist; write roles/demo first`) {
						t.Errorf("%s %s with %s: %s", op, path, name, said)
					}
				case err != nil:
					t.Errorf("%s %s with %s: %v", op, path, name, err)
				}
			}
		}
	}
}

func TestAStoredEntryThatCannotBeReadIsAFaultInWords(t *testing.T) {
	for key, paths := range map[string][]string{
		configKey:           {"config", "check", "config/certs/leaf", "roles/demo/v3/services", "roles/demo/v2"},
		rolePrefix + "demo": {"roles/demo", "roles/demo/grant", "roles/demo/v3/services", "roles/demo/proxy/v3/services"},
	} {
		e := newDemo(t)
		if err := e.storage.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte("{")}); err != nil {
			t.Fatal(err)
		}
		e.InvalidateKey(t.Context(), key)
		for _, path := range paths {
			_, err := e.ask(logical.ReadOperation, path, nil)
			if err == nil || !strings.Contains(err.Error(), "reading "+key+" from Vault's storage") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func FuzzProxyPath(f *testing.F) {
	for _, path := range []string{"services", "services/1;target-method-put", "..", "a/../b", "%2e%2e/x", "a//b", "\x00", "a b?c#d", ";target-method-", "services/", "é/ü", "a\\..\\b"} {
		f.Add(path, "put")
	}
	f.Fuzz(func(t *testing.T, path, verb string) {
		e := newDemo(t)
		e.mashery.on(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/json-rpc/42" && !strings.HasPrefix(r.URL.Path, "/v3/rest/") || strings.Contains(r.URL.Path+"/", "/../") {
				t.Errorf("%q went to %s", path, r.RequestURI)
			}
		}, nil)
		for _, op := range []logical.Operation{logical.ReadOperation, logical.ListOperation, logical.UpdateOperation, logical.DeleteOperation} {
			for _, at := range []string{"proxy/v3/" + path, "proxy/v3-method/" + verb + "/" + path, "proxy/v2/" + path} {
				resp, err := e.ask(op, "roles/demo/"+at, map[string]any{"a": "b"})
				if err != nil && !errors.Is(err, logical.ErrUnsupportedPath) && !errors.Is(err, logical.ErrUnsupportedOperation) {
					t.Errorf("%s %q: %v %v", op, at, resp, err)
				}
			}
		}
	})
}
