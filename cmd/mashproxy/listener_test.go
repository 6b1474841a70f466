// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certificate is one that signed itself.
type certificate struct {
	cert, key string // PEM
	pair      tls.Certificate
}

func newCertificate(t *testing.T, serial int64) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "mashproxy"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := certificate{
		cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		key:  string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})),
	}
	if c.pair, err = tls.X509KeyPair([]byte(c.cert), []byte(c.key)); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c certificate) write(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "cert.pem", c.cert)
	write(t, dir, "key.pem", c.key)
}

// withTLS adds TLS to a door.
func (d *door) withTLS(c certificate, shown ...tls.Certificate) *door {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(c.cert))
	dial := d.client.Transport.(*http.Transport).DialContext
	d.client.Transport = &http.Transport{
		DialContext: dial, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: shown},
	}
	d.scheme = "https"
	return d
}

func tlsKeys(dir string) string {
	return fmt.Sprintf("tls_cert_file = %q\n  tls_key_file = %q", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
}

func TestATLSListenerServesAndSIGHUPReadsItsCertificateAgain(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	first, second := newCertificate(t, 1), newCertificate(t, 2)
	first.write(t, dir)
	w := open(t, setup{edits: []edit{
		atTop("listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  " + tlsKeys(dir) + "\n}\nlog_level = \"info\""),
	}})
	secure := w.doorAt(t, `https://(127\.0\.0\.1:\d+)`).withTLS(first)
	secure.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	secure.get(t, rolePath).expect(t, http.StatusOK, "")
	secure.get(t, rolePath, "Host", "evil.example").expect(t, http.StatusForbidden, "guard_denied")

	second.write(t, dir)
	config := read(t, w.config)
	write(t, w.Dir(), "test.hcl", strings.Replace(config, `log_level = "info"`, `log_level = "debug"`, 1))
	w.signal(t, syscall.SIGHUP)
	renewed := w.doorAt(t, `https://(127\.0\.0\.1:\d+)`).withTLS(second)
	eventually(t, "the new certificate is shown", func() bool {
		answer, err := renewed.try("GET", rolePath, nil)
		return err == nil && answer.status == http.StatusOK
	})
	eventually(t, "the new log level counts", func() bool {
		renewed.get(t, rolePath)
		return strings.Contains(w.stderr.String(), "[DEBUG]")
	})
}

func TestHTTP2IsServedAsHTTP1Is(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	c := newCertificate(t, 1)
	c.write(t, dir)
	w := open(t, setup{edits: []edit{atTop("listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  " + tlsKeys(dir) + "\n}")}})
	door := w.doorAt(t, `https://(127\.0\.0\.1:\d+)`).withTLS(c)
	door.client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	const tail = "services/a%2Fb;c?filter=name:a%2Cb&fields=id,name"
	resp, err := door.client.Get("https://" + door.address + v3 + tail)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 || w.last(t).RequestURI != "/v3/rest/"+tail {
		t.Errorf("%s: sent was %s", resp.Proto, w.last(t).RequestURI)
	}
	door.send(t, "POST", v3+"services", `{"name":"x"}`).expect(t, http.StatusOK, "")
	door.get(t, rolePath+"/grant").expect(t, http.StatusForbidden, "credential_withheld")
}

func TestSIGHUPWithAWrongFileChangesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	write(t, w.Dir(), "test.hcl", "nonsense {")
	w.signal(t, syscall.SIGHUP)
	eventually(t, "it says what failed", func() bool { return strings.Contains(w.stderr.String(), "not everything was reloaded") })
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
}

func TestAListenerForOthersAsksForACertificate(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	c := newCertificate(t, 1)
	c.write(t, dir)
	w := open(t, setup{edits: []edit{atTop("listener \"tcp\" {\n  address = \"0.0.0.0:0\"\n  tls_require_and_verify_client_cert = true\n  tls_client_ca_file = \"" +
		filepath.Join(dir, "cert.pem") + "\"\n  " + tlsKeys(dir) + "\n}")}})
	address := w.doorAt(t, `https://(0\.0\.0\.0:\d+)`).address
	address = strings.Replace(address, "0.0.0.0", "127.0.0.1", 1)
	openDoor(t, "tcp", address).withTLS(c, c.pair).get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	if answer, err := openDoor(t, "tcp", address).withTLS(c).try("GET", v3+"services?limit=1", nil); err == nil {
		t.Errorf("without a certificate: %d", answer.status)
	}
}

