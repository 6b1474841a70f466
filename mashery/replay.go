// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"io"
	"slices"
	"sync"
)

const (
	// replayLimit is how much of a body is kept for a resend, in bytes.
	replayLimit = 1 << 20
	// replayStep is how much of it is read at once, in bytes.
	replayStep = 32 << 10
)

var errAttemptOver = errors.New("this attempt is over")

// replay streams a body and keeps its first bytes, so that a call that
// Mashery did not run can be sent again. A body of which more than the limit
// was sent cannot.
//
// The caller's next bytes may never come, and the transport tells of no failure
// while it still reads an attempt. So each read of the source has a goroutine of
// its own: what it brings is for the attempt that is the current one by then, and
// one that is over does not wait for it. A nil replay is no body.
type replay struct {
	src  io.Reader
	step int // how much is read at once at most

	mu      sync.Mutex
	current *attempt
	kept    []byte // what was read of src; once final, until it was sent
	end     error  // what ended src; nil: not ended
	// final says that there will be no resend (any more): more was read than
	// is kept, or the answer was passed on.
	final   bool
	reading chan struct{} // closed when the read that is under way has ended; nil: none is
}

// newReplay makes the replay of a body of length bytes; -1: unknown.
func newReplay(src io.Reader, length int64) *replay {
	if src == nil || length == 0 {
		return nil
	}
	r := &replay{src: src, step: replayStep, final: length > replayLimit}
	if length > 0 {
		r.step = int(min(length, replayStep))
	}
	r.begin()
	return r
}

// begin begins the next attempt.
func (r *replay) begin() { r.current = &attempt{replay: r, over: make(chan struct{})} }

// again ends the current attempt and begins the next, if the body can be sent
// once more. If it cannot it is false, and the attempt goes on.
func (r *replay) again() bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final || (r.end != nil && r.end != io.EOF) {
		return false
	}
	r.current.stop()
	r.begin()
	return true
}

// settle says that there will be no resend, and lets go of what was kept for
// it. If the call failed no read of the body begins any more.
func (r *replay) settle(failed bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.final = true
	if failed {
		r.current.stop()
	}
	r.forget()
}

// forget lets go of what is kept, once it is not to be sent any more. r.mu is held.
func (r *replay) forget() {
	if a := r.current; r.final && (a.isOver() || a.at >= len(r.kept)) {
		r.kept, a.at = nil, 0
	}
}

// read reads on, of what nobody has read yet, into what is free behind what is kept.
func (r *replay) read(into []byte) {
	n, err := r.src.Read(into)
	if err != nil && err != io.EOF {
		err = &BodyError{err}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, into[:n]...) // it is there, unless that was let go of meanwhile
	r.end, r.final = err, r.final || len(r.kept) > replayLimit
	r.forget()
	close(r.reading)
	r.reading = nil
}

// attempt is the body of one sending.
type attempt struct {
	replay *replay
	over   chan struct{}   // closed when it is; under the replay's lock
	gone   <-chan struct{} // closed with its connection; nil: that ends it by Close
	at     int             // how much of what is kept was sent; under the replay's lock
}

// Read implements io.Reader: kept bytes first, then what follows them.
//
// When the connection is gone, that is the end: of an error the transport would
// say that it is why the call failed, and not what befell the connection, to which
// nothing can be written any more.
func (a *attempt) Read(p []byte) (int, error) {
	for {
		n, more, err := a.next(p)
		if more == nil {
			return n, err
		}
		select {
		case <-more:
		case <-a.over:
		case <-a.gone:
			return 0, io.EOF
		}
	}
}

// next gives the next bytes if they are there; else more is closed when there may
// be some.
func (a *attempt) next(p []byte) (n int, more <-chan struct{}, err error) {
	r := a.replay
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case a.isOver():
		return 0, nil, errAttemptOver
	case a.at < len(r.kept):
		n = copy(p, r.kept[a.at:])
		a.at += n
		r.forget()
		return n, nil, nil
	case r.end != nil, len(p) == 0:
		return 0, nil, r.end
	case r.reading == nil:
		r.reading = make(chan struct{})
		most := min(len(p), r.step)
		r.kept = slices.Grow(r.kept, most)
		go r.read(r.kept[len(r.kept):][:most])
	}
	return 0, r.reading, nil
}

// isOver tells whether the attempt was stopped.
func (a *attempt) isOver() bool {
	select {
	case <-a.over:
		return true
	default:
		return false
	}
}

// stop ends the attempt. The replay's lock is held.
func (a *attempt) stop() {
	if !a.isOver() {
		close(a.over)
	}
}

// Close implements io.Closer: no read of the source begins any more. The
// source stays open.
func (a *attempt) Close() error {
	a.replay.mu.Lock()
	defer a.replay.mu.Unlock()
	a.stop()
	a.replay.forget()
	return nil
}
