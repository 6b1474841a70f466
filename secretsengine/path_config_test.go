// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func TestConfigReadsItsDefaultsBeforeItIsWritten(t *testing.T) {
	e := newEngine(t)
	if err := e.storage.Delete(t.Context(), configKey); err != nil {
		t.Fatal(err)
	}
	e.InvalidateKey(t.Context(), configKey)
	want := map[string]any{
		"v2_endpoint":            mashery.DefaultV2Endpoint,
		"v3_endpoint":            mashery.DefaultV3Endpoint,
		"v3_token_endpoint":      mashery.DefaultV3TokenEndpoint,
		"root_ca":                "",
		"tls_pinning":            "default",
		"proxy_server":           "",
		"proxy_server_auth":      "",
		"proxy_server_creds_set": false,
		"oaep_label":             defaultOAEPLabel,
		"enable_cli_v3_write":    false,
	}
	if got := e.read("config", nil); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAConfigWriteKeepsWhatItDoesNotName(t *testing.T) {
	everything := map[string]any{
		"v2_endpoint": "https://local.example.com/v2", "v3_endpoint": "https://local.example.com/v3",
		"v3_token_endpoint": "https://local.example.com/token", "tls_pinning": "system",
		"proxy_server": "proxy.example.com:3128", "proxy_server_auth": "Basic", "proxy_server_creds": "user:planted",
		"oaep_label": "a label", "enable_cli_v3_write": true, "root_ca": "",
	}
	for name, value := range everything {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			e.must(logical.UpdateOperation, "config", everything)
			before := e.read("config", nil)
			e.must(logical.UpdateOperation, "config", map[string]any{name: value})
			if got := e.read("config", nil); !maps.Equal(got, before) {
				t.Errorf("got %v, want %v", got, before)
			}
			stored, err := loadConfig(t.Context(), e.storage)
			if err != nil || stored.ProxyServerCreds.Reveal() != "user:planted" {
				t.Errorf("the proxy's credentials were lost (%v)", err)
			}
		})
	}
}

func TestAnEmptiedConfigFieldGoesBackToItsDefault(t *testing.T) {
	e := newEngine(t)
	want := maps.Clone(e.read("config", nil))
	e.must(logical.UpdateOperation, "config", map[string]any{
		"v2_endpoint": "https://local.example.com/v2", "tls_pinning": "system", "oaep_label": "x",
		"proxy_server": "p:1", "proxy_server_auth": "Basic", "proxy_server_creds": "a:b", "enable_cli_v3_write": true,
	})
	e.must(logical.UpdateOperation, "config", map[string]any{
		"v2_endpoint": "", "tls_pinning": "", "oaep_label": "",
		"proxy_server": "", "proxy_server_auth": "", "proxy_server_creds": "", "enable_cli_v3_write": false,
	})
	want["v2_endpoint"] = mashery.DefaultV2Endpoint
	if got := e.read("config", nil); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheEgressProxysCredentialsAreNeverReadBack(t *testing.T) {
	e := newEngine(t)
	e.must(logical.UpdateOperation, "config", map[string]any{"proxy_server": "proxy:3128", "proxy_server_creds": "user:planted"})
	got := e.read("config", nil)
	wantEqual(t, "proxy_server_creds_set", got["proxy_server_creds_set"], any(true))
	stored, err := loadConfig(t.Context(), e.storage)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if printed := fmt.Sprintf(verb+verb, got, stored); strings.Contains(printed, "planted") {
			t.Errorf("%s shows them: %s", verb, printed)
		}
	}
	if strings.Contains(e.log.String(), "planted") {
		t.Error("the log shows them")
	}
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
			`there is no field "v4_endpoint" here; the fields are enable_cli_v3_write, oaep_label, proxy_server, proxy_server_auth, proxy_server_creds, root_ca, tls_pinning, v2_endpoint, v3_endpoint, v3_token_endpoint`},
		"a pinning nobody knows": {map[string]any{"tls_pinning": "strict"},
			`nothing was changed: tls_pinning "strict" is not known; use default, system, custom or insecure`},
		"pinning without a pin": {map[string]any{"tls_pinning": "custom"},
			"nothing was changed: tls_pinning is custom, but nothing is pinned; write config/certs/leaf, issuer or root first, or choose another tls_pinning"},
		"a proxy that is none": {map[string]any{"proxy_server": "ftp://proxy"},
			"nothing was changed: proxy_server: the egress proxy's address must be host:port or http://host:port; calls to Mashery are TLS all the way through it"},
		"a password in the proxy's address": {map[string]any{"proxy_server": "http://user:planted@proxy"},
			"nothing was changed: proxy_server: the egress proxy's address must not hold a user or password; there are settings of their own for them"},
		"a scheme of two words": {map[string]any{"proxy_server": "proxy", "proxy_server_auth": "Basic x", "proxy_server_creds": "a:b"},
			"nothing was changed: proxy_server_auth must be one word, such as Basic or Bearer"},
		"a scheme of two words, for later": {map[string]any{"proxy_server_auth": "Basic x"},
			"nothing was changed: proxy_server_auth must be one word, such as Basic or Bearer"},
		"a line break in the credentials, for later": {map[string]any{"proxy_server_creds": "a:planted\n"},
			"nothing was changed: proxy_server_creds holds a line break or another control character; does it come from a file?"},
		"a port that cannot be": {map[string]any{"v3_endpoint": "http://127.0.0.1:99999/x"},
			`nothing was changed: v3_endpoint: endpoint "http://127.0.0.1:99999/x" names a port that cannot be; ports are from 1 to 65535`},
		"a path that climbs": {map[string]any{"v2_endpoint": "https://h/../x"},
			`nothing was changed: v2_endpoint: endpoint "https://h/../x" holds the segment ".." in its path; write it without`},
		"a proxy's port that cannot be": {map[string]any{"proxy_server": "127.0.0.1:99999"},
			"nothing was changed: proxy_server: the egress proxy's port cannot be; ports are from 1 to 65535"},
		"half of a user and password": {map[string]any{"proxy_server": "proxy", "proxy_server_creds": "planted"},
			"nothing was changed: proxy_server_creds must be user:password where proxy_server_auth is Basic"},
		"a line break in the credentials": {map[string]any{"proxy_server": "proxy", "proxy_server_creds": "a:planted\n"},
			"nothing was changed: proxy_server_creds holds a line break or another control character; does it come from a file?"},
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

