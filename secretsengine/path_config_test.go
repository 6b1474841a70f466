// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func TestConfigReadsItsDefaultsBeforeItIsWritten(t *testing.T) {
	e := newEngine(t)
	if err := e.storage.Delete(t.Context(), configKey); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"v2_endpoint":       mashery.DefaultV2Endpoint,
		"v3_endpoint":       mashery.DefaultV3Endpoint,
		"v3_token_endpoint": mashery.DefaultV3TokenEndpoint,
		"root_ca":           "",
	}
	if got := e.read("config", nil); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAConfigWriteKeepsWhatItDoesNotName(t *testing.T) {
	e := newEngine(t)
	before := e.read("config", nil)
	e.must(logical.UpdateOperation, "config", map[string]any{"v2_endpoint": "https://local.example.com/v2"})
	got := e.read("config", nil)
	wantEqual(t, "v2_endpoint", got["v2_endpoint"], any("https://local.example.com/v2"))
	wantEqual(t, "v3_endpoint", got["v3_endpoint"], before["v3_endpoint"])

	e.must(logical.UpdateOperation, "config", map[string]any{"v2_endpoint": ""})
	wantEqual(t, "an emptied endpoint", e.read("config", nil)["v2_endpoint"], any(mashery.DefaultV2Endpoint))
}

func TestAWrongConfigIsRefusedAndChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		data map[string]any
		want string
	}{
		"credentials in clear": {map[string]any{"v3_endpoint": "http://api.example.com/v3"},
			`nothing was changed: v3_endpoint: endpoint "http://api.example.com/v3" would send credentials in clear; use https (http is allowed to a loopback address only)`},
		"a certificate that is none": {map[string]any{"root_ca": "hello"},
			"nothing was changed: root_ca: give PEM certificates only (BEGIN CERTIFICATE … END CERTIFICATE)"},
		"a key among the certificates": {map[string]any{"root_ca": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"}))},
			"nothing was changed: root_ca: give PEM certificates only (BEGIN CERTIFICATE … END CERTIFICATE)"},
		"an unknown field": {map[string]any{"v4_endpoint": "https://x"},
			`there is no field "v4_endpoint" here; the fields are root_ca, v2_endpoint, v3_endpoint, v3_token_endpoint`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			before := e.read("config", nil)
			e.refused(logical.UpdateOperation, "config", c.data, c.want)
			if got := e.read("config", nil); !maps.Equal(got, before) {
				t.Errorf("changed to %v", got)
			}
		})
	}
}

func TestOnlyTheCertificatesGivenAreTrusted(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/token" {
			giveToken(w, 1, 3600)
		}
	}))
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it will complain of the untrusting client
	secure.StartTLS()
	defer secure.Close()
	e := newDemo(t)
	e.must(logical.UpdateOperation, "config", map[string]any{
		"v3_endpoint": secure.URL + "/v3/rest", "v3_token_endpoint": secure.URL + "/v3/token",
	})
	if _, err := e.ask(logical.ReadOperation, "roles/demo/grant", nil); err == nil {
		t.Error("a certificate that nobody trusts must not be accepted")
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	e.must(logical.UpdateOperation, "config", map[string]any{"root_ca": string(root)})
	wantEqual(t, "token", e.read("roles/demo/grant", nil)["access_token"], any("token-1"))
}

func TestAConfigChangedOnAnotherNodeIsTakenUp(t *testing.T) {
	e := newDemo(t)
	e.read("roles/demo/token", nil)
	other := newStub(t)
	changed := config{V3TokenEndpoint: other.URL + "/v3/token", V3Endpoint: other.URL + "/v3/rest"}
	if err := store(t.Context(), e.storage, configKey, changed); err != nil {
		t.Fatal(err)
	}
	e.InvalidateKey(t.Context(), configKey)
	e.read("roles/demo/proxy/v3/services", nil)
	other.lastCall(t)
	wantEqual(t, "tokens bought at the new endpoint", len(other.tokenRequests()), 1)
}
