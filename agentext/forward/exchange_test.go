// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/command/proxy/config"
)

const someToken = "hvs.a-token-of-some-length"

// serve makes a handler reachable over HTTP, as a listener does.
func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// zeros is a body of n zeros, made as it is read.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLongBodiesStreamBothWays(t *testing.T) {
	const size = 64 << 20
	echo := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	for way, c := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
		t.Run(way, func(t *testing.T) {
			handler := newForwarder(t, Config{Client: newClient(t, echo.URL), APIProxy: forced, Cache: c}).Handler(newIdentity(someToken))
			proxy := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				handler.ServeHTTP(w, r)
			}))
			// A body that is only made as the answer to its start is read: it
			// never ends when somebody waits for all of it.
			reader, writer := io.Pipe()
			request, err := http.NewRequestWithContext(t.Context(), "POST", proxy.URL+"/v1/leased/one", reader)
			if err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			go func() {
				_, err := io.Copy(writer, zeros(2<<20))
				written <- err
			}()
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			go func() {
				<-written
				_, err := io.Copy(writer, zeros(size))
				writer.CloseWithError(err)
			}()
			n, err := io.Copy(io.Discard, response.Body)
			if err != nil || n != size+2<<20 {
				t.Errorf("%d bytes came back: %v", n, err)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestAStreamIsPassedOnAsItComes(t *testing.T) {
	next := make(chan string)
	monitor := fakeVault(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for line := range next {
			_, _ = io.WriteString(w, line)
			_ = http.NewResponseController(w).Flush()
		}
	})
	proxy := serve(t, newForwarder(t, Config{Client: newClient(t, monitor.URL), APIProxy: forced}).Handler(newIdentity(someToken)))
	go func() { next <- "one\n" }()
	response, err := http.Get(proxy.URL + "/v1/sys/monitor")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, line := range []string{"one\n", "two\n", "three\n"} {
		if line != "one\n" {
			next <- line
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != line {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	close(next)
	http.DefaultClient.CloseIdleConnections()
}

func TestAStreamThatComesToHoldTheTokenIsCutOff(t *testing.T) {
	const start = "some lines before it\n"
	first := make(chan struct{})
	upstream := fakeVault(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, start+someToken[:10])
		_ = http.NewResponseController(w).Flush()
		<-first
		_, _ = io.WriteString(w, someToken[10:]+" and more\n")
	})
	var text logs
	proxy := serve(t, newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced, Logger: text.logger()}).Handler(newIdentity(someToken)))
	response, err := http.Get(proxy.URL + "/v1/sys/monitor")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	close(first)
	got, err := io.ReadAll(response.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client cannot tell that it is cut off: %v", err)
	}
	if string(got) != start {
		t.Errorf("passed on %q", got)
	}
	if strings.Contains(text.String(), someToken) || !strings.Contains(text.String(), "cut off") {
		t.Errorf("log: %s", text.String())
	}
	http.DefaultClient.CloseIdleConnections()
}

func compressed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestAnswersThatHoldTheToken(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		status int
		body   string
		want   int
	}{
		"in a header":                 {http.Header{"X-Debug": {"a", "token=" + someToken}}, 200, "{}", 502},
		"in an error":                 {nil, 400, `{"errors":["bad ` + someToken + `"]}`, 502},
		"in a 403":                    {nil, 403, `{"errors":["bad ` + someToken + `"]}`, 502},
		"in a redirect's location":    {http.Header{"Location": {"https://elsewhere.test/?t=" + someToken}}, 302, "", 502},
		"in a short text":             {http.Header{"Content-Type": {"text/plain"}}, 200, someToken, 502},
		"compressed though not asked": {http.Header{"Content-Encoding": {"gzip"}}, 200, compressed(someToken), 502},
		"in an unknown encoding":      {http.Header{"Content-Encoding": {"br"}}, 200, "whatever", 502},
		"compressed without it":       {http.Header{"Content-Encoding": {"gzip"}}, 200, compressed("{}"), 200},
		"not there":                   {nil, 200, "{}", 200},
		"all but its last letter":     {nil, 200, someToken[:len(someToken)-1], 200},
	}
	for name, test := range tests {
		for way, c := range map[string]*config.Cache{"API proxy": nil, "lease cache": {}} {
			t.Run(way+": "+name, func(t *testing.T) {
				upstream := fakeVault(t, func(w http.ResponseWriter, _ *http.Request) {
					for name, values := range test.header {
						w.Header()[name] = values
					}
					w.WriteHeader(test.status)
					_, _ = io.WriteString(w, test.body)
				})
				handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced, Cache: c}).Handler(newIdentity(someToken))
				got := ask(t, handler, "GET", "/v1/leased/one", "", nil)
				mustNotHold(t, got, someToken)
				if got.status != test.want {
					t.Errorf("answered %d %s", got.status, got.body)
				}
				if test.want == 502 && got.header.Get("X-Mashproxy-Error") != "credential_withheld" {
					t.Errorf("code %q", got.header.Get("X-Mashproxy-Error"))
				}
				if test.header.Get("Content-Encoding") == "gzip" && test.want == 200 && got.body != "{}" {
					t.Errorf("body %q", got.body)
				}
			})
		}
	}
}

