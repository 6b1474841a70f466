// SPDX-License-Identifier: MPL-2.0

package cache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/hashicorp/vault/api"

	"mashproxy/cache"
)

// vault stands for a client of Vault with the application's token.
type vault struct{}

func (vault) Token() string { return "hvs.of-the-application" }

func (vault) Read(_ context.Context, _, path string, query url.Values) (*api.Secret, http.Header, error) {
	fmt.Println("read", path+"?"+query.Encode())
	return &api.Secret{RequestID: "0c1d", LeaseDuration: 60, Data: map[string]any{"sig": "5f4dcc3b"}}, nil, nil
}

func (vault) Write(_ context.Context, _, path string, _ map[string]any) (*api.Secret, error) {
	fmt.Println("write", path) // sys/leases/renew
	return nil, nil
}

func (vault) Delete(_ context.Context, _, path string, _ url.Values) error {
	fmt.Println("delete", path) // the token that a role's readers share
	return nil
}

// A grant is read once, and again only when Mashery has refused it.
func Example() {
	grants := cache.New(cache.Config[string]{
		Vault: vault{},
		Parse: func(_ cache.Key, data map[string]any) (string, error) { return data["sig"].(string), nil },
	})
	defer grants.Close()

	key := cache.Key{Mount: "mash-creds", Role: "demo", API: 2}
	for range 3 {
		grant, err := grants.Get(context.Background(), key)
		fmt.Println(grant.Value, err)
	}
	grant, _ := grants.Get(context.Background(), key)
	if grants.Dead(key, grant, false) {
		_, _ = grants.Get(context.Background(), key)
	}
	// Output:
	// read mash-creds/roles/demo/grant?api=2&lease=true
	// 5f4dcc3b <nil>
	// 5f4dcc3b <nil>
	// 5f4dcc3b <nil>
	// read mash-creds/roles/demo/grant?api=2&lease=true
}
