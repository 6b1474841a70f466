// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Time-outs of the way to Mashery. None limits how long a body may stream.
const (
	connectTimeout        = 10 * time.Second
	responseHeaderTimeout = 2 * time.Minute // what the Mashery Go client allows V3
	// idleTimeout is less than the minute after which load balancers close idle
	// connections: a POST that meets that cannot be sent again.
	idleTimeout = 50 * time.Second
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
	// DialTimeout and TLSHandshakeTimeout bound how long it may take to connect;
	// 0: 10 s each.
	DialTimeout, TLSHandshakeTimeout time.Duration
	// ResponseHeaderTimeout bounds how long Mashery may take to begin its answer;
	// 0: 2 min.
	ResponseHeaderTimeout time.Duration
	// Egress is the proxy Mashery is reached through; nil: the environment's
	// (HTTPS_PROXY).
	Egress *Egress
}

// NewTransport makes the connections to Mashery. Bytes pass unchanged (no
// compression of its own), redirects are not its business, and an HTTP/2
// connection that has gone quiet is asked whether it is still there.
func NewTransport(c TransportConfig) *http.Transport {
	dial := &dialer{Dialer: net.Dialer{Timeout: cmp.Or(c.DialTimeout, connectTimeout), KeepAlive: 30 * time.Second}}
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { // asked before each attempt
			if err := onlyOnce(r); err != nil {
				return nil, err
			}
			return dial.by(c.Egress.route(r))
		},
		ProxyConnectHeader:     c.Egress.header(),
		OnProxyConnectResponse: egressAnswer,
		DialContext:            dial.DialContext,
		TLSClientConfig:        c.tls(),
		TLSHandshakeTimeout:    cmp.Or(c.TLSHandshakeTimeout, connectTimeout),
		ResponseHeaderTimeout:  cmp.Or(c.ResponseHeaderTimeout, responseHeaderTimeout),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           0, // bounded per host
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        idleTimeout,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
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
