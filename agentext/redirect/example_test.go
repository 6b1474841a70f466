// SPDX-License-Identifier: MPL-2.0

package redirect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/redirect"
)

func Example() {
	portal := httptest.NewServer(http.RedirectHandler("http://login.example.com/", http.StatusFound))
	defer portal.Close()
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = portal.URL, 0
	client, err := api.NewClient(config)
	if err != nil {
		panic(err)
	}
	guarded, err := redirect.Client(client)
	if err != nil {
		panic(err)
	}
	guarded.SetToken("hvs.goes-to-vault-only")
	_, err = guarded.Logical().Read("sys/health")
	_, why, _ := strings.Cut(err.Error(), "what answers ")
	fmt.Println(why)
	// Output:
	// at Vault's address redirects to login.example.com with status 302, which Vault does not; is it a load balancer or portal in front of Vault?
}
