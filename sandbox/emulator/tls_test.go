// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// startTLS serves an emulator at an https endpoint.
func startTLS(t *testing.T, e *emulator.Emulator) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	authority, err := emulator.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(e)
	server.EnableHTTP2 = true
	if server.TLS, err = authority.ServerConfig("127.0.0.1", "mashery.test"); err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.PEM()) {
		t.Fatal("the authority's PEM holds no certificate")
	}
	return server, roots
}

func TestOurOwnClientTrustsTheThrowAwayAuthority(t *testing.T) {
	e := emulator.New(emulator.Options{Credentials: credentials()})
	server, roots := startTLS(t, e)
	endpoint, err := mashery.ParseEndpoint(server.URL + "/v3/token")
	if err != nil {
		t.Fatal(err)
	}
	transport := mashery.NewTransport(mashery.TransportConfig{RootCAs: roots})
	defer transport.CloseIdleConnections()
	if _, err := (&mashery.TokenClient{HTTP: transport, Endpoint: endpoint}).Password(t.Context(), credentials()); err != nil {
		t.Error(err)
	}

	stranger := mashery.NewTransport(mashery.TransportConfig{RootCAs: x509.NewCertPool()})
	defer stranger.CloseIdleConnections()
	_, err = (&mashery.TokenClient{HTTP: stranger, Endpoint: endpoint}).Password(t.Context(), credentials())
	if err == nil {
		t.Error("a certificate of an unknown authority was accepted")
	}
}

func TestCertificatesAreForTheNamesTheyAreMadeFor(t *testing.T) {
	server, roots := startTLS(t, emulator.New(emulator.Options{Credentials: credentials()}))
	for name, known := range map[string]bool{"127.0.0.1": true, "mashery.test": true, "elsewhere.test": false} {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
		if err == nil {
			conn.Close()
		}
		var other x509.HostnameError
		if known && err != nil || !known && !errors.As(err, &other) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTLSServesHTTP2AndHTTP1(t *testing.T) {
	server, roots := startTLS(t, emulator.New(emulator.Options{Credentials: credentials()}))
	for _, http2 := range []bool{true, false} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2}
		resp, err := (&http.Client{Transport: transport}).Get(server.URL + "/v3/rest/services")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		if resp.StatusCode != 401 || (resp.ProtoMajor == 2) != http2 {
			t.Errorf("%s %s", resp.Proto, resp.Status)
		}
	}
}
