// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"io"
	"net/http"
	"time"
)

const (
	// restTime is how long an answer waits for the rest of a body that nobody
	// wants: the rest of most is on its way, and then the connection stays usable.
	restTime = 10 * time.Millisecond
	// restLimit is how much of such a rest is read, in bytes: as much as net/http reads.
	restLimit = 256 << 10
	// lingerTime is how long a caller who is still sending may take to read its answer
	// before the connection is closed: what it sends after that resets it, and the
	// answer may be lost with it.
	lingerTime = 500 * time.Millisecond
)

// answer has an answer given that may be there before the end of the body, which
// is wanted if somebody reads on. net/http would hold it back over HTTP/1 until it has
// read the rest, however long the caller takes for that. As nobody can tell what
// follows such an answer on the connection, it is closed.
func (a *ahead) answer(w http.ResponseWriter, r *http.Request, wanted bool, give func()) {
	if a == nil || r.ProtoMajor != 1 || a.isAtEnd(r, wanted) {
		give()
		return
	}
	out := http.NewResponseController(w)
	// Without these, on a writer of another kind, it is as late as it ever was.
	_ = out.EnableFullDuplex()
	w.Header().Set("Connection", "close")
	give()
	_ = out.Flush()
	err := out.SetReadDeadline(time.Now().Add(lingerTime))
	a.asked.Store(true)
	a.mu.Lock() // who still reads has until then
	if err == nil {
		_, _ = io.Copy(io.Discard, a.body) // and so has the rest
	}
	a.close()
}

// isAtEnd tells whether the whole body has been read. It reads what nobody wants,
// but for what a caller keeps until it is asked to go on (Expect).
func (a *ahead) isAtEnd(r *http.Request, wanted bool) bool {
	if wanted || r.Header.Get("Expect") != "" {
		if !a.mu.TryLock() {
			return false
		}
		defer a.mu.Unlock()
		return a.end == io.EOF
	}
	a.asked.Store(true)
	read := make(chan bool, 1)
	go func() { read <- a.skip() }()
	timer := time.NewTimer(restTime)
	defer timer.Stop()
	select {
	case end := <-read:
		return end
	case <-timer.C:
		return false
	}
}

// skip reads on, for nobody, and tells whether that was the rest of the body.
func (a *ahead) skip() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.end == nil {
		_, a.end = io.CopyN(io.Discard, a.body, restLimit)
	}
	return a.end == io.EOF
}
