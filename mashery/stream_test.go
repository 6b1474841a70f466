// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"testing"
)

// Chunks pass one by one: the next is sent only when the one before has been
// seen at the other end.
func TestASlowUploadPassesChunkByChunk(t *testing.T) {
	arrived := make(chan string)
	protocols(t, func(_ http.ResponseWriter, r *http.Request) {
		for {
			chunk := make([]byte, 5)
			n, err := io.ReadFull(r.Body, chunk)
			if err != nil {
				return
			}
			arrived <- string(chunk[:n])
		}
	}, func(t *testing.T, s *Sender) {
		caller, body := io.Pipe()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			call := &Call{API: V3, Method: http.MethodPost, Body: caller, ContentLength: -1}
			if got, err := s.Send(t.Context(), call, from(v3Grant())); err != nil {
				t.Error(err)
			} else {
				got.Body.Close()
			}
		}()
		for _, chunk := range []string{"first", "other", "third"} {
			if _, err := io.WriteString(body, chunk); err != nil {
				t.Fatal(err)
			}
			if got := within(t, arrived, "Mashery sees "+chunk); got != chunk {
				t.Errorf("Mashery saw %q, want %q", got, chunk)
			}
		}
		body.Close()
		within(t, answered, "the call is answered")
	})
}

func TestASlowAnswerPassesChunkByChunk(t *testing.T) {
	more := make(chan string)
	protocols(t, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := range more {
			_, _ = io.WriteString(w, chunk)
			_ = http.NewResponseController(w).Flush()
			if chunk == "third" {
				return
			}
		}
	}, func(t *testing.T, s *Sender) {
		go func() { more <- "first" }()
		got, err := s.Send(t.Context(), &Call{API: V3, Method: http.MethodGet}, from(v3Grant()))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		for _, chunk := range []string{"first", "other", "third"} {
			if chunk != "first" {
				more <- chunk
			}
			read := make([]byte, 5)
			if _, err := io.ReadFull(got.Body, read); err != nil || string(read) != chunk {
				t.Errorf("got %q, %v; want %q", read, err, chunk)
			}
		}
		if rest, err := io.ReadAll(got.Body); err != nil || len(rest) > 0 {
			t.Errorf("got %q, %v after the end", rest, err)
		}
	})
}

func TestAnAnswerMayComeBeforeTheUploadEnds(t *testing.T) {
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // HTTP/2 is so by itself
		w.WriteHeader(http.StatusOK)
		_ = control.Flush()
		_, _ = io.Copy(w, r.Body)
	}, func(t *testing.T, s *Sender) {
		caller, body := io.Pipe()
		call := &Call{API: V3, Method: http.MethodPost, Body: caller, ContentLength: -1}
		go func() { _, _ = io.WriteString(body, "a") }() // HTTP/1.1 sends the header with the first byte
		got, err := s.Send(t.Context(), call, from(v3Grant()))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		_, _ = io.WriteString(body, "bc")
		body.Close()
		if echo, err := io.ReadAll(got.Body); err != nil || string(echo) != "abc" {
			t.Errorf("got %q, %v", echo, err)
		}
	})
}

func TestAnAnswerThatBreaksOffDoesNotEndCleanly(t *testing.T) {
	protocols(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, s *Sender) {
		got, err := s.Send(t.Context(), &Call{API: V3, Method: http.MethodGet}, from(v3Grant()))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		if body, err := io.ReadAll(got.Body); err == nil {
			t.Errorf("got %q and a clean end", body)
		}
	})
}

// large is what passes in one direction; growth is what the process may need
// more while it does.
const (
	large  = 32 << 20
	growth = 8 << 20
)

func TestALargeBodyLeavesMemoryFlatBothWays(t *testing.T) {
	before := heap()
	check := func(what string) {
		if more := heap() - before; more > growth {
			t.Errorf("%s takes %d MiB of memory", what, more>>20)
		}
	}
	length := int64(large) // known the first time, unknown the second
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.CopyN(io.Discard, r.Body, large/2)
		check("half an upload")
		rest, _ := io.Copy(io.Discard, r.Body)
		if n+rest != large || err != nil {
			t.Errorf("%d bytes arrived, %v", n+rest, err)
		}
		_, _ = io.Copy(w, io.LimitReader(endless{}, large))
	}, func(t *testing.T, s *Sender) {
		call := &Call{API: V3, Method: http.MethodPost, Body: io.LimitReader(endless{}, large), ContentLength: length}
		length = -1
		got, err := s.Send(t.Context(), call, from(v3Grant()))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		n, err := io.CopyN(io.Discard, got.Body, large/2)
		check("half an answer")
		rest, _ := io.Copy(io.Discard, got.Body)
		if n+rest != large || err != nil {
			t.Errorf("%d bytes came back, %v", n+rest, err)
		}
	})
}

func TestNoBodyIsKeptWhileItsAnswerStreams(t *testing.T) {
	const calls = 16
	release := make(chan struct{})
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = http.NewResponseController(w).Flush()
		<-release
	}, func(t *testing.T, s *Sender) {
		before := heap()
		var open []*Answer
		for range calls { // each body could be sent again, were there a reason to
			call := &Call{API: V3, Method: http.MethodPost, Body: io.LimitReader(endless{}, replayLimit), ContentLength: replayLimit}
			got, err := s.Send(t.Context(), call, from(v3Grant()))
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, got)
		}
		if more := heap() - before; more > calls*replayLimit/2 {
			t.Errorf("%d open answers hold %d MiB", calls, more>>20)
		}
		for range calls {
			release <- struct{}{}
		}
		for _, got := range open {
			_, _ = io.Copy(io.Discard, got.Body)
			got.Body.Close()
		}
	})
}

// endless gives noise for ever.
type endless struct{}

var someNoise = noise(32 << 10)

func (endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], someNoise)
	}
	return n, nil
}

// heap is what is alive, in bytes.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestALargeBodyArrivesUnchanged(t *testing.T) {
	want := noise(3 << 20)
	protocols(t, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes arrived, %v", len(got), err)
		}
		_, _ = w.Write(got)
	}, func(t *testing.T, s *Sender) {
		_, body := send(t, s, post(string(want)), from(v3Grant()))
		if body != string(want) {
			t.Errorf("%d bytes came back", len(body))
		}
	})
}
