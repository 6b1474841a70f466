// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"context"
	"net"
	"net/http"
	"time"
)

// DoorURL is what requests to a unix socket are addressed to.
const DoorURL = "http://localhost"

// Door is a client of the unix socket at path. Requests go to [DoorURL].
func Door(path string, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			},
			DisableCompression:  true,
			MaxIdleConnsPerHost: 100,
		},
	}
}
