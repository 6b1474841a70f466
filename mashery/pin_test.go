// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// chained is a server behind a root, an issuer and a certificate of its own.
type chained struct {
	*httptest.Server
	leaf, issuer, root *x509.Certificate
}

func newChained(t *testing.T) *chained {
	t.Helper()
	c := new(chained)
	var rootKey, issuerKey, leafKey *ecdsa.PrivateKey
	c.root, rootKey = certificate(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "The Root"}, IsCA: true}, nil, nil)
	c.issuer, issuerKey = certificate(t, &x509.Certificate{SerialNumber: big.NewInt(0x0a0b), Subject: pkix.Name{CommonName: "The Issuer"}, IsCA: true}, c.root, rootKey)
	c.leaf, leafKey = certificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "The Leaf"},
		DNSNames: []string{"*.mashery.com", "local.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, c.issuer, issuerKey)
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{c.leaf.Raw, c.issuer.Raw}, PrivateKey: leafKey}}}
	c.Config.ErrorLog = quiet()
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

func certificate(t *testing.T, what, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	what.NotBefore, what.NotAfter, what.BasicConstraintsValid = time.Now().Add(-time.Hour), time.Now().Add(time.Hour), true
	if parent == nil {
		parent, by = what, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, what, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func (c *chained) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.root)
	return pool
}

// get asks the server under the given name, whatever that resolves to.
func (c *chained) get(t *testing.T, config TransportConfig, name string) error {
	t.Helper()
	transport := NewTransport(config)
	defer transport.CloseIdleConnections()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, c.Listener.Addr().String())
	}
	s := &Sender{Transport: transport, V3: address("https://" + name + "/v3/rest")}
	answer, err := s.Send(t.Context(), &Call{API: V3, Method: http.MethodGet, Path: "services"}, from(v3Grant()))
	if err == nil {
		answer.Body.Close()
	}
	return err
}

