// SPDX-License-Identifier: MPL-2.0

package redirect

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"
)

func TestATokenIsTakenNowhereByARedirectThatIsNotVaults(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		_, _ = io.WriteString(w, `{"data":{"from":"elsewhere"}}`)
	}))
	defer other.Close()
	for name, test := range map[string]struct {
		status   int
		location string
		followed bool
	}{
		"a standby that names the active node":     {307, other.URL + "/v1/sys/a", true},
		"the router, which adds a slash":           {307, "/v1/sys/a/", true},
		"a page to log in, on another host":        {302, other.URL + "/login", false},
		"the same path on another host, for good":  {301, other.URL + "/v1/sys/a", false},
		"another path on another host, for a time": {307, other.URL + "/v1/sys/b", false},
		"a page to log in, on the same host":       {302, "/login", false},
		"one that Vault's client does not follow":  {308, other.URL + "/v1/sys/a", false},
		"one that cannot be read":                  {302, "http://%zz/", false},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere.Store(0)
			asked := 0
			vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked == 1 {
					w.Header().Set("Location", test.location)
					w.WriteHeader(test.status)
					return
				}
				_, _ = io.WriteString(w, `{"data":{"from":"vault"}}`)
			}))
			defer vault.Close()
			secret, err := client(t, vault.URL).Logical().Read("sys/a")
			if followed := err == nil && secret.Data["from"] != nil; followed != test.followed {
				t.Fatalf("followed: %v, %v", followed, err)
			}
			if test.followed {
				return
			}
			if elsewhere.Load()+int32(asked) != 1 || !strings.Contains(err.Error(), "is it a load balancer or portal in front of Vault?") {
				t.Errorf("%d requests went elsewhere, %d to Vault; %v", elsewhere.Load(), asked, err)
			}
			if strings.Contains(err.Error(), "/login") || strings.Contains(err.Error(), "/v1/sys/b") {
				t.Errorf("it repeats the address: %v", err)
			}
		})
	}
}

func client(t *testing.T, address string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = address, 0
	plain, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := Client(plain)
	if err != nil {
		t.Fatal(err)
	}
	guarded.SetToken("hvs.planted")
	return guarded
}
