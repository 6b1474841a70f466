// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"net/http"

	"github.com/hashicorp/vault/api"
)

// idlePerHost is how many connections to Vault are kept for the next request.
// The default of two or three would open one per request under load.
const idlePerHost = 64

// ownClient copies client for forwarding: one attempt per request (retrier),
// no time-out of its own (Handler), and a transport that carries bodies. The
// function closes idle connections; http.Client must not be able to, as
// retryablehttp calls it for every 5xx.
func ownClient(c Config) (*api.Client, func(), error) {
	client := c.Client
	config := client.CloneConfig()
	// Where the address is a unix socket this is the stand-in for it; the
	// transport dials the socket already.
	config.Address = client.Address()
	config.AgentAddress = ""
	config.MaxRetries = 0
	config.Timeout = 0
	transport := ownTransport(config.HttpClient.Transport, c)
	config.HttpClient.Transport = carrier{transport}
	own, err := api.NewClient(config)
	if err != nil {
		return nil, nil, err
	}
	own.ClearToken() // VAULT_TOKEN is not used
	own.SetHeaders(client.Headers())
	return own, (&http.Client{Transport: transport}).CloseIdleConnections, nil
}

// ownTransport is a copy of shared with a larger pool, if nobody limited that.
func ownTransport(shared http.RoundTripper, c Config) http.RoundTripper {
	transport, ok := shared.(*http.Transport)
	if !ok {
		return shared
	}
	own := transport.Clone()
	own.TLSNextProto = nil // configured for the original's connections
	own.ForceAttemptHTTP2 = true
	own.DisableKeepAlives = own.DisableKeepAlives || c.DisableKeepAlives
	if c.DisableIdleConns {
		own.MaxIdleConnsPerHost = -1
	} else {
		own.MaxIdleConnsPerHost = max(own.MaxIdleConnsPerHost, idlePerHost)
	}
	return own
}
