// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// watched is a server before the sandbox's Vault: it remembers what the program
// asks, and can be told to do something else with it.
type watched struct {
	mu      sync.Mutex
	asked   []asked
	instead http.HandlerFunc // in place of passing it on; nil: pass it on
}

// asked is a request of the program's to Vault.
type asked struct {
	at           time.Time
	method, path string
}

func (f *watched) now(instead http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead = instead
}

// since are the requests since then whose path ends so.
func (f *watched) since(then time.Time, end string) (found []asked) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if !a.at.Before(then) && strings.HasSuffix(a.path, end) {
			found = append(found, a)
		}
	}
	return found
}

// openWatched opens a world whose program reaches Vault through a front.
func openWatched(t *testing.T, s setup) (*world, *watched) {
	t.Helper()
	w := &world{Sandbox: startSandbox(t, s.sandbox)}
	w.root = rootOf(t, w.Sandbox)
	f := &watched{}
	server := front(t, w.Sandbox)
	vault := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, asked{time.Now(), r.Method, r.URL.Path})
		instead := f.instead
		f.mu.Unlock()
		if instead != nil {
			instead(rw, r)
			return
		}
		vault.ServeHTTP(rw, r)
	})
	server.Start()
	w.config = configured(t, w.Sandbox, append(s.edits, edit{w.Vault().Address(), server.URL})...)
	w.start(t, s)
	eventually(t, "the proxy is logged in", func() bool {
		answer, err := w.unix.try(http.MethodGet, lookup, nil)
		return err == nil && answer.status == http.StatusOK
	})
	return w, f
}

// tune sets the mount's longest lease.
func (w *world) tune(t *testing.T, most string) {
	t.Helper()
	w.write(t, "sys/mounts/mash-creds/tune", map[string]any{"default_lease_ttl": most, "max_lease_ttl": most})
}

// load calls without pause, so many at a time, until it is stopped. It gives what
// failed, and the longest that a call took.
type load struct {
	stop    chan struct{}
	callers sync.WaitGroup

	mu      sync.Mutex
	calls   int
	wrong   []answer
	slowest time.Duration
}

func (d *door) load(at int, method, target, body string) *load {
	l := &load{stop: make(chan struct{})}
	for range at {
		l.callers.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				began := time.Now()
				a, err := d.try(method, target, strings.NewReader(body))
				if err != nil {
					a.body = err.Error()
				}
				l.mu.Lock()
				l.calls++
				l.slowest = max(l.slowest, time.Since(began))
				if a.status != http.StatusOK {
					l.wrong = append(l.wrong, a)
				}
				l.mu.Unlock()
			}
		})
	}
	return l
}

// more waits until so many more calls are answered.
func (l *load) more(t *testing.T, calls int) {
	t.Helper()
	answered := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.calls
	}
	begun := answered()
	within(t, time.Minute, "more calls are answered", func() bool { return answered() >= begun+calls })
}

// slowly answers as next does, but takes its time; a caller that leaves is not
// kept.
func slowly(d time.Duration, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// ticks is for what is done again and again, for a while.
func ticks(every, during time.Duration) iter.Seq[int] {
	return func(yield func(int) bool) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for n := range int(during / every) {
			if !yield(n) {
				return
			}
			<-ticker.C
		}
	}
}

// end stops the load and fails the test if any call did.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.callers.Wait()
	if len(l.wrong) > 0 {
		t.Errorf("%d of %d calls failed, such as: %d %s", len(l.wrong), l.calls, l.wrong[0].status, l.wrong[0].body)
	}
	if l.calls == 0 {
		t.Error("no call was made")
	}
}