// secure is a Mashery behind TLS, with a certificate that nobody knows.
func secure(t *testing.T) (server *httptest.Server, root string) {
	t.Helper()
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/token" {
			giveToken(w, 1, 3600)
		}
	}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it will complain of untrusting clients
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// pointTo lets the engine reach the secure Mashery.
func (e *engine) pointTo(server *httptest.Server, more map[string]any) *logical.Response {
	e.Helper()
	data := map[string]any{"v3_endpoint": server.URL + "/v3/rest", "v3_token_endpoint": server.URL + "/v3/token"}
	maps.Copy(data, more)
	return e.must(logical.UpdateOperation, "config", data)
}

func TestOnlyTheCertificatesGivenAreTrusted(t *testing.T) {
	server, root := secure(t)
	e := newDemo(t)
	e.pointTo(server, nil)
	e.failed("roles/demo/grant", 502, "certificate")
	for _, pinning := range []string{"default", "system"} {
		e.must(logical.UpdateOperation, "config", map[string]any{"root_ca": root, "tls_pinning": pinning})
		wantEqual(t, "token", e.read("roles/demo/grant", nil)["access_token"], any("token-1"))
	}
}

func TestInsecureTrustsEveryoneAndSaysSo(t *testing.T) {
	server, _ := secure(t)
	e := newDemo(t)
	resp := e.pointTo(server, map[string]any{"tls_pinning": "insecure"})
	want := "tls_pinning is insecure: whoever answers in Mashery's place is sent the roles' credentials"
	if resp == nil || len(resp.Warnings) != 1 || resp.Warnings[0] != want {
		t.Errorf("warnings of %v", resp)
	}
	wantEqual(t, "token", e.read("roles/demo/grant", nil)["access_token"], any("token-1"))
}

func TestAPinnedCertificateIsTheOnlyOneAccepted(t *testing.T) {
	server, root := secure(t)
	fingerprint := mashery.Fingerprint(sha256.Sum256(server.Certificate().Raw)).String()
	serial := fmt.Sprintf("%x", server.Certificate().SerialNumber.Bytes())
	for name, c := range map[string]struct {
		cert string
		pin  map[string]any
		met  bool
	}{
		"the leaf by its fingerprint": {"leaf", map[string]any{"fp": fingerprint}, true},
		"the root by its serial":      {"root", map[string]any{"sn": serial}, true},
		"the issuer by a DNS name":    {"issuer", map[string]any{"cn": "example.com"}, true},
		"the leaf by another's name":  {"leaf", map[string]any{"cn": "non-existing"}, false},
		"the issuer by another print": {"issuer", map[string]any{"fp": strings.Repeat("ab", 32)}, false},
		"the root by another serial":  {"root", map[string]any{"sn": "0a:0b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.must(logical.UpdateOperation, "config/certs/"+c.cert, c.pin)
			e.pointTo(server, map[string]any{"root_ca": root, "tls_pinning": "custom"})
			if c.met {
				wantEqual(t, "token", e.read("roles/demo/grant", nil)["access_token"], any("token-1"))
				return
			}
			e.failed("roles/demo/grant", 502, "pinned is "+c.cert+" with", "but seen was", fingerprint, "change the pins")
		})
	}
}

