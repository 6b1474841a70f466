// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// client is how one configuration reaches Mashery.
type client struct {
	tokens    *mashery.TokenClient
	sender    *mashery.Sender
	clock     *clock
	transport *http.Transport
}

// newClient makes a client; its error names the setting that is wrong.
func newClient(c config, now func() time.Time) (*client, error) {
	c = c.effective()
	var v2, v3, token *url.URL
	for _, setting := range []struct {
		name, value string
		to          **url.URL
	}{
		{"v2_endpoint", c.V2Endpoint, &v2},
		{"v3_endpoint", c.V3Endpoint, &v3},
		{"v3_token_endpoint", c.V3TokenEndpoint, &token},
	} {
		u, err := mashery.ParseEndpoint(setting.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", setting.name, err)
		}
		*setting.to = u
	}
	way, err := c.way()
	if err != nil {
		return nil, err
	}
	transport := mashery.NewTransport(way)
	clocked := &clock{base: transport, now: now}
	return &client{
		tokens:    &mashery.TokenClient{HTTP: clocked, Endpoint: token},
		sender:    &mashery.Sender{Transport: clocked, V2: v2, V3: v3},
		clock:     clocked,
		transport: transport,
	}, nil
}

// way is how the configuration, with its defaults, lets Mashery be reached.
func (c config) way() (t mashery.TransportConfig, err error) {
	if err := c.trust(&t); err != nil {
		return t, err
	}
	t.Egress, err = c.egress()
	return t, err
}

// clientCache remembers the client of the configuration in force.
type clientCache struct {
	mu     sync.RWMutex
	client *client
}

// drop forgets the client; calls under way keep it until they end.
func (c *clientCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		c.client.transport.CloseIdleConnections()
	}
	c.client = nil
}

// reach returns the client of the configuration in force.
func (b *backend) reach(ctx context.Context, s logical.Storage) (*client, error) {
	b.client.mu.RLock()
	known := b.client.client
	b.client.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	b.client.mu.Lock()
	defer b.client.mu.Unlock()
	if b.client.client != nil {
		return b.client.client, nil
	}
	stored, err := loadConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	made, err := newClient(stored, b.now)
	if err != nil {
		return nil, fmt.Errorf("the stored configuration is not usable; write it anew: %w", err)
	}
	b.client.client = made
	return made, nil
}
