// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

const (
	// replayLimit is how much of a body is kept for a resend, in bytes.
	replayLimit = 1 << 20
	// settleTime is how long a resend waits at least for the caller's next bytes,
	// where Mashery answered before the upload's end. They may never come: the
	// answer is then passed on.
	settleTime = time.Second
)

var errAttemptOver = errors.New("this attempt is over")

// replay streams a body and keeps its first bytes, so that a call that
// Mashery did not run can be sent again. A body of which more than the limit
// was sent cannot.
//
// The transport may go on reading an attempt after it has given an answer, so
// whoever touches the body holds the turn. A nil replay is no body.
type replay struct {
	src  io.Reader
	turn chan struct{}
	// final says that there will be no resend (any more): more was read than
	// is kept, or the answer was passed on.
	final atomic.Bool

	// Under the turn.
	current *attempt
	kept    []byte // what was read of src; nothing once final
	end     error  // what ended src; nil: not ended
}

// newReplay makes the replay of a body of length bytes; -1: unknown.
func newReplay(src io.Reader, length int64) *replay {
	if src == nil || length == 0 {
		return nil
	}
	r := &replay{src: src, turn: make(chan struct{}, 1)}
	r.final.Store(length > replayLimit)
	r.current = &attempt{replay: r}
	return r
}

// again ends the current attempt and begins the next, if the body can be sent
// once more. It waits for the caller's next bytes for most; if they do not come
// by then, or it cannot, it is false, and the attempt goes on.
func (r *replay) again(ctx context.Context, most time.Duration) bool {
	if r == nil {
		return true
	}
	if r.final.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
		defer r.pass()
	case <-ctx.Done(): // a read is under way and brings nothing
		return false
	}
	if r.final.Load() || (r.end != nil && r.end != io.EOF) {
		return false
	}
	r.current.over.Store(true)
	r.current = &attempt{replay: r}
	return true
}

// settle says that there will be no resend, and lets go of what was kept for
// it. If the call failed no read of the body begins any more.
func (r *replay) settle(failed bool) {
	if r == nil {
		return
	}
	r.final.Store(true)
	if failed {
		r.current.over.Store(true)
	}
	r.forget()
}

// pass gives the turn back.
func (r *replay) pass() {
	<-r.turn
	if r.final.Load() { // perhaps since the turn was taken
		r.forget()
	}
}

// forget lets go of what was kept, unless it has still to be sent. Who holds
// the turn meanwhile forgets when passing it.
func (r *replay) forget() {
	select {
	case r.turn <- struct{}{}:
		if a := r.current; a.over.Load() || a.at >= len(r.kept) {
			r.kept, a.at = nil, 0
		}
		<-r.turn
	default:
	}
}

// attempt is the body of one sending.
type attempt struct {
	replay *replay
	over   atomic.Bool
	at     int // how much of what is kept was sent; under the turn
}

// Read implements io.Reader: kept bytes first, then what follows them.
func (a *attempt) Read(p []byte) (int, error) {
	r := a.replay
	r.turn <- struct{}{}
	defer r.pass()
	switch {
	case a.over.Load():
		return 0, errAttemptOver
	case a.at < len(r.kept):
		n := copy(p, r.kept[a.at:])
		a.at += n
		return n, nil
	case r.end != nil:
		return 0, r.end
	}
	return a.readOn(p)
}

// readOn reads what nobody has read yet.
func (a *attempt) readOn(p []byte) (int, error) {
	r := a.replay
	n, err := r.src.Read(p)
	if err != nil && err != io.EOF {
		err = &BodyError{err}
	}
	r.end = err
	if len(r.kept)+n > replayLimit {
		r.final.Store(true)
	}
	if !r.final.Load() {
		r.kept = append(r.kept, p[:n]...)
		a.at += n
	}
	return n, err
}

// Close implements io.Closer: no read of the source begins any more. The
// source stays open.
func (a *attempt) Close() error {
	a.over.Store(true)
	if a.replay.final.Load() {
		a.replay.forget()
	}
	return nil
}