func TestAPinIsMetByTheCertificateInItsPlace(t *testing.T) {
	c := newChained(t)
	other := Fingerprint{1, 2, 3}
	print := func(cert *x509.Certificate) Fingerprint { return sha256.Sum256(cert.Raw) }
	key := func(cert *x509.Certificate) Fingerprint { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }
	for name, test := range map[string]struct {
		pins []Pin
		met  bool
	}{
		"no pin at all":                       {nil, true},
		"the leaf by its name":                {[]Pin{{Place: Leaf, CommonName: "The Leaf"}}, true},
		"the leaf by a DNS name":              {[]Pin{{Place: Leaf, CommonName: "*.mashery.com"}}, true},
		"the leaf by another's name":          {[]Pin{{Place: Leaf, CommonName: "The Issuer"}}, false},
		"the leaf by its serial":              {[]Pin{{Place: Leaf, Serial: big.NewInt(3)}}, true},
		"the leaf by another serial":          {[]Pin{{Place: Leaf, Serial: big.NewInt(4)}}, false},
		"the issuer by its fingerprint":       {[]Pin{{Place: Issuer, SHA256: []Fingerprint{print(c.issuer)}}}, true},
		"the issuer by its key":               {[]Pin{{Place: Issuer, SHA256: []Fingerprint{key(c.issuer)}}}, true},
		"the issuer by the root's":            {[]Pin{{Place: Issuer, SHA256: []Fingerprint{print(c.root)}}}, false},
		"the root by name and print":          {[]Pin{{Place: Root, CommonName: "The Root", SHA256: []Fingerprint{print(c.root)}}}, true},
		"the root by name and a wrong print":  {[]Pin{{Place: Root, CommonName: "The Root", SHA256: []Fingerprint{other}}}, false},
		"anywhere, by the issuer's print":     {[]Pin{{SHA256: []Fingerprint{print(c.issuer)}}}, true},
		"one of two prints":                   {[]Pin{{SHA256: []Fingerprint{other, print(c.leaf)}}}, true},
		"none of the prints":                  {[]Pin{{SHA256: []Fingerprint{other}}}, false},
		"two pins, both met":                  {[]Pin{{Place: Leaf, CommonName: "The Leaf"}, {Place: Root, CommonName: "The Root"}}, true},
		"two pins, one of them met by nobody": {[]Pin{{Place: Leaf, CommonName: "The Leaf"}, {Place: Root, CommonName: "x"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.get(t, TransportConfig{RootCAs: c.roots(), Pinning: Pinning{Pins: test.pins}}, "127.0.0.1")
			var failure *PinError
			if met := err == nil; met != test.met || !met && !errors.As(err, &failure) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAPinThatIsNotMetSaysWhatWasSeen(t *testing.T) {
	c := newChained(t)
	err := c.get(t, TransportConfig{RootCAs: c.roots(), Pinning: Pinning{Pins: []Pin{
		{Place: Leaf, CommonName: "The Leaf"}, {Place: Issuer, CommonName: "x", Serial: big.NewInt(0xab)},
	}}}, "local.example.com")
	want := `no answer from Mashery at local.example.com: tls: failed to verify certificate: pinned is issuer with name "x", serial ab, ` +
		`but seen was, from the leaf up, name "The Leaf", serial 03, sha256 ` + prints(c.leaf) +
		`; name "The Issuer", serial 0a:0b, sha256 ` + prints(c.issuer) +
		`; name "The Root", serial 01, sha256 ` + prints(c.root) +
		`; if these are the right ones, change the pins`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestMasherysPinsAreForMasherysServers(t *testing.T) {
	c := newChained(t)
	config := TransportConfig{RootCAs: c.roots(), Pinning: MasheryPinning()}
	for _, host := range []string{"127.0.0.1", "local.example.com"} {
		if err := c.get(t, config, host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"api.mashery.com", "API.Mashery.COM", "api.mashery.com.", "api.mashery.com:8443", "\uff41pi.mashery.com"} {
		err := c.get(t, config, host)
		if err == nil || !strings.Contains(err.Error(), `pinned is issuer with name "DigiCert Global G2 TLS RSA SHA256 2020 CA1", but seen was`) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAServerIsTrustedAsToldOnly(t *testing.T) {
	c := newChained(t)
	pinned := Pinning{Pins: []Pin{{Place: Leaf, CommonName: "x"}}}
	for name, test := range map[string]struct {
		config TransportConfig
		host   string
		want   string // of the error; "": none
	}{
		"a root that nobody knows":        {TransportConfig{}, "127.0.0.1", "certificate signed by unknown authority"},
		"another host than certified":     {TransportConfig{RootCAs: c.roots()}, "other.example.com", "not other.example.com"},
		"another host, but named":         {TransportConfig{RootCAs: c.roots(), ServerName: "local.example.com"}, "other.example.com", ""},
		"everyone, when insecure":         {TransportConfig{Insecure: true}, "other.example.com", ""},
		"everyone, when insecure, pinned": {TransportConfig{Insecure: true, Pinning: pinned}, "other.example.com", ""},
		"pinned to another":               {TransportConfig{RootCAs: c.roots(), Pinning: pinned}, "127.0.0.1", "pinned is leaf"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.get(t, test.config, test.host)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestAFingerprintIsReadAsPeopleWriteIt(t *testing.T) {
	sum := sha256.Sum256([]byte("x"))
	want := Fingerprint(sum)
	for _, text := range []string{
		want.String(), strings.ToUpper(want.String()), strings.ReplaceAll(want.String(), ":", ""), base64.StdEncoding.EncodeToString(sum[:]),
	} {
		if got, err := ParseFingerprint(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a0:ab", "hello", strings.Repeat("ab", 33)} {
		if _, err := ParseFingerprint(text); err == nil || !strings.Contains(err.Error(), "is not the SHA-256 of a certificate") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add("a0:ab")
	f.Add(strings.Repeat("ab", 32))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFingerprint(text)
		if err != nil {
			return
		}
		if again, err := ParseFingerprint(got.String()); err != nil || !bytes.Equal(again[:], got[:]) {
			t.Errorf("%q: %v, then %v %v", text, got, again, err)
		}
	})
}

// prints are the fingerprints of a certificate and its key, the latter also as
// openssl prints it.
func prints(cert *x509.Certificate) string {
	key := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return Fingerprint(sha256.Sum256(cert.Raw)).String() + ", sha256 of the public key " + Fingerprint(key).String() +
		" (" + base64.StdEncoding.EncodeToString(key[:]) + ")"
}
