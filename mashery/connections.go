// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net/http"
	"sync/atomic"
)

// Connections are those to Mashery, by a transport that may be replaced while
// calls are made: other settings of TLS are for other connections, as one that
// is there was held against the settings it was made with.
type Connections struct {
	by atomic.Pointer[http.Transport]
}

// NewConnections makes connections by a transport.
func NewConnections(by *http.Transport) *Connections {
	c := new(Connections)
	c.by.Store(by)
	return c
}

// Replace has calls from now on use connections of another transport. Calls that
// are under way end on theirs, which are not used again.
func (c *Connections) Replace(by *http.Transport) { c.by.Swap(by).CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (c *Connections) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.by.Load().RoundTrip(r)
}

// CloseIdleConnections is for when they may be lost; see [Sender].
func (c *Connections) CloseIdleConnections() { c.by.Load().CloseIdleConnections() }
