// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

const (
	gibibyte = 1 << 30
	mebibyte = 1 << 20
)

// endless gives the same byte for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// peak is the most memory the process has had so far, in bytes.
func (p *process) peak(t *testing.T) int64 {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))) {
		if kib, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Skip("this system does not tell how much memory a process has had")
	return 0
}

// swallow is a Mashery that takes any body and answers with as many bytes as
// the query asks for.
func swallow(took *atomic.Int64) sandbox.Options {
	return sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			took.Add(n)
			size, _ := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
			_, _ = io.CopyN(w, endless{}, size)
		}),
	}}}
}

func TestAGibibyteInEitherDirectionLeavesMemoryFlat(t *testing.T) {
	var took atomic.Int64
	w := open(t, setup{sandbox: swallow(&took)})
	const size = mebibyte
	warm := v3 + "x?size=" + strconv.Itoa(size)
	w.unix.send(t, "POST", warm, strings.Repeat("x", size)).expect(t, http.StatusOK, "")
	before := w.peak(t)

	t.Run("to Mashery", func(t *testing.T) {
		took.Store(0)
		answer, err := w.unix.try("POST", v3+"x", io.LimitReader(endless{}, gibibyte))
		if err != nil || answer.status != http.StatusOK || took.Load() != gibibyte {
			t.Errorf("%d bytes arrived, the answer is %d (%v)", took.Load(), answer.status, err)
		}
	})
	t.Run("from Mashery", func(t *testing.T) {
		r, err := w.unix.request("GET", v3+"x?size="+strconv.Itoa(gibibyte), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.unix.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n != gibibyte || err != nil {
			t.Errorf("%d bytes arrived (%v)", n, err)
		}
	})
	if grown := w.peak(t) - before; grown > 32*mebibyte {
		t.Errorf("memory grew by %d MiB", grown/mebibyte)
	}
}

func TestAnAnswerArrivesAsItComes(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/slow": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "first")
			_ = http.NewResponseController(w).Flush()
			<-goOn
			_, _ = io.WriteString(w, "second")
		}),
	}}}})
	r, err := w.tcp.request("GET", v3+"slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.tcp.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
		t.Errorf("%q (%v)", first, err)
	}
	close(goOn)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "second" {
		t.Errorf("%q (%v)", rest, err)
	}
}

func TestABrokenAnswerIsBrokenForTheCallerToo(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/half": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `[{"id":1},`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}),
	}}}})
	if answer, err := w.tcp.try("GET", v3+"half", nil); err == nil {
		t.Errorf("it ended well: %d %q", answer.status, answer.body)
	}
	w.tcp.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
}

func TestAClientThatLeavesStopsTheCallAtMashery(t *testing.T) {
	t.Parallel()
	here, left := make(chan struct{}), make(chan struct{})
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/slow": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(here)
			<-r.Context().Done()
			close(left)
		}),
	}}}})
	r, err := w.unix.request("GET", v3+"slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := w.unix.client.Do(r.WithContext(ctx)); done <- err }()
	<-here
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	eventually(t, "Mashery's request ends", func() bool {
		select {
		case <-left:
			return true
		default:
			return false
		}
	})
}

func TestBodiesOfAnyKindArePassedOn(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: everything(`{}`)})
	binary := string([]byte{0, 1, 2, 0xff, 0xfe, '\r', '\n', 0})
	for name, test := range map[string]struct{ body, kind string }{
		"XML":    {"<service/>", "text/xml"},
		"a form": {"a=b&c=d;e", "application/x-www-form-urlencoded"},
		"bytes":  {binary, "application/octet-stream"},
		"gzip":   {binary, ""},
	} {
		header := []string{"Content-Type", test.kind}
		if test.kind == "" {
			header = []string{"Content-Encoding", "gzip"}
		}
		w.tcp.send(t, "PUT", v3+"x", test.body, header...).expect(t, http.StatusOK, "")
		sent := w.last(t)
		if string(sent.Body) != test.body || sent.Header.Get("Content-Type") != test.kind || sent.ContentLength != int64(len(test.body)) {
			t.Errorf("%s: sent was %q as %q, %d bytes", name, sent.Body, sent.Header.Get("Content-Type"), sent.ContentLength)
		}
	}
	if _, err := w.tcp.try("POST", v3+"x", io.MultiReader(bytes.NewReader([]byte("a")), strings.NewReader("b"))); err != nil {
		t.Fatal(err)
	}
	if sent := w.last(t); string(sent.Body) != "ab" || sent.ContentLength != -1 {
		t.Errorf("chunked: sent was %q, length %d", sent.Body, sent.ContentLength)
	}
}

func TestAMasheryThatIsNotThereIsUnreachable(t *testing.T) {
	t.Parallel()
	w := &world{Sandbox: startSandbox(t, sandbox.Options{})}
	w.root = rootOf(t, w.Sandbox)
	w.write(t, "mash-creds/config", map[string]any{"v3_endpoint": "http://127.0.0.1:1/v3/rest"})
	w.config = configured(t, w.Sandbox, edit{`v3_endpoint = "` + w.MasheryURL(), `v3_endpoint = "http://127.0.0.1:1`})
	w.start(t, setup{})
	eventually(t, "it is logged in", func() bool { return w.unix.get(t, lookup).status == http.StatusOK })
	answer := w.tcp.get(t, v3+"services").expect(t, http.StatusBadGateway, "mashery_unreachable")
	contains(t, "the error", answer.errors(t), "127.0.0.1:1")
	if _, err := os.Stat(w.Socket()); err != nil {
		t.Error(err)
	}
}
