// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"

	"mashproxy/mashery"
)

// sentTransport knows whether anything of one call may have reached Mashery.
type sentTransport struct {
	http.RoundTripper
	sent atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (t *sentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	var network *net.OpError
	if !errors.As(err, &network) || network.Op != "dial" {
		t.sent.Store(true)
	}
	return resp, err
}

// watched is the client's sender for one call, of which it tells whether it was sent.
func (c *client) watched() (*mashery.Sender, *atomic.Bool) {
	t := &sentTransport{RoundTripper: c.sender.Transport}
	return &mashery.Sender{Transport: t, V2: c.sender.V2, V3: c.sender.V3}, &t.sent
}
