// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Place is where in a server's chain of certificates a pinned one stands.
type Place int

// The places, from the server's own certificate to the trusted one. In a chain
// of one certificate, that one stands in all of them.
const (
	Anywhere Place = iota
	Leaf           // the server's own
	Issuer         // the one that issued the server's
	Root           // the trusted one
)

// String is the place's name.
func (p Place) String() string {
	return [...]string{"any certificate", "leaf", "issuer", "root"}[p]
}

// Fingerprint is the SHA-256 of a certificate or of its public key.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads a fingerprint in hex, with or without colons, or in base64.
func ParseFingerprint(text string) (f Fingerprint, err error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(raw) != len(f) {
		return f, fmt.Errorf("%q is not the SHA-256 of a certificate or its public key; write its %d bytes in hex (a0:ab:…) or base64", text, len(f))
	}
	return Fingerprint(raw), nil
}

// String is the fingerprint in hex, with colons.
func (f Fingerprint) String() string { return colons(f[:]) }

// Pin is what a certificate must show beside being valid. What is not set is
// not looked at.
type Pin struct {
	Place Place
	// CommonName is the subject's common name, or one of the DNS names.
	CommonName string
	// Serial is the serial number; nil: any.
	Serial *big.Int
	// SHA256 are fingerprints of which one must be that of the certificate or
	// of its public key, which outlives renewals.
	SHA256 []Fingerprint
}

// Pinning are the pins of a server. All must be met by one chain that the
// ordinary verification has accepted. The zero value pins nothing.
type Pinning struct {
	// Domain is the one whose servers are pinned; "": every server.
	Domain string
	Pins   []Pin
}

// MasheryPinning is what Mashery's own servers are known to show; other
// servers, such as a Mashery Local, are not pinned by it [mashery-v3-go-client,
// transport/tlspin.go]. The issuer is told by name, because issuers renew
// their own certificates.
func MasheryPinning() Pinning {
	return Pinning{Domain: "mashery.com", Pins: []Pin{
		{Place: Leaf, CommonName: "*.mashery.com"},
		{Place: Issuer, CommonName: "DigiCert Global G2 TLS RSA SHA256 2020 CA1"},
	}}
}

// verify is for tls.Config.VerifyConnection, which unlike VerifyPeerCertificate
// is asked on resumed sessions too.
func (p Pinning) verify(state tls.ConnectionState) error {
	if len(p.Pins) == 0 || !p.covers(state.ServerName) {
		return nil
	}
	if slices.ContainsFunc(state.VerifiedChains, func(chain []*x509.Certificate) bool { return len(p.unmet(chain)) == 0 }) {
		return nil
	}
	failure := errors.New("nothing was verified")
	if len(state.VerifiedChains) > 0 {
		failure = &PinError{Unmet: p.unmet(state.VerifiedChains[0]), Seen: state.VerifiedChains[0]}
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: failure}
}

// covers tells whether the server of that name is pinned, however it is spelt. A
// server dialled by its address has no name.
func (p Pinning) covers(server string) bool {
	server = strings.ToLower(server)
	return p.Domain == "" || server == p.Domain || strings.HasSuffix(server, "."+p.Domain)
}

// unmet are the pins that no certificate of the chain meets in its place.
func (p Pinning) unmet(chain []*x509.Certificate) (pins []Pin) {
	for _, pin := range p.Pins {
		if !slices.ContainsFunc(pin.Place.of(chain), pin.met) {
			pins = append(pins, pin)
		}
	}
	return pins
}

// of is the part of the chain that stands there. A chain is never empty.
func (p Place) of(chain []*x509.Certificate) []*x509.Certificate {
	last := len(chain) - 1
	switch p {
	case Leaf:
		return chain[:1]
	case Issuer:
		issuer := min(1, last)
		return chain[issuer : issuer+1]
	case Root:
		return chain[last:]
	}
	return chain
}

func (p Pin) met(cert *x509.Certificate) bool {
	if p.CommonName != "" && cert.Subject.CommonName != p.CommonName && !slices.Contains(cert.DNSNames, p.CommonName) {
		return false
	}
	if p.Serial != nil && (cert.SerialNumber == nil || cert.SerialNumber.Cmp(p.Serial) != 0) {
		return false
	}
	return len(p.SHA256) == 0 ||
		slices.Contains(p.SHA256, sha256.Sum256(cert.Raw)) ||
		slices.Contains(p.SHA256, sha256.Sum256(cert.RawSubjectPublicKeyInfo))
}

// String says what the pin asks for.
func (p Pin) String() string {
	var wants []string
	if p.CommonName != "" {
		wants = append(wants, fmt.Sprintf("name %q", p.CommonName))
	}
	if p.Serial != nil {
		wants = append(wants, "serial "+colons(p.Serial.Bytes()))
	}
	for _, print := range p.SHA256 {
		wants = append(wants, "sha256 "+print.String())
	}
	return p.Place.String() + " with " + strings.Join(wants, ", ")
}

// PinError says that a server's certificates are valid but not the pinned ones,
// and what was seen instead.
type PinError struct {
	Unmet []Pin
	Seen  []*x509.Certificate
}

func (e *PinError) Error() string {
	var wanted, seen []string
	for _, pin := range e.Unmet {
		wanted = append(wanted, pin.String())
	}
	for _, cert := range e.Seen {
		seen = append(seen, describe(cert))
	}
	return fmt.Sprintf("pinned is %s, but seen was, from the leaf up, %s; if these are the right ones, change the pins",
		strings.Join(wanted, " and "), strings.Join(seen, "; "))
}

// describe names a certificate in the words of a pin; that of its public key
// also in base64, as other programs have it.
func describe(cert *x509.Certificate) string {
	key := Fingerprint(sha256.Sum256(cert.RawSubjectPublicKeyInfo))
	return fmt.Sprintf("name %q, serial %s, sha256 %s, sha256 of the public key %s (%s)", cert.Subject.CommonName, colons(cert.SerialNumber.Bytes()),
		Fingerprint(sha256.Sum256(cert.Raw)), key, base64.StdEncoding.EncodeToString(key[:]))
}

// colons writes bytes as certificates' are written: hex, with colons.
func colons(raw []byte) string {
	pairs := make([]string, len(raw))
	for i, b := range raw {
		pairs[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(pairs, ":")
}
