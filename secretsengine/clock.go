// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock tells Mashery's time, by which V2 calls are signed: our own, moved by
// as much as the Date of Mashery's last answer differed from it. It learns by
// being what carries the requests; before the first answer it is our own.
type clock struct {
	base   http.RoundTripper
	now    func() time.Time
	offset atomic.Int64 // a time.Duration
}

// RoundTrip implements http.RoundTripper.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.offset.Store(int64(date.Sub(c.now())))
	}
	return resp, nil
}

// masheryTime is what Mashery's clock is thought to show.
func (c *clock) masheryTime() time.Time {
	return c.now().Add(time.Duration(c.offset.Load()))
}
