// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// readyInterval is how often WaitReady asks.
const readyInterval = 20 * time.Millisecond

// WaitReady waits until the proxy that was started on [Sandbox.ConfigFile] has
// logged in and answers on both its listeners: until Vault, asked through it, says
// whose token it is. Whoever calls bounds the wait with ctx; the error then says
// what the proxy answered last.
func (s *Sandbox) WaitReady(ctx context.Context) error {
	for _, route := range s.routes() {
		if err := route.waitReady(ctx); err != nil {
			return fmt.Errorf("mashproxy is not ready on %s: %w", route.name, err)
		}
	}
	return nil
}

func (r route) waitReady(ctx context.Context) error {
	probe := call{method: http.MethodGet, path: "/v1/auth/token/lookup-self"}
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	var last error
	for {
		reply, err := r.do(ctx, probe)
		switch {
		case err == nil && reply.status == http.StatusOK:
			return nil
		case err == nil:
			last = fmt.Errorf("it answers %d: %s", reply.status, shorten(reply.body))
		case last == nil || ctx.Err() == nil:
			last = err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; at last: %w", context.Cause(ctx), last)
		}
	}
}
