// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// replayLimit is how much of a body is kept for a resend, in bytes.
	replayLimit = 1 << 20
	// settleTime is how long a resend waits for an upload that Mashery answered
	// before its end. Such an upload may never end: the answer is then passed on.
	settleTime = time.Second
)

var errAttemptOver = errors.New("this attempt is over")

// replay streams a body and keeps its first bytes, so that a call that
// Mashery did not run can be sent again. A body of which more than the limit
// was sent cannot.
type replay struct {
	src  io.Reader // nil: no body
	turn chan struct{}

	spilt atomic.Bool // more was read than is kept
	kept  []byte
	end   error // what ended src; nil: not ended
}

func newReplay(src io.Reader) *replay {
	return &replay{src: src, turn: make(chan struct{}, 1)}
}

// attempt returns the body from its beginning. Only after again has told
// that the one before is over may there be another.
func (r *replay) attempt() *attempt {
	return &attempt{replay: r, over: make(chan struct{})}
}

// again waits until the transport has let go of the attempt and tells whether
// the body can be sent once more.
func (r *replay) again(ctx context.Context, a *attempt) bool {
	if r.src == nil {
		return true
	}
	if r.spilt.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	select {
	case <-a.over:
	case <-ctx.Done():
		return false
	}
	select {
	case r.turn <- struct{}{}: // no read is under way
		<-r.turn
	case <-ctx.Done():
		return false
	}
	return !r.spilt.Load() && (r.end == nil || r.end == io.EOF)
}

type attempt struct {
	replay *replay
	at     int
	once   sync.Once
	over   chan struct{}
}

// Read implements io.Reader: kept bytes first, then what follows them.
func (a *attempt) Read(p []byte) (int, error) {
	select {
	case <-a.over:
		return 0, errAttemptOver
	default:
	}
	r := a.replay
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if a.at < len(r.kept) {
		n := copy(p, r.kept[a.at:])
		a.at += n
		return n, nil
	}
	if r.end != nil {
		return 0, r.end
	}
	n, err := r.src.Read(p)
	r.end = err
	if len(r.kept)+n > replayLimit {
		r.spilt.Store(true)
		r.kept, a.at = nil, 0
	}
	if !r.spilt.Load() {
		r.kept = append(r.kept, p[:n]...)
		a.at += n
	}
	return n, err
}

// Close implements io.Closer; the source stays open.
func (a *attempt) Close() error {
	a.once.Do(func() { close(a.over) })
	return nil
}
