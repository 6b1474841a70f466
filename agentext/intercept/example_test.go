// SPDX-License-Identifier: MPL-2.0

package intercept_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/config"
	"mashproxy/agentext/intercept"
	"mashproxy/cache"
	"mashproxy/mashery"
)

// vault gives one and the same grant.
type vault struct{}

func (vault) Token() string { return "hvs.of-the-application" }

func (vault) Write(context.Context, string, string, map[string]any) (*api.Secret, error) {
	return nil, nil // extends no lease
}

func (vault) Delete(context.Context, string, string, url.Values) error { return nil }

func (vault) Read(_ context.Context, _, _ string, _ url.Values) (*api.Secret, http.Header, error) {
	return &api.Secret{RequestID: "0c1d", LeaseDuration: 600, Data: map[string]any{"access_token": "of-the-grant"}}, nil, nil
}

func Example() {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "Mashery:", r.Method, r.RequestURI, r.Header.Get("Authorization"))
	}))
	defer upstream.Close()
	endpoint, err := mashery.ParseEndpoint(upstream.URL + "/v3/rest")
	if err != nil {
		panic(err)
	}
	grants := cache.New(cache.Config[*mashery.Grant]{Vault: vault{}, Parse: intercept.ParseGrant})
	defer grants.Close()
	local := intercept.New(intercept.Config{
		Mounts: []*intercept.Mount{{
			Mashery: &config.Mashery{Mount: "mash-creds", Policy: config.PolicyOff, V3Endpoint: endpoint},
			Sender:  &mashery.Sender{Transport: http.DefaultTransport, V3: endpoint},
		}},
		Grants: grants, Budgets: mashery.NewBudgets(), Logger: hclog.NewNullLogger(),
	})
	toVault := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "Vault:", r.URL.Path) })
	proxy := httptest.NewServer(local.Before(&intercept.Listener{}, toVault))
	defer proxy.Close()

	for _, path := range []string{"mash-creds/roles/demo/proxy/v3/services?limit=5", "mash-creds/roles/demo", "mash-creds/roles/demo/grant"} {
		answer, err := http.Get(proxy.URL + "/v1/" + path)
		if err != nil {
			panic(err)
		}
		fmt.Print(answer.StatusCode, " ", answer.Header.Get("X-Mashproxy-Error"))
		if answer.StatusCode == http.StatusOK {
			_, _ = io.Copy(os.Stdout, answer.Body)
		}
		answer.Body.Close()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	// Output:
	// 200 Mashery: GET /v3/rest/services?limit=5 Bearer of-the-grant
	// 200 Vault: /v1/mash-creds/roles/demo
	// 403 credential_withheld
}
