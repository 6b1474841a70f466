// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox"
)

// front is a server before the sandbox's Vault, made by start.
func front(t *testing.T, box *sandbox.Sandbox) *httptest.Server {
	t.Helper()
	vault, err := url.Parse(box.Vault().Address())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(vault))
	t.Cleanup(server.Close)
	return server
}

func TestVaultsCertificateIsChecked(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	server := front(t, box)
	server.StartTLS()
	at := edit{`"` + box.Vault().Address() + `"`, `"` + server.URL + `"`}
	ca := write(t, shortDir(t), "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	plain := configured(t, box, at)
	for name, test := range map[string]struct{ env, args []string }{
		"VAULT_CACERT":      {[]string{"VAULT_CACERT=" + ca}, nil},
		"-ca-cert":          {[]string{"VAULT_CACERT=/nowhere"}, []string{"-ca-cert=" + ca}},
		"VAULT_SKIP_VERIFY": {[]string{"VAULT_SKIP_VERIFY=true"}, nil},
		"-tls-skip-verify":  {[]string{"VAULT_SKIP_VERIFY=false"}, []string{"-tls-skip-verify"}},
	} {
		t.Run(name, func(t *testing.T) {
			serves(t, box, test.env, append([]string{"-config=" + plain}, test.args...)...).end(t)
		})
	}
	t.Run("none of them", func(t *testing.T) {
		p := run(t, []string{"VAULT_SKIP_VERIFY=true"}, "proxy", "-config="+plain, "-tls-skip-verify=false")
		eventually(t, "it says why it cannot log in", func() bool { return strings.Contains(p.stderr.String(), "certificate signed by unknown authority") })
		door := openDoor(t, "unix", box.Socket())
		door.get(t, rolePath).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
		door.get(t, v3+"services").expect(t, http.StatusServiceUnavailable, "not_ready")
		p.end(t)
	})
	t.Run("ca_cert", func(t *testing.T) {
		at.new += "\n  ca_cert = \"" + ca + "\""
		serves(t, box, nil, "-config="+configured(t, box, at)).end(t)
	})
}

func TestVaultMayBeBehindAUnixSocket(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	socket := filepath.Join(shortDir(t), "vault.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := front(t, box)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	p := serves(t, box, nil, "-config="+configured(t, box, edit{box.Vault().Address(), "unix://" + socket}))
	openDoor(t, "unix", box.Socket()).get(t, rolePath).expect(t, http.StatusOK, "")
	p.end(t)
}

func TestAVaultThatDoesNotAnswerKeepsNobodyWaitingLong(t *testing.T) {
	t.Parallel()
	w := &world{Sandbox: startSandbox(t, sandbox.Options{})}
	server := front(t, w.Sandbox)
	vault := server.Config.Handler
	stopped := make(chan struct{})
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-stopped:
			<-r.Context().Done()
		default:
			vault.ServeHTTP(rw, r)
		}
	})
	server.Start()
	w.config = configured(t, w.Sandbox, edit{w.Vault().Address(), server.URL})
	w.start(t, setup{})
	eventually(t, "a local call is served", func() bool { return w.unix.get(t, v3+"services?limit=1").status == http.StatusOK })

	close(stopped)
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "") // its grant lives
	began := time.Now()
	answer := w.unix.send(t, "POST", v2, echo).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	if answer.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	began = time.Now()
	w.end(t)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("its end took %s", took)
	}
}

func TestAVaultThatLimitsItsRateIsUnavailable(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.write(t, "sys/quotas/rate-limit/tight", map[string]any{"path": "mash-creds/", "rate": 1, "interval": "60s"})
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	answer := w.tcp.send(t, "POST", v2, echo).expect(t, http.StatusServiceUnavailable, "vault_unavailable")
	contains(t, "the error", answer.errors(t), "429")
	if answer.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "") // the grant lives
	w.tcp.get(t, rolePath).expect(t, http.StatusTooManyRequests, "") // Vault's own answer
}

func TestATokenFileLogsInToo(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	text := read(t, box.ConfigFile())
	method := text[strings.Index(text, "  method \"approle\""):strings.Index(text, "\napi_proxy")]
	path := configured(t, box, edit{method, "  method \"token_file\" { config = { token_file_path = \"" + filepath.Join(box.Dir(), "root-token") + "\" } }\n}\n"})
	p := serves(t, box, nil, "-config="+path) // a root token may do everything
	openDoor(t, "unix", box.Socket()).get(t, "/v1/sys/mounts").expect(t, http.StatusOK, "")
	p.end(t)
}

func TestSeveralMountsAreServedEachByItsOwnBlock(t *testing.T) {
	t.Parallel()
	w := &world{Sandbox: startSandbox(t, everything(`{}`))}
	w.root = rootOf(t, w.Sandbox)
	c := w.Credentials()
	w.write(t, "sys/mounts/mash-creds-2", map[string]any{"type": "vault-plugin-secrets-mashery"})
	w.write(t, "mash-creds-2/config", map[string]any{"v3_endpoint": w.MasheryURL() + "/v3/rest/second", "v3_token_endpoint": w.MasheryURL() + "/v3/token"})
	w.write(t, "mash-creds-2/roles/demo", map[string]any{
		"area_id": c.AreaID, "area_nid": c.AreaNID, "api_key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(),
		"username": c.Username, "password": c.Password.Reveal(), "qps": 1000,
	})
	w.allow(t, `path "mash-creds-2/*" { capabilities = ["read"] } path "mash-creds/*" { capabilities = ["read"] }`)
	w.config = configured(t, w.Sandbox, atTop("mashery \"mash-creds-2\" {\n  v3_endpoint = \""+w.MasheryURL()+"/v3/rest/second\"\n  reveal = [\"demo\"]\n}"))
	w.start(t, setup{})
	eventually(t, "the proxy is logged in", func() bool { return w.unix.get(t, lookup).status == http.StatusOK })
	const second = "/v1/mash-creds-2/roles/demo"
	w.judge(t, []judged{{"GET", v3 + "x", "", "mashery"}, {"GET", second + "/proxy/v3/x", "", "mashery"}, {"GET", rolePath + "/grant", "", "credential_withheld"}, {"GET", second + "/grant", "", "vault"}})
	requests := w.Mashery().Requests()
	if sent := requests[len(requests)-2].RequestURI; sent != "/v3/rest/second/x" {
		t.Errorf("sent was %s", sent)
	}
}
