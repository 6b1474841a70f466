// SPDX-License-Identifier: MPL-2.0

package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"mashproxy/mashery"
)

// TLS says which servers are taken for Mashery's. The zero value trusts what
// the system trusts.
type TLS struct {
	// RootCAs are trusted instead of the system's; nil: the system's.
	RootCAs *x509.CertPool
	// ServerName is what certificates must be for, instead of the endpoint's
	// host; "": that host.
	ServerName string
	// PinSHA256 are fingerprints of which a certificate of the server's chain,
	// or its public key, must have one; none: any chain that is trusted.
	PinSHA256 []mashery.Fingerprint
}

// Pinning is PinSHA256 in the words of the mashery room.
func (t TLS) Pinning() mashery.Pinning {
	if len(t.PinSHA256) == 0 {
		return mashery.Pinning{}
	}
	return mashery.Pinning{Pins: []mashery.Pin{{SHA256: t.PinSHA256}}}
}

// Equal tells whether both take the same servers for Mashery's.
func (t TLS) Equal(other TLS) bool {
	return t.RootCAs.Equal(other.RootCAs) && t.ServerName == other.ServerName && slices.Equal(t.PinSHA256, other.PinSHA256)
}

// tlsBlock is a tls block as it is written.
type tlsBlock struct {
	CACert     *string  `hcl:"ca_cert,optional"`
	ServerName *string  `hcl:"server_name,optional"`
	PinSHA256  []string `hcl:"pin_sha256,optional"`
	Body       hcl.Body `hcl:",body"`
	Rest       hcl.Body `hcl:",remain"`
}

// tls reads the block's tls block. Its problems are shown at their own keys.
func (b *blockReader) tls(raw *tlsBlock) (t TLS) {
	if raw == nil {
		return t
	}
	attrs, _ := raw.Body.JustAttributes()
	at := func(key string) hcl.Range { return valueAt(attrs, key, b.at("tls")) }
	if raw.ServerName != nil {
		t.ServerName = *raw.ServerName
	}
	if raw.CACert != nil && *raw.CACert != "" {
		roots, err := readRoots(*raw.CACert)
		if err != nil {
			b.error(at("ca_cert"), "ca_cert cannot be used", sentence(err.Error()))
		}
		t.RootCAs = roots
	}
	for _, text := range raw.PinSHA256 {
		pin, err := mashery.ParseFingerprint(text)
		if err != nil {
			b.error(at("pin_sha256"), fmt.Sprintf("pin_sha256: %q is no pin", text), sentence(err.Error()))
			continue
		}
		t.PinSHA256 = append(t.PinSHA256, pin)
	}
	return t
}

// readRoots reads a file of certificates in PEM.
func readRoots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path)
	}
	return roots, nil
}
