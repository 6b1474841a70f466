// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs certificates for localhost.
type authority struct {
	t      *testing.T
	dir    string
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	serial int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t), serial: 1}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name, kind string, raw []byte) {
	a.t.Helper()
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes name.pem and name.key.
func (a *authority) issue(name string) tls.Certificate {
	a.t.Helper()
	a.serial++
	key := newKey(a.t)
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", raw)
	a.write(name+".key", "EC PRIVATE KEY", private)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func (a *authority) trust(certificates ...tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, Certificates: certificates}
}

func (a *authority) serving(c *config) {
	c.TLSDisable, c.TLSCertFile, c.TLSKeyFile = false, a.path("server.pem"), a.path("server.key")
}

func (a *authority) verifying(c *config) {
	c.TLSRequireAndVerifyClientCert, c.TLSClientCAFile = true, a.path("ca.pem")
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	a.issue("server")
	l := run(t, tcpConfig("127.0.0.1:0", a.serving), Options{})
	if got := l.String(); got != "https://"+l.Addr().String() {
		t.Errorf("String() is %q", got)
	}
	serial := func(change func(*http.Transport)) (int64, string) {
		response, body := get(t, l, func(transport *http.Transport) {
			transport.TLSClientConfig = a.trust()
			if change != nil {
				change(transport)
			}
		})
		if body != "hello localhost" {
			t.Errorf("body %q", body)
		}
		return response.TLS.PeerCertificates[0].SerialNumber.Int64(), response.Proto
	}
	if got, proto := serial(nil); got != 2 || proto != "HTTP/1.1" {
		t.Errorf("certificate %d, %s", got, proto)
	}
	if _, proto := serial(func(transport *http.Transport) { transport.ForceAttemptHTTP2 = true }); proto != "HTTP/2.0" {
		t.Errorf("protocol %s, where Vault offers HTTP/2", proto)
	}

	a.issue("server")
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if got, _ := serial(nil); got != 3 {
		t.Errorf("after a reload: certificate %d", got)
	}
	if err := os.WriteFile(a.path("server.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err == nil {
		t.Error("a broken certificate was loaded")
	}
	if got, _ := serial(nil); got != 3 {
		t.Errorf("after a reload that failed: certificate %d", got)
	}
}

func TestVerifiedClientsMayReachAnExposedListener(t *testing.T) {
	a := newAuthority(t)
	a.issue("server")
	client := a.issue("client")
	l := run(t, tcpConfig("0.0.0.0:0", a.serving, a.verifying), Options{Guarded: true})
	response, body := get(t, l, func(transport *http.Transport) { transport.TLSClientConfig = a.trust(client) })
	if response.StatusCode != 200 || body != "hello localhost" {
		t.Errorf("with a certificate: %d %s", response.StatusCode, body)
	}
	stranger := newAuthority(t).issue("client")
	for name, settings := range map[string]*tls.Config{"without": a.trust(), "with a stranger's": a.trust(stranger)} {
		transport := &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		if response, err := (&http.Client{Transport: transport}).Get("https://localhost:" + port); err == nil {
			response.Body.Close()
			t.Errorf("%s certificate: %d", name, response.StatusCode)
		}
	}
}

func TestTLSOnAUnixSocket(t *testing.T) {
	a := newAuthority(t)
	a.issue("server")
	l := run(t, unixConfig(a.path("x.sock"), a.serving), Options{})
	if _, body := get(t, l, func(transport *http.Transport) { transport.TLSClientConfig = a.trust() }); body != "hello localhost" {
		t.Errorf("body %q", body)
	}
	if _, err := Open(unixConfig(a.path("y.sock"), a.verifying), Options{Handler: hello}); err == nil {
		t.Error("asked for certificates, and was opened without TLS")
	}
}

func TestAnEncryptedKeyIsRefused(t *testing.T) {
	a := newAuthority(t)
	a.issue("server")
	raw, err := os.ReadFile(a.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	//lint:ignore SA1019 what Vault's loader asks a passphrase for
	encrypted, err := x509.EncryptPEMBlock(rand.Reader, block.Type, block.Bytes, []byte("secret"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path("server.key"), pem.EncodeToMemory(encrypted), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(tcpConfig("127.0.0.1:0", a.serving), Options{Handler: hello}); err == nil {
		t.Error("opened with a key it cannot read")
	}
}

func TestCipherSuitesVaultWarnsOf(t *testing.T) {
	a := newAuthority(t)
	a.issue("server")
	run(t, tcpConfig("127.0.0.1:0", a.serving, func(c *config) {
		c.TLSCipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	}), Options{})
}
