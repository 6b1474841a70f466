// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mashproxy/mashery"
)

const (
	// aheadAfter is how long a call waits before its body is read ahead: most
	// are sent by then.
	aheadAfter = 10 * time.Millisecond
	// mostAhead is how much of a body is read ahead, in bytes, aheadStep how much at
	// once. When enoughAhead is set aside for all bodies, fewAhead is read of others.
	mostAhead, aheadStep  = 1 << 20, 4 << 10
	enoughAhead, fewAhead = 64 << 20, 64 << 10
)

var errCallOver = errors.New("the call is over")

// ahead is a body that is read before it is asked for, while its call waits: for
// a slot, or a grant. net/http notices that a caller has left only after it has
// read all that the caller sent (registerOnHitEOF in net/http/server.go); a call
// whose caller is gone must not keep its place, and must not be made.
type ahead struct {
	body   io.Reader
	length int64         // in bytes; -1, 0: unknown
	all    *atomic.Int64 // what is set aside for all bodies
	asked  atomic.Bool   // for the body, or the call is over

	mu    sync.Mutex // held while the body is read
	aside int        // what is set aside for this one
	kept  []byte     // what was read and is not given yet
	end   error      // what ended the body; nil: not ended
}

// newAhead is the body of a request; nil: it has none. All counts what is set
// aside.
func newAhead(r *http.Request, all *atomic.Int64) *ahead {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &ahead{body: r.Body, length: r.ContentLength, all: all}
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	a.asked.Store(true)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.kept) > 0:
		n := copy(p, a.kept)
		a.kept = a.kept[n:]
		return n, nil
	case a.end != nil:
		return 0, a.end
	}
	n, err := a.body.Read(p)
	a.end = err
	return n, err
}

// watch returns the request of a call that may have to wait, whose context ends
// when the body breaks off meanwhile, with a *[mashery.BodyError] as its cause.
// The caller runs done when the call is over.
func (a *ahead) watch(r *http.Request) (watched *http.Request, done func()) {
	if a == nil {
		return r, func() {}
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(aheadAfter, func() {
		if err := a.fill(); err != nil && !a.asked.Load() {
			cancel(&mashery.BodyError{Cause: err})
		}
	})
	return r.WithContext(ctx), func() {
		timer.Stop()
		a.asked.Store(true)
		cancel(nil)
		if a.mu.TryLock() {
			a.close()
			return
		}
		go func() { // the server ends the reading that is under way
			a.mu.Lock()
			a.close()
		}()
	}
}

// close lets go of what is kept; nobody is given the rest, as if that were all.
// a.mu is held, and given back.
func (a *ahead) close() {
	a.all.Add(int64(-a.aside))
	a.kept, a.aside, a.end = nil, 0, errCallOver
	a.mu.Unlock()
}

// setAside sets memory aside for the body, as much as there may be of it. a.mu is
// held.
func (a *ahead) setAside() {
	want := mostAhead
	if a.length > 0 {
		want = int(min(a.length, mostAhead))
	}
	if a.all.Add(int64(want)) > enoughAhead {
		a.all.Add(int64(-want))
		want = min(want, fewAhead)
		a.all.Add(int64(want))
	}
	a.aside = want
}

// fill reads ahead to the end of the body, if that is not too far, or until the
// body is asked for. It fails when the body breaks off.
func (a *ahead) fill() error {
	for {
		switch more, err := a.step(); {
		case err == io.EOF, err == nil && !more:
			return nil
		case err != nil:
			return err
		}
	}
}

// step reads a little more, if there may be more.
func (a *ahead) step() (more bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked.Load() || a.end != nil {
		return false, nil
	}
	if a.aside == 0 {
		a.setAside()
	}
	if len(a.kept) >= a.aside {
		return false, nil
	}
	step := min(aheadStep, a.aside-len(a.kept))
	a.kept = slices.Grow(a.kept, step)
	n, err := a.body.Read(a.kept[len(a.kept) : len(a.kept)+step])
	a.kept, a.end = a.kept[:len(a.kept)+n], err
	return true, err
}