func TestPinsAreWrittenReadListedAndDeleted(t *testing.T) {
	e := newEngine(t)
	for _, op := range []logical.Operation{logical.ReadOperation, logical.DeleteOperation} {
		if resp, err := e.ask(op, "config/certs/leaf", nil); resp != nil || err != nil {
			t.Errorf("%s of what was never pinned: %v %v", op, resp, err)
		}
	}
	e.must(logical.UpdateOperation, "config/certs/leaf", map[string]any{"cn": "*.mashery.com"})
	e.must(logical.UpdateOperation, "config/certs/leaf", map[string]any{"sn": "0A:0b"})
	e.must(logical.UpdateOperation, "config/certs/root", map[string]any{"cn": "Root"})
	if got, want := e.read("config/certs/leaf", nil), map[string]any{"cn": "*.mashery.com", "sn": "0A:0b", "fp": ""}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	wantEqual(t, "pinned", fmt.Sprint(e.must(logical.ListOperation, "config/certs/", nil).Data["keys"]), "[leaf root]")
	e.must(logical.UpdateOperation, "config", map[string]any{"tls_pinning": "custom"})
	e.must(logical.DeleteOperation, "config/certs/leaf", nil)
	e.refused(logical.DeleteOperation, "config/certs/root", nil,
		"nothing was changed: tls_pinning is custom, but nothing is pinned; write config/certs/leaf, issuer or root first, or choose another tls_pinning")
	e.must(logical.UpdateOperation, "config", map[string]any{"tls_pinning": "system"})
	e.must(logical.DeleteOperation, "config/certs/root", nil)
}

func TestAWrongPinIsRefused(t *testing.T) {
	e := newEngine(t)
	for want, data := range map[string]map[string]any{
		"nothing was changed: a pin needs cn, sn or fp; to pin nothing, delete it":                                                              {},
		`nothing was changed: sn "xyz" is no serial number; write it in hex (0a:0b:…), as certificates show it`:                                 {"sn": "xyz"},
		`nothing was changed: sn ":" is no serial number; write it in hex (0a:0b:…), as certificates show it`:                                   {"sn": ":"},
		`nothing was changed: cn " " can be the name of no certificate; write it as certificates show it`:                                       {"cn": " "},
		`nothing was changed: cn "a\n" can be the name of no certificate; write it as certificates show it`:                                     {"cn": "a\n"},
		`nothing was changed: fp: "a0:ab" is not the SHA-256 of a certificate or its public key; write its 32 bytes in hex (a0:ab:…) or base64`: {"fp": "a0:ab"},
		`there is no field "CN" here; the fields are cert, cn, fp, sn`:                                                                          {"CN": "x"},
	} {
		e.refused(logical.UpdateOperation, "config/certs/leaf", data, want)
	}
	if found := e.Route("config/certs/other"); found != nil {
		t.Error("only leaf, issuer and root can be pinned")
	}
}

func TestMasheryIsReachedThroughTheConfiguredProxy(t *testing.T) {
	for name, c := range map[string]struct{ auth, creds, want string }{
		"with a user":              {"", "user:pass", "Basic dXNlcjpwYXNz"},
		"with a scheme of its own": {"Bearer", "abc", "Bearer abc"},
		"with nothing":             {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 1)
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.Method + " " + r.Host + " " + r.Header.Get("Proxy-Authorization")
				w.WriteHeader(http.StatusForbidden)
			}))
			defer proxy.Close()
			e := newDemo(t)
			e.must(logical.UpdateOperation, "config", map[string]any{
				"v3_token_endpoint": "https://mashery.example/v3/token",
				"proxy_server":      proxy.URL, "proxy_server_auth": c.auth, "proxy_server_creds": c.creds,
			})
			e.failed("roles/demo/grant", 502, "the egress proxy refused the connection with status 403")
			wantEqual(t, "asked", <-asked, "CONNECT mashery.example:443 "+c.want)
		})
	}
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
