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
	// offsetLife is how long a proxied call believes what was measured of
	// Mashery's clock; and how long Mashery is not asked again that did not tell.
	offsetLife = time.Minute
	// askClock is the longest time Mashery may take to tell its time.
	askClock = 2 * time.Second
)

// clock tells Mashery's time, by which V2 calls are signed: our own, moved by
// as much as the Date of Mashery's last answer differed from it. It learns by
// being what carries the requests, and asks when it has not for a while. What
// it cannot learn does not stop a signature: five minutes either way are good.
//
// A proxied call may believe what is a little old, for its answer tells of a
// change and it is made again. A grant is used where we see no answer; a new
// one may be wanted because a clock was set. So Mashery is asked for each.
type clock struct {
	base http.RoundTripper
	now  func() time.Time

	asking sync.Mutex // one asks, others wait for it
	mu     sync.Mutex
	offset time.Duration
	learnt time.Time // by our clock; zero: never
	untold time.Time // when Mashery last did not tell; zero: it told since
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
	c.offset, c.learnt, c.untold = offset, at, time.Time{}
}

// read gives the offset, and whether there is none to be had that is fresher
// than since.
func (c *clock) read(since time.Time) (offset time.Duration, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	told := !c.learnt.Before(since) && !c.learnt.After(now)
	silent := !c.untold.Before(now.Add(-offsetLife)) && !c.untold.After(now)
	return c.offset, told || silent
}

// masheryTime is what Mashery's clock is thought to show, by a measurement that
// is no older than believed.
func (c *client) masheryTime(ctx context.Context, believed time.Duration) time.Time {
	since := c.clock.now().Add(-believed)
	offset, fresh := c.clock.read(since)
	if !fresh {
		offset = c.clock.ask(ctx, c.sender.V2, since)
	}
	return c.clock.now().Add(offset)
}

// ask learns the offset anew, from an answer to a request that says nothing.
// Where there is none the old offset serves on.
func (c *clock) ask(ctx context.Context, endpoint *url.URL, since time.Time) time.Duration {
	c.asking.Lock()
	defer c.asking.Unlock()
	offset, fresh := c.read(since)
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
	learnt, fresh := c.read(since)
	if !fresh && ctx.Err() == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.untold = c.now()
	}
	return learnt
}
