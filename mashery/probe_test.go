// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAProbeTellsWhatItSaw(t *testing.T) {
	c := newChained(t)
	secure := NewTransport(TransportConfig{RootCAs: c.roots()})
	defer secure.CloseIdleConnections()
	got, err := Probe(t.Context(), secure, address(c.URL))
	if err != nil {
		t.Fatal(err)
	}
	want := `status 200, TLS 1.3, name "The Leaf", serial 03, sha256 ` + prints(c.leaf) +
		`, issued by "The Issuer", good until ` + c.leaf.NotAfter.UTC().Format(time.DateOnly)
	if got.String() != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got.Date.IsZero() {
		t.Error("the server's clock was not seen")
	}
}

func TestAProbeSendsNoCredentialAndFollowsNothing(t *testing.T) {
	var seen []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		w.Header()["Date"] = nil
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	transport := NewTransport(TransportConfig{})
	defer transport.CloseIdleConnections()
	got, err := Probe(t.Context(), transport, address(server.URL+"/v3/rest"))
	if err != nil || got.String() != "status 302, in clear" || !got.Date.IsZero() {
		t.Errorf("%v %v", got, err)
	}
	if len(seen) != 1 || seen[0].RequestURI != "/v3/rest" || seen[0].Header.Get("Authorization") != "" {
		t.Errorf("seen %v", seen)
	}
}

func TestAProbeThatGetsNoAnswerSaysWhy(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	var unreachable *UnreachableError
	if _, err := Probe(t.Context(), NewTransport(TransportConfig{}), address(server.URL)); !errors.As(err, &unreachable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Probe(ctx, NewTransport(TransportConfig{}), address(server.URL)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