// A chosen token such as a developer's "root" is no text to search for.
func TestAShortTokenHidesNothingElse(t *testing.T) {
	v := startVault(t)
	v.write("auth/token/create", map[string]any{"id": "root", "policies": []string{"root"}})
	handler := newForwarder(t, Config{Client: v.root, APIProxy: forced}).Handler(newIdentity("root"))
	got := ask(t, handler, "GET", "/v1/auth/token/lookup-self", "", nil)
	if got.status != 200 || !strings.Contains(got.body, `"policies":["root"]`) || strings.Contains(got.body, `"id"`) {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

// A token somebody chose may be written differently in JSON.
func TestATokenThatJSONEscapes(t *testing.T) {
	const token = `a-chosen-token-with-<&>"-in-it`
	upstream := fakeVault(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"value":"a-chosen-token-with-\u003c\u0026\u003e\"-in-it"}`)
	})
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced}).Handler(newIdentity(token))
	if got := ask(t, handler, "GET", "/v1/leased/one", "", nil); got.status != 502 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

// Vault's time to answer is not that of the bodies.
func TestBodiesMayTakeLongerThanTheTimeOut(t *testing.T) {
	const timeout = 600 * time.Millisecond
	upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintln(w, n)
		_ = http.NewResponseController(w).Flush()
		<-time.After(timeout * 3 / 2)
		fmt.Fprintln(w, n)
	})
	client := newClient(t, upstream.URL)
	client.SetClientTimeout(timeout)
	proxy := serve(t, newForwarder(t, Config{Client: client, APIProxy: forced}).Handler(newIdentity(someToken)))
	response, err := http.Post(proxy.URL+"/v1/sys/storage/raft/snapshot", "", &slow{pieces: 16, wait: timeout / 8})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if want := fmt.Sprintf("%d\n%[1]d\n", 16*slowPiece); err != nil || string(got) != want {
		t.Errorf("%d %q, %v", response.StatusCode, got, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

const slowPiece = 256 << 10

// slow is a body whose pieces come one by one.
type slow struct {
	pieces int
	wait   time.Duration
	left   int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		if s.pieces == 0 {
			return 0, io.EOF
		}
		s.pieces--
		s.left = slowPiece
		<-time.After(s.wait)
	}
	n := min(s.left, len(p))
	clear(p[:n])
	s.left -= n
	return n, nil
}

func TestARequestBodyThatBreaksOff(t *testing.T) {
	upstream := fakeVault(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), APIProxy: forced}).Handler(newIdentity(someToken))
	for name, body := range map[string]io.Reader{
		"short": io.MultiReader(strings.NewReader("start"), broken{}),
		"long":  io.MultiReader(zeros(keptBody+10), broken{}),
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("POST", "/v1/leased/one", body))
			if w.Code != 400 || w.Header().Get("X-Mashproxy-Error") != "bad_request" {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the client is gone") }

// The API proxy must get a body's bytes where the lease cache keys on them.
func TestShortBodiesAreSentWhole(t *testing.T) {
	var got [sha256.Size]byte
	upstream := fakeVault(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = sha256.Sum256(body)
		if r.ContentLength != int64(len(body)) {
			t.Errorf("Content-Length %d of %d bytes", r.ContentLength, len(body))
		}
	})
	handler := newForwarder(t, Config{Client: newClient(t, upstream.URL), Cache: &config.Cache{}}).Handler(nil)
	for _, n := range []int64{0, 1, keptBody, keptBody + 1, keptBody + 12345} {
		body, _ := io.ReadAll(zeros(n))
		r := httptest.NewRequestWithContext(context.Background(), "PUT", "/v1/leased/one", bytes.NewReader(body))
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if want := sha256.Sum256(body); got != want {
			t.Errorf("%d bytes did not arrive as they were sent", n)
		}
	}
}
