// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// offsetLife is how long is believed what was measured of Mashery's clock.
	offsetLife = time.Minute
	// askClock is the longest time Mashery may take to tell its time.
	askClock = 2 * time.Second
)

// clock tells Mashery's time, by which V2 calls are signed: our own, moved by
// as much as the Date of Mashery's last answer differed from it. It learns by
// being what carries the requests, and asks when it has not for a while. What
// it cannot learn does not stop a signature: five minutes either way are good.
type clock struct {
	base http.RoundTripper
	now  func() time.Time

	asking sync.Mutex // one asks, others wait for it
	mu     sync.Mutex
	offset time.Duration
	learnt time.Time // by our clock; zero: never
}

// RoundTrip implements http.RoundTripper.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now := c.now()
		c.learn(date.Sub(now), now)
	}
	return resp, nil
}

func (c *clock) learn(offset time.Duration, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.learnt = offset, at
}

// read gives the offset, and whether it is still to be believed.
func (c *clock) read() (offset time.Duration, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.now().Sub(c.learnt)
	return c.offset, !c.learnt.IsZero() && age >= 0 && age <= offsetLife
}

// masheryTime is what Mashery's clock is thought to show.
func (c *client) masheryTime(ctx context.Context) time.Time {
	offset, fresh := c.clock.read()
	if !fresh {
		offset = c.clock.ask(ctx, c.sender.V2)
	}
	return c.clock.now().Add(offset)
}

// ask learns the offset anew, from an answer to a request that says nothing.
// Where there is none the old offset serves on, for as long as a new one would.
func (c *clock) ask(ctx context.Context, endpoint *url.URL) time.Duration {
	c.asking.Lock()
	defer c.asking.Unlock()
	offset, fresh := c.read()
	if fresh || ctx.Err() != nil {
		return offset
	}
	within, cancel := context.WithTimeout(ctx, askClock)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodHead, endpoint.String(), nil)
	if err != nil {
		return offset
	}
	resp, err := c.RoundTrip(req)
	if err == nil {
		resp.Body.Close() // HEAD has none
	}
	learnt, fresh := c.read()
	if !fresh && ctx.Err() == nil {
		c.learn(learnt, c.now())
	}
	return learnt
}
