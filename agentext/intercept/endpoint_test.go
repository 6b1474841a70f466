// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"net/url"
	"strings"
	"testing"
)

// naming lets grants name the addresses they are for.
func naming(c *chain, api, address string) {
	c.vault.answer = func(ctx context.Context, path string, query url.Values) (map[string]any, error) {
		data, err := c.vault.grant(ctx, path, query)
		data[api+"_endpoint"] = address
		return data, err
	}
}

func TestARoleWhoseGrantIsForAnotherMasheryIsServedByVault(t *testing.T) {
	const elsewhere = "https://mashery.example/v3/rest"
	c := start(t)
	naming(c, "v3", elsewhere)
	for range 3 {
		got := c.ask("POST", "proxy/v3/services", `{"name":"a"}`)
		c.wantForwarded(got, "POST", "proxy/v3/services", `{"name":"a"}`)
	}
	if n := strings.Count(c.log.String(), "cause=endpoint_mismatch"); n != 1 || !strings.Contains(c.log.String(), elsewhere) {
		t.Errorf("%d warnings:\n%s", n, c.log)
	}
	// The other API's address is the block's.
	c.wantStatus(c.ask("POST", "proxy/v2", `{"method":"test.echo","params":["a"],"id":1}`), 200, "mashery")
}

func TestAGrantThatNamesTheBlocksAddressIsUsed(t *testing.T) {
	c := start(t)
	naming(c, "v3", c.mount.V3Endpoint.String()+"/")
	c.wantStatus(c.ask("GET", "proxy/v3/services", ""), 200, "mashery")
}
