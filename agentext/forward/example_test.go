// SPDX-License-Identifier: MPL-2.0

package forward_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/forward"
)

// loggedIn is an identity whose token does not change.
type loggedIn string

func (t loggedIn) Token() string    { return string(t) }
func (t loggedIn) Previous() string { return "" }
func (t loggedIn) Invalid(string)   {}

// Await waits in vain.
func (t loggedIn) Await(ctx context.Context, _ string) string {
	<-ctx.Done()
	return ""
}

func Example() {
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"data":{"id":%q,"ttl":60}}`, r.Header.Get("X-Vault-Token"))
	}))
	defer vault.Close()
	client, err := api.NewClient(&api.Config{Address: vault.URL})
	if err != nil {
		panic(err)
	}

	forwarder, err := forward.New(forward.Config{
		Client:   client,
		APIProxy: &config.APIProxy{UseAutoAuthToken: true, ForceAutoAuthToken: true},
		Logger:   hclog.NewNullLogger(),
	})
	if err != nil {
		panic(err)
	}
	defer forwarder.Close()
	handler := forwarder.Handler(loggedIn("hvs.the-token-of-auto-auth"))

	for _, path := range []string{"/v1/auth/token/lookup-self", "/v1/secret/shows-it"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Header().Get("X-Mashproxy-Error"), w.Body)
	}
	// Output:
	// 200  {"data":{"ttl":60}}
	// 502 credential_withheld {"errors":["Vault's answer holds the proxy's own Vault token, which never leaves it; auth/token/lookup-self tells all else about it"]}
}
