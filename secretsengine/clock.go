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
	// longestSilence is how long that is at most, where each question only keeps
	// somebody waiting.
	longestSilence = 10 * time.Minute
	// askClock is the longest time Mashery may take to tell its time: less than
	// the two seconds after which callers of mashproxy go without their grant.
	askClock = time.Second
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
	// untold is when Mashery, when it was last asked, did not tell; zero: it did.
	// silence is for how long it is not asked again.
	untold  time.Time
	silence time.Duration
}

// RoundTrip implements http.RoundTripper.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.learn(resp)
	return resp, nil
}

// learn learns from an answer, and tells whether it told the time.
func (c *clock) learn(from *http.Response) bool {
	date, err := http.ParseTime(from.Header.Get("Date"))
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.learnt = c.now()
	c.offset = date.Sub(c.learnt)
	return true
}

// asked takes note of whether Mashery told its time when it was asked, and of
// whether somebody waited for that in vain, who then asks half as often each time.
// It begins with a minute, for a pause may be a short one, and a clock be wrong by
// what was never learnt. Other answers do not end a silence: Mashery may answer
// calls but not the question. What they tell of the time is used meanwhile.
func (c *clock) asked(told, inVain bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case told:
		c.untold, c.silence = time.Time{}, 0
		return
	case inVain:
		c.silence = min(max(2*c.silence, offsetLife), longestSilence)
	default:
		c.silence = offsetLife
	}
	c.untold = c.now()
}

// read gives the offset, and whether there is none to be had that is fresher
// than since.
func (c *clock) read(since time.Time) (offset time.Duration, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	told := !c.learnt.Before(since) && !c.learnt.After(now)
	silent := !c.untold.Before(now.Add(-c.silence)) && !c.untold.After(now)
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
	resp, err := c.base.RoundTrip(req)
	told := err == nil && c.learn(resp)
	if err == nil {
		resp.Body.Close() // HEAD has none
	}
	if told || ctx.Err() == nil {
		c.asked(told, within.Err() != nil)
	}
	offset, _ = c.read(since)
	return offset
}
