// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"
)

// lookupSelf says how long a token lives, and how often it may be used
// (vault/token_store.go, handleLookup).
const lookupSelf = "auth/token/lookup-self"

const (
	lookupTime  = 2 * time.Second // bounds one lookup
	lookupAgain = time.Second     // between two while Vault is away; it doubles, up to waitedBackoff
	longestNap  = time.Minute     // between two looks at the clock
)

// lookup is what Vault said of a token.
type lookup struct {
	token  string
	sent   time.Time // when it was asked
	secret *api.Secret
	header http.Header
	err    error // why there is no answer
}

// known tells that Vault answered, or will not: a page or nothing at all in its
// place says as little as nobody.
func (l lookup) known() bool {
	if l.err != nil {
		return refuses(l.err)
	}
	return l.secret != nil && l.secret.RequestID != ""
}

// lookups keep the last lookup.
type lookups struct {
	turn chan struct{} // held while Vault is asked, for lookupTime at most
	last atomic.Pointer[lookup]
}

func newLookups() lookups { return lookups{turn: make(chan struct{}, 1)} }

// lookup gives what Vault said of the current token; again asks in any case.
// Without that it is asked until something is known, refusals included, and by one
// at a time; whoever waits asks beside one who has had no answer for a while, for
// that may never come.
func (i *Identity) lookup(ctx context.Context, namespace string, again bool) lookup {
	select {
	case i.lookups.turn <- struct{}{}:
		next := sync.OnceFunc(func() { <-i.lookups.turn })
		defer next()
		defer time.AfterFunc(lookupTime, next).Stop()
	case <-ctx.Done():
		return lookup{err: context.Cause(ctx)}
	}
	token := i.Token()
	if last := i.lookups.last.Load(); !again && token != "" && last != nil && last.token == token {
		return *last
	}
	found := lookup{token: token, sent: time.Now()}
	found.secret, found.header, found.err = i.read(ctx, token, namespace, lookupSelf, nil)
	if found.secret != nil {
		delete(found.secret.Data, "id") // nobody needs the token itself
	}
	if found.known() {
		i.lookups.last.Store(&found)
	}
	return found
}

// refuses tells that Vault has understood the question and will not answer, in
// its own words, {"errors": […]}.
func refuses(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || answer.RawError || answer.Errors == nil {
		return false
	}
	final := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}
	return slices.Contains(final, answer.StatusCode) && !IsInvalidToken(err)
}

// end is when the token's time is over; zero: never, or not to be known. A token
// whose uses count is not asked about again, so renewals would not be seen.
func (l lookup) end() time.Time {
	if l.secret == nil || l.secret.Data["expire_time"] == nil || l.secret.Data["num_uses"] != json.Number("0") {
		return time.Time{}
	}
	ttl, ok := l.secret.Data["ttl"].(json.Number)
	seconds, err := ttl.Int64()
	if !ok || err != nil {
		return time.Time{}
	}
	return after(l.sent, max(seconds, 1))
}

// after is a time so many seconds later; zero if that is longer than a clock holds.
func after(start time.Time, seconds int64) time.Time {
	if seconds > int64(math.MaxInt64/time.Second) {
		return time.Time{}
	}
	return start.Add(time.Duration(seconds) * time.Second)
}

// end is when a token's time is over: the later of what its lookup and its renewals
// said. Zero: never, or not known.
func (i *Identity) end(token string) time.Time {
	end := i.renewals.end(token)
	if last := i.lookups.last.Load(); last != nil && last.token == token && last.end().After(end) {
		end = last.end()
	}
	return end
}

// watch loses the token when its time is over, whether or not Vault is there to
// say so, and then tells that it did. Each renewal puts off the end. At the last one
// known the token is looked up once more: somebody else may have renewed it. watch
// ends with ctx, when there is another token, when the end is not to be known, and at
// once when nobody listens: then nothing hangs on the token.
func (i *Identity) watch(ctx context.Context, token string) (lost bool) {
	if len(i.listeners) == 0 {
		return false
	}
	for end := i.firstEnd(ctx, token); !end.IsZero() && wait(ctx, end) && i.Token() == token; {
		if later := i.end(token); later.After(end) {
			end = later
			continue
		}
		found := i.lookupNow(ctx, true)
		switch {
		case found.err == nil && found.known():
			end = found.end()
		case ctx.Err() == nil && !i.end(token).After(end): // nor was it renewed meanwhile
			i.Invalid(token)
			return true
		}
	}
	return false
}

// firstEnd asks until Vault answers.
func (i *Identity) firstEnd(ctx context.Context, token string) time.Time {
	for pause := lookupAgain; i.Token() == token; pause = min(2*pause, waitedBackoff) {
		if found := i.lookupNow(ctx, false); found.known() {
			return found.end()
		}
		if !wait(ctx, time.Now().Add(pause)) {
			break
		}
	}
	return time.Time{}
}

func (i *Identity) lookupNow(ctx context.Context, again bool) lookup {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return i.lookup(ctx, i.client.Namespace(), again)
}

// wait waits for a time, and tells whether it came. Wall and monotonic clock are
// both asked, and whichever says "over" wins: a machine may sleep.
func wait(ctx context.Context, end time.Time) bool {
	for {
		now := time.Now()
		left := min(end.Sub(now), end.Round(0).Sub(now.Round(0)))
		if left <= 0 || ctx.Err() != nil {
			return ctx.Err() == nil
		}
		select {
		case <-time.After(min(left, longestNap)):
		case <-ctx.Done():
		}
	}
}
