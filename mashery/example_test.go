// SPDX-License-Identifier: MPL-2.0

package mashery_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"mashproxy/mashery"
)

// token is a source that has one access token and no other.
type token struct{ grant mashery.Grant }

func (t *token) Grant(context.Context) (*mashery.Grant, error) { return &t.grant, nil }
func (t *token) Dead(*mashery.Grant, bool) bool                { return false }

// A call is paced by its key's budget, signed and sent.
func ExampleSender_Send() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, %s", r.RequestURI, r.Header.Get("Authorization"))
	}))
	defer server.Close()

	endpoint, _ := mashery.ParseEndpoint(server.URL + "/v3/rest")
	transport := mashery.NewTransport(mashery.TransportConfig{})
	defer transport.CloseIdleConnections()
	budgets := mashery.NewBudgets()

	sender := &mashery.Sender{Transport: transport, V3: endpoint}
	answer, err := sender.Send(context.Background(), &mashery.Call{
		API: mashery.V3, Method: http.MethodGet, Path: "services", RawQuery: "filter=name:a%2Cb",
		MaxWait: 30 * time.Second,
		Budget: func(g *mashery.Grant) *mashery.Budget {
			return budgets.Get(mashery.BudgetID{Mount: "mash-creds", Key: g.KeyID}, mashery.Settings{Role: "demo", QPS: g.QPS})
		},
	}, &token{mashery.Grant{API: mashery.V3, AccessToken: mashery.NewSecret("t0ken"), QPS: 10}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	_, _ = io.Copy(os.Stdout, answer.Body)
	// Output: /v3/rest/services?filter=name:a%2Cb, Bearer t0ken
}
