// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"

	"mashproxy/mashery"
)

// What tls_pinning can be.
const (
	pinningDefault  = "default"  // Mashery's own servers show what they are known to show
	pinningSystem   = "system"   // whatever is valid
	pinningCustom   = "custom"   // what config/certs pins
	pinningInsecure = "insecure" // anything at all
)

// pinnedPlaces are the paths below config/certs, from the server up.
func pinnedPlaces() []mashery.Place {
	return []mashery.Place{mashery.Leaf, mashery.Issuer, mashery.Root}
}

// certPin is a pin as it was written, and as it is stored.
type certPin struct {
	CN string `json:"cn,omitempty"`
	SN string `json:"sn,omitempty"`
	FP string `json:"fp,omitempty"`
}

// pin reads the pin; its error names the field that is wrong.
func (c certPin) pin(place mashery.Place) (mashery.Pin, error) {
	pin := mashery.Pin{Place: place, CommonName: c.CN}
	if c == (certPin{}) {
		return pin, errors.New("a pin needs cn, sn or fp; to pin nothing, delete it")
	}
	if strings.TrimSpace(c.CN) != c.CN || strings.ContainsFunc(c.CN, unicode.IsControl) {
		return pin, fmt.Errorf("cn %q can be the name of no certificate; write it as certificates show it", c.CN)
	}
	if c.SN != "" {
		raw, err := hex.DecodeString(strings.ReplaceAll(c.SN, ":", ""))
		if err != nil || len(raw) == 0 {
			return pin, fmt.Errorf("sn %q is no serial number; write it in hex (0a:0b:…), as certificates show it", c.SN)
		}
		pin.Serial = new(big.Int).SetBytes(raw)
	}
	if c.FP != "" {
		fingerprint, err := mashery.ParseFingerprint(c.FP)
		if err != nil {
			return pin, fmt.Errorf("fp: %w", err)
		}
		pin.SHA256 = []mashery.Fingerprint{fingerprint}
	}
	return pin, nil
}

// trust sets whom the way to Mashery accepts at its other end.
func (c config) trust(t *mashery.TransportConfig) (err error) {
	if t.RootCAs, err = parseRoots(c.RootCA); err != nil {
		return fmt.Errorf("root_ca: %w", err)
	}
	switch c.TLSPinning {
	case pinningDefault:
		t.Pinning = mashery.MasheryPinning()
	case pinningSystem:
	case pinningInsecure:
		t.Insecure = true
	case pinningCustom:
		t.Pinning, err = c.pinning()
	default:
		err = fmt.Errorf("tls_pinning %q is not known; use default, system, custom or insecure", c.TLSPinning)
	}
	return err
}

// pinning are the pins of config/certs, of which there must be one.
func (c config) pinning() (p mashery.Pinning, err error) {
	for _, place := range pinnedPlaces() {
		stored, pinned := c.Certs[place.String()]
		if !pinned {
			continue
		}
		pin, err := stored.pin(place)
		if err != nil {
			return p, fmt.Errorf("config/certs/%s: %w", place, err)
		}
		p.Pins = append(p.Pins, pin)
	}
	if len(p.Pins) == 0 {
		return p, errors.New("tls_pinning is custom, but nothing is pinned; write config/certs/leaf, issuer or root first, or choose another tls_pinning")
	}
	return p, nil
}

// parseRoots reads PEM certificates; nil, the system's, when there is no text.
// Anything that is not a certificate is an error rather than passed over.
func parseRoots(text string) (*x509.CertPool, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for rest := []byte(text); len(rest) > 0; {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("give PEM certificates only (BEGIN CERTIFICATE … END CERTIFICATE)")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a certificate in it cannot be read: %w", err)
		}
		pool.AddCert(cert)
		rest = []byte(strings.TrimSpace(string(after)))
	}
	return pool, nil
}