func TestSocketModeIsThatOfTheSocket(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"0660", "0600", "666"} {
		w := open(t, setup{edits: []edit{{`socket_mode = "0600"`, fmt.Sprintf("socket_mode = %q\n  socket_group = \"%d\"", mode, syscall.Getgid())}}})
		if got := fmt.Sprintf("%o", modeOf(t, w.Socket())); got != strings.TrimPrefix(mode, "0") {
			t.Errorf("socket_mode %s makes %s", mode, got)
		}
	}
}

func TestAUnixListenerWithoutTLSKeysIsPlain(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{{"socket_mode = \"0600\"\n  tls_disable = true", ""}}})
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
}

func TestAMetricsOnlyListenerServesNothingElse(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "metrics.sock")
	w := open(t, setup{edits: []edit{atTop("listener \"unix\" {\n  address = \"" + socket + "\"\n  role = \"metrics_only\"\n  require_request_header = true\n}")}})
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	metrics := openDoor(t, "unix", socket)
	contains(t, "metrics", metrics.get(t, "/proxy/v1/metrics", "X-Vault-Request", "true").expect(t, http.StatusOK, "").body, "Gauges")
	metrics.get(t, "/proxy/v1/metrics").expect(t, http.StatusPreconditionFailed, "")
	for _, target := range []string{v3 + "services", rolePath, "/v1/sys/health", "/proxy/v1/cache-clear", "/proxy/v1/quit", "/"} {
		for _, method := range []string{"GET", "POST"} {
			answer := metrics.send(t, method, target, "", "X-Vault-Request", "true")
			if answer.status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s", method, target, answer.status, answer.body)
			}
		}
	}
}

func TestRequireRequestHeaderIsAskedOfEveryCall(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{{`listener "tcp" {`, "listener \"tcp\" {\n  require_request_header = true"}}})
	for _, target := range []string{v3 + "services?limit=1", rolePath, "/v1/sys/health", rolePath + "/grant"} {
		w.tcp.get(t, target).expect(t, http.StatusPreconditionFailed, "")
		w.tcp.get(t, target, "X-Vault-Request", "yes").expect(t, http.StatusPreconditionFailed, "")
		if answer := w.tcp.get(t, target, "X-Vault-Request", "true"); answer.status == http.StatusPreconditionFailed {
			t.Errorf("%s with the header: %s", target, answer.body)
		}
		if answer := w.unix.get(t, target); answer.status == http.StatusPreconditionFailed {
			t.Errorf("%s over the socket: %s", target, answer.body)
		}
	}
}

// TestRequireRequestHeaderIsAskedOfWhatOneFormCanSend sends what a page in an old
// browser can, and a server that is tricked: a form, without other headers.
func TestRequireRequestHeaderIsAskedOfWhatOneFormCanSend(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{{`listener "tcp" {`, "listener \"tcp\" {\n  require_request_header = true\n  proxy_api {\n    enable_quit = true\n  }"}}})
	for _, test := range []struct{ method, target string }{
		{"GET", "/proxy/v1/metrics"}, {"GET", "/proxy/v1/status"}, {"POST", "/proxy/v1/cache-clear"}, {"POST", "/proxy/v1/quit"},
	} {
		w.tcp.send(t, test.method, test.target, `{"type":"all"}`, "Content-Type", "text/plain").expect(t, http.StatusPreconditionFailed, "")
		w.tcp.send(t, test.method, test.target, `{"type":"all"}`, "X-Vault-Request", "true").expect(t, http.StatusOK, "")
	}
	if code := w.exit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}

func TestQuitEndsItWhereItIsEnabled(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{{`listener "tcp" {`, "listener \"tcp\" {\n  proxy_api {\n    enable_quit = true\n  }"}}})
	w.unix.send(t, "POST", "/proxy/v1/quit", "").expect(t, http.StatusNotFound, "")
	w.tcp.get(t, "/proxy/v1/quit").expect(t, http.StatusMethodNotAllowed, "method_not_allowed")
	w.tcp.send(t, "POST", "/proxy/v1/quit", "", "Origin", "http://evil.example").expect(t, http.StatusForbidden, "guard_denied")
	w.tcp.send(t, "POST", "/proxy/v1/quit", "").expect(t, http.StatusOK, "")
	if code := w.exit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if exists(w.Socket()) {
		t.Error("the socket is left behind")
	}
}
