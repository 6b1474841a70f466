// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAnswersStream(t *testing.T) {
	more := make(chan struct{})
	c := start(t, route3("slow", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-more:
			_, _ = io.WriteString(w, "second\n")
		case <-r.Context().Done():
		}
	}))
	answer, err := c.http.Get(c.url + rolePath + "proxy/v3/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("%q, %v", line, err)
	}
	close(more) // only now that the first line was seen
	if line, err := lines.ReadString('\n'); line != "second\n" {
		t.Fatalf("%q, %v", line, err)
	}
}

func TestBodiesStream(t *testing.T) {
	seen := make(chan string)
	c := start(t, route3("slow", func(w http.ResponseWriter, r *http.Request) {
		lines := bufio.NewReader(r.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			seen <- line
		}
	}))
	body, feed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		answer, err := c.http.Post(c.url+rolePath+"proxy/v3/slow", "text/plain", body)
		if err == nil {
			err = answer.Body.Close()
		}
		ended <- err
	}()
	for _, line := range []string{"first\n", "second\n"} {
		if _, err := io.WriteString(feed, line); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != line {
			t.Fatalf("Mashery saw %q", got)
		}
	}
	feed.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnAnswerThatBreaksOffBreaksOffHereToo(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"of a known length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "[")
		},
		"of an unknown length": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "[")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	}
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, route3("broken", handler))
			answer, err := c.http.Get(c.url + rolePath + "proxy/v3/broken")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if text, err := io.ReadAll(answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

func TestACallerWhoLeavesEndsTheCallUpstream(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	c := start(t, route3("slow", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(left)
	}))
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", c.url+rolePath+"proxy/v3/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-arrived; leave() }()
	if _, err := c.http.Do(r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-left
}

// TestACallerWhoStopsSendingIsNotToldThatAllWasWell half-closes its connection,
// which net/http takes for leaving, while the grant is on its way.
func TestACallerWhoStopsSendingIsNotToldThatAllWasWell(t *testing.T) {
	c := start(t)
	asked := make(chan struct{})
	c.vault.answer = func(ctx context.Context, _ string, _ url.Values) (map[string]any, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "GET "+rolePath+"proxy/v3/services HTTP/1.1\r\nHost: a\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("%q, %v", answer, err)
	}
}
