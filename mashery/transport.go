// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Time-outs of the way to Mashery. None limits how long a body may stream.
const (
	dialTimeout           = 10 * time.Second
	responseHeaderTimeout = 2 * time.Minute // what the Mashery Go client allows V3
)

// TransportConfig is what may be set of the way to Mashery. The zero value
// trusts what the system trusts and uses the environment's egress proxy.
type TransportConfig struct {
	// RootCAs are trusted instead of the system's; nil: the system's.
	RootCAs *x509.CertPool
	// ServerName is what the servers' certificates must be for, instead of the
	// endpoint's host; "": that host.
	ServerName string
	// Pinning narrows down what is trusted.
	Pinning Pinning
	// Insecure trusts everyone, pinned or not: whoever answers is sent credentials.
	Insecure bool
	// Egress is the proxy Mashery is reached through; nil: the environment's
	// (HTTPS_PROXY).
	Egress *Egress
}

// NewTransport makes the connections to Mashery. Bytes pass unchanged (no
// compression of its own), and redirects are not its business.
func NewTransport(c TransportConfig) *http.Transport {
	return &http.Transport{
		Proxy:                  c.Egress.route,
		ProxyConnectHeader:     c.Egress.header(),
		OnProxyConnectResponse: egressAnswer,
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        c.tls(),
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  responseHeaderTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           0, // bounded per host
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
	}
}

func (c TransportConfig) tls() *tls.Config {
	config := &tls.Config{RootCAs: c.RootCAs, ServerName: c.ServerName, MinVersion: tls.VersionTLS12}
	if c.Insecure {
		config.InsecureSkipVerify = true
		return config
	}
	config.VerifyConnection = c.Pinning.verify
	return config
}
