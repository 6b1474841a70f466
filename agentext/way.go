// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"net/http"

	"mashproxy/agentext/config"
	"mashproxy/mashery"
)

// way is how Mashery is reached for one block.
type way struct {
	*mashery.Connections
	block config.Mashery // as it is in force
}

// waysOf are the ways of blocks, in their order.
func waysOf(blocks []*config.Mashery) (all []*way) {
	for _, block := range blocks {
		all = append(all, &way{mashery.NewConnections(newTransport(block)), *block})
	}
	return all
}

// trust has connections made from now on held against other settings of TLS, and
// no call use one of before. Where the settings are those in force, all stay.
func (w *way) trust(settings config.TLS) {
	if w.block.TLS.Equal(settings) {
		return
	}
	w.block.TLS = settings
	w.Replace(newTransport(&w.block))
}

// newTransport makes the way to Mashery of one block.
func newTransport(block *config.Mashery) *http.Transport {
	return mashery.NewTransport(mashery.TransportConfig{
		RootCAs:               block.TLS.RootCAs,
		ServerName:            block.TLS.ServerName,
		Pinning:               block.TLS.Pinning(),
		DialTimeout:           block.DialTimeout,
		TLSHandshakeTimeout:   block.TLSHandshakeTimeout,
		ResponseHeaderTimeout: block.ResponseHeaderTimeout,
		Egress:                block.Egress,
	})
}
