// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mashproxy/mashery"
)

// queued waits until so many calls wait for their slots.
func (c *chain) queued(want int) {
	c.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		var waiting int
		for _, b := range c.handler.Budgets.Status() {
			waiting += b.Queue
		}
		if waiting == want {
			return
		}
		select {
		case <-tick.C:
		case <-c.t.Context().Done():
			c.t.Fatalf("%d calls wait, want %d", waiting, want)
		}
	}
}

func TestACallerThatLeavesFreesItsPlaceWhateverItHasSent(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	tests := map[string]string{
		"no body":                         "GET /v3/left HTTP/1.1\r\nHost: x\r\n\r\n",
		"a read with a body":              "GET /v3/left HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"a small body":                    "POST /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"method\":\"\"}",
		"a body of 100 kB":                "POST /v3/left HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + large,
		"a body of unknown length":        "PUT /v3/left HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"half of a body":                  "POST /v3/left HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + large,
		"a half body of unknown length":   "POST /v3/left HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}",
		"nothing of a body, but the head": "POST /v3/left HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n",
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, func(p *parts) { p.block.QPS, p.block.MaxWait = 0.001, time.Hour })
			c.wantStatus(c.ask("GET", "proxy/v3/services?limit=1", ""), 200, "mashery") // takes the slot
			caller, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer caller.Close()
			if _, err := io.WriteString(caller, strings.Replace(request, " /", " "+rolePath+"proxy/", 1)); err != nil {
				t.Fatal(err)
			}
			c.queued(1)
			caller.Close()
			c.queued(0)
			c.call()
		})
	}
}

func TestACallThatWaitedIsMadeWithItsWholeBody(t *testing.T) {
	for name, size := range map[string]int{"small": 50, "as long as is read ahead": mostAhead, "longer": 3 * mostAhead} {
		t.Run(name, func(t *testing.T) {
			got := make(chan []byte, 1)
			c := start(t, route3("upload", func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got <- body
			}), func(p *parts) { p.block.QPS, p.block.MaxWait = 5, time.Minute })
			c.ask("GET", "proxy/v3/services?limit=1", "")
			want := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
			if answer := c.ask("POST", "proxy/v3/upload", string(want)); answer.Header.Get(headerWait) == "0" {
				t.Error("it did not have to wait")
			}
			if body := <-got; !bytes.Equal(body, want) {
				t.Errorf("Mashery got %d bytes, want %d", len(body), len(want))
			}
		})
	}
}

// watched is a request whose body has been read ahead for a while.
func watched(t *testing.T, body io.Reader) (*ahead, *http.Request) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "/", body)
	if err != nil {
		t.Fatal(err)
	}
	a := newAhead(r, new(atomic.Int64))
	r, done := a.watch(r)
	t.Cleanup(done)
	time.Sleep(2 * aheadAfter) // of the bubble's time
	synctest.Wait()
	return a, r
}

func TestABodyIsReadAheadOnlySoFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := strings.NewReader(strings.Repeat("x", 2*mostAhead))
		a, _ := watched(t, source)
		if read := 2*mostAhead - source.Len(); read != mostAhead {
			t.Errorf("%d bytes are read ahead, want %d", read, mostAhead)
		}
		if aside := a.all.Load(); aside != mostAhead {
			t.Errorf("%d bytes are set aside", aside)
		}
		if all, err := io.ReadAll(a); len(all) != 2*mostAhead || err != nil {
			t.Errorf("%d bytes in all, %v", len(all), err)
		}
	})
}

func TestOfManyBodiesLessIsReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.NewReader(strings.Repeat("x", mostAhead))
		r, err := http.NewRequestWithContext(t.Context(), "POST", "/", body)
		if err != nil {
			t.Fatal(err)
		}
		var all atomic.Int64
		all.Store(enoughAhead)
		a := newAhead(r, &all)
		_, done := a.watch(r)
		time.Sleep(2 * aheadAfter) // of the bubble's time
		synctest.Wait()
		if read := mostAhead - body.Len(); read != fewAhead {
			t.Errorf("%d bytes are read ahead, want %d", read, fewAhead)
		}
		done()
		if n, err := a.Read(make([]byte, 1)); n > 0 || err != errCallOver || all.Load() != enoughAhead {
			t.Errorf("after the call: read %d, %v; %d bytes are set aside", n, err, all.Load()-enoughAhead)
		}
	})
}

func TestACallEndsWhenItsBodyBreaksOffWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, feed := io.Pipe()
		a, r := watched(t, body)
		_, _ = feed.Write([]byte("abc"))
		if r.Context().Err() != nil {
			t.Fatal("it ended before")
		}
		feed.CloseWithError(io.ErrUnexpectedEOF)
		<-r.Context().Done()
		if cause := context.Cause(r.Context()); !errors.As(cause, new(*mashery.BodyError)) || !errors.Is(cause, io.ErrUnexpectedEOF) {
			t.Errorf("it ended with %v", cause)
		}
		if all, err := io.ReadAll(a); string(all) != "abc" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q, %v", all, err)
		}
	})
}

func TestABodyIsLeftAloneOnceItIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, feed := io.Pipe()
		a, r := watched(t, body)
		read := make(chan string)
		go func() {
			all, _ := io.ReadAll(a)
			read <- string(all)
		}()
		for !a.asked.Load() {
			runtime.Gosched()
		}
		_, _ = feed.Write([]byte("ab"))
		_, _ = feed.Write([]byte("cd"))
		feed.CloseWithError(io.ErrUnexpectedEOF)
		if got := <-read; got != "abcd" || r.Context().Err() != nil {
			t.Errorf("read %q, %v", got, r.Context().Err())
		}
	})
}
