// SPDX-License-Identifier: MPL-2.0

package config_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mashproxy/agentext/config"
	"mashproxy/mashery"
)

// loadBlock loads a file with one mashery block that holds the given keys.
func loadBlock(t *testing.T, keys string) *config.Mashery {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proxy.hcl")
	src := `
auto_auth { method "approle" {} }
api_proxy { use_auto_auth_token = "force" }
listener "unix" { address = "/run/m.sock" }
mashery "mash-creds" {
` + keys + `
}`
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load([]string{path}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Mashery[0]
}

func TestTheTLSBlockSaysWhoIsTakenForMashery(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	const other = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	for name, test := range map[string]struct{ keys, refused string }{
		"nothing said: the system's roots":      {``, "unknown authority"},
		"the CA's file":                         {fmt.Sprintf(`ca_cert = %q`, ca), ""},
		"the CA's file and another server name": {fmt.Sprintf(`ca_cert = %q server_name = "api.mashery.com"`, ca), "not api.mashery.com"},
		"a pin that is not met":                 {fmt.Sprintf(`ca_cert = %q pin_sha256 = [%q]`, ca, other), "pinned is any certificate with sha256 a0:a1"},
	} {
		t.Run(name, func(t *testing.T) {
			tls := loadBlock(t, "tls {\n"+test.keys+"\n}").TLS
			transport := mashery.NewTransport(mashery.TransportConfig{RootCAs: tls.RootCAs, ServerName: tls.ServerName, Pinning: tls.Pinning()})
			defer transport.CloseIdleConnections()
			answer, err := (&http.Client{Transport: transport}).Get(server.URL)
			if err == nil {
				answer.Body.Close()
			}
			if test.refused == "" && err != nil || test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("got %v, want %q", err, test.refused)
			}
		})
	}
}

func TestTLSBlocksAreEqualThatTakeTheSameServersForMasherys(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		server := httptest.NewTLSServer(http.NotFoundHandler())
		defer server.Close()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, same := file("first.pem"), file("same.pem")
	const pin, other = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf", "a1a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	for name, test := range map[string]struct {
		one, two string
		equal    bool
	}{
		"nothing":                          {``, ``, true},
		"the same certificates":            {fmt.Sprintf(`ca_cert = %q`, first), fmt.Sprintf(`ca_cert = %q`, same), true},
		"certificates and the system's":    {fmt.Sprintf(`ca_cert = %q`, first), ``, false},
		"the same pins":                    {fmt.Sprintf(`pin_sha256 = [%q]`, pin), fmt.Sprintf(`pin_sha256 = [%q]`, strings.ToUpper(pin)), true},
		"another pin":                      {fmt.Sprintf(`pin_sha256 = [%q]`, pin), fmt.Sprintf(`pin_sha256 = [%q]`, other), false},
		"a pin and none":                   {fmt.Sprintf(`pin_sha256 = [%q]`, pin), `pin_sha256 = []`, false},
		"a name and that of the endpoint":  {`server_name = "x.example"`, `server_name = ""`, false},
		"no pin, and no pin that is named": {``, `pin_sha256 = []`, true},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := loadBlock(t, "tls {\n"+test.one+"\n}").TLS, loadBlock(t, "tls {\n"+test.two+"\n}").TLS
			if one.Equal(two) != test.equal || two.Equal(one) != test.equal {
				t.Errorf("equal: %t and %t", one.Equal(two), two.Equal(one))
			}
		})
	}
}

func TestTheUserOfTheEgressProxyIsSentToItAndPrintedNowhere(t *testing.T) {
	m := loadBlock(t, `proxy_address = "http://me:hunter2%40x@proxy.example.com:3128"`)
	if got := m.Egress.Authorization.Reveal(); got != "Basic bWU6aHVudGVyMkB4" { // me:hunter2@x
		t.Errorf("sent is %s", got)
	}
	if text := fmt.Sprintf("%+v %s", m.Egress, m.Egress.Address); strings.Contains(text, "hunter2") || strings.Contains(text, "bWU6") {
		t.Errorf("printed is %s", text)
	}
}
