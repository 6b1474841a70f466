// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Time-outs of the way to Mashery. None limits how long a body may stream.
const (
	dialTimeout           = 10 * time.Second
	responseHeaderTimeout = 2 * time.Minute // what the Mashery Go client allows V3
)

// TransportConfig is what may be set of the way to Mashery.
type TransportConfig struct {
	// RootCAs are trusted instead of the system's; nil: the system's.
	RootCAs *x509.CertPool
}

// NewTransport makes the connections to Mashery. Bytes pass unchanged (no
// compression of its own), redirects are not its business, and the egress
// proxy is the environment's (HTTPS_PROXY).
func NewTransport(c TransportConfig) *http.Transport {
	return &http.Transport{
		Proxy:                 egressProxy,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: responseHeaderTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConns:          0, // bounded per host
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
	}
}

var errEgressProxy = errors.New("the address of the egress proxy (HTTPS_PROXY) is not a URL; write it like http://proxy.example.com:3128")

// egressProxy is the environment's. Its error does not repeat the address,
// which may hold a password.
func egressProxy(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errEgressProxy
	}
	return proxy, nil
}
