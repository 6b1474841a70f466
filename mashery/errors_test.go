// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// tellsNothing looks for what an error must not repeat.
func tellsNothing(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"the-key", "the-signature", "the-token", "apikey", "sig=", "Bearer", "json-rpc", "rest/", "hunter2"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q repeats %q", err, secret)
		}
	}
}

// both calls through V2 and V3 once and returns what failed.
func both(t *testing.T, s *Sender) map[string]error {
	t.Helper()
	failed := make(map[string]error)
	for name, grant := range map[string]*Grant{"V2": v2Grant(), "V3": v3Grant()} {
		got, err := s.Send(t.Context(), &Call{API: grant.API, Method: http.MethodPost, Path: "services"}, from(grant))
		if err == nil {
			got.Body.Close()
			t.Fatalf("%s did not fail", name)
		}
		tellsNothing(t, err)
		failed[name] = err
	}
	return failed
}

func TestAMasheryThatCannotBeReachedIsNamed(t *testing.T) {
	server := httptest.NewServer(nil)
	s := reach(t, server)
	server.Close()
	for api, err := range both(t, s) {
		away := (*UnreachableError)(nil)
		if !errors.As(err, &away) || away.Host != s.V3.Host || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: got %v", api, err)
		}
		if !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%s: %q does not say why", api, err)
		}
	}
}

func TestAPeerThatDoesNotSpeakHTTPIsUnreachableAndNotQuoted(t *testing.T) {
	for _, test := range []struct {
		name  string
		serve func(net.Conn)
		says  string
	}{
		{"one that echoes the request", func(c net.Conn) {
			line, _ := bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, line+line)
		}, "is it an HTTP server"},
		{"one that echoes it as a header", func(c net.Conn) {
			line, _ := bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+strings.ReplaceAll(line, ":", "")+"\r\n")
		}, "is it an HTTP server"},
		{"one that talks of another protocol", func(c net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		}, "status 101"},
		{"one whose status is none", func(c net.Conn) {
			_, _ = bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, "HTTP/1.1 099 Odd\r\nContent-Length: 1\r\n\r\nx")
		}, "status 99"},
		{"one that hangs up", func(c net.Conn) {
			_, _ = bufio.NewReader(c).ReadString('\n')
		}, ""},
		{"one that hangs up within its header", func(c net.Conn) {
			_, _ = bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-A: b")
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for api, err := range both(t, peer(t, test.serve)) {
				if !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s: got %v", api, err)
				}
			}
		})
	}
}

func TestAnAnswerThatIsCutOffIsNotTakenForAWrongScheme(t *testing.T) {
	for name, cut := range map[string]http.HandlerFunc{
		"the exchange is": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"the connection is": func(_ http.ResponseWriter, r *http.Request) {
			_ = r.Context().Value(connKey{}).(net.Conn).Close()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			protocols(t, cut, func(t *testing.T, s *Sender) {
				for api, err := range both(t, s) {
					if !errors.As(err, new(*UnreachableError)) || !strings.HasSuffix(err.Error(), "the connection ended before the answer") {
						t.Errorf("%s: got %v", api, err)
					}
				}
			})
		})
	}
}

func TestACertificateThatIsNotTrustedIsSaid(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	s := reach(t, server)
	s.Transport.(*http.Transport).TLSClientConfig.RootCAs = nil
	for api, err := range both(t, s) {
		if !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: got %v", api, err)
		}
	}
}

func TestHTTPSToAServerOfHTTPIsUnreachable(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = quiet()
	server.Start()
	defer server.Close()
	s := reach(t, server)
	s.V2.Scheme, s.V3.Scheme = "https", "https"
	for api, err := range both(t, s) {
		if !errors.As(err, new(*UnreachableError)) || !strings.Contains(err.Error(), "scheme") {
			t.Errorf("%s: got %v", api, err)
		}
	}
}

func TestAMasheryThatDoesNotAnswerInTimeIsATimeout(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	protocols(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, func(t *testing.T, s *Sender) {
		s.Transport.(*http.Transport).ResponseHeaderTimeout = 20 * time.Millisecond
		for api, err := range both(t, s) {
			if late := (*TimeoutError)(nil); !errors.As(err, &late) || late.Host != s.V3.Host {
				t.Errorf("%s: got %v", api, err)
			}
		}
	})
}

func TestTheCallersOwnTimeoutStaysItsOwn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := reach(t, server).Send(ctx, &Call{API: V3, Method: http.MethodGet}, from(v3Grant()))
	if err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

func TestABodyThatBreaksOffIsNotMasherysFault(t *testing.T) {
	for name, cause := range map[string]error{
		"broken off": io.ErrUnexpectedEOF, "too slow": &net.OpError{Op: "read", Err: timeout{}},
	} {
		t.Run(name, func(t *testing.T) {
			protocols(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			}, func(t *testing.T, s *Sender) {
				call := post("")
				call.Body, call.ContentLength = io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(cause)), 99
				_, err := s.Send(t.Context(), call, from(v3Grant()))
				if !errors.As(err, new(*BodyError)) || errors.As(err, new(*UnreachableError)) || !errors.Is(err, cause) || !strings.Contains(err.Error(), "own body") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestAnErrorThatNamesTheAddressIsNotRepeated(t *testing.T) {
	const address = "https://mashery.example/v2/json-rpc/4711?apikey=the-key&sig=the-signature"
	for name, cause := range map[string]error{"plain": errors.New("dialled " + address), "timed out": timeout{}} {
		t.Run(name, func(t *testing.T) {
			talkative := roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, &url.Error{Op: "Post", URL: address, Err: cause}
			})
			both(t, sender(talkative))
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&OverQPSError{RetryAfter: 3 * time.Second}, "the API key has no free slot within the longest wait allowed; try again in 3s, make fewer calls at once, or raise max_wait"},
		{&TimeoutError{Host: "mashery.example:443"}, "Mashery at mashery.example:443 did not answer in time"},
		{&UnreachableError{Host: "mashery.example", cause: &net.DNSError{Name: "mashery.example"}}, "no answer from Mashery at mashery.example: its name could not be resolved; check the endpoint"},
		{&UnreachableError{Host: "mashery.example", cause: errors.New("http2: client connection lost")}, "no answer from Mashery at mashery.example: the connection ended before the answer"},
		{&UnreachableError{Host: "mashery.example", cause: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}, "no answer from Mashery at mashery.example: the connection ended before the answer"},
		{&UnreachableError{Host: "mashery.example", cause: io.EOF}, "no answer from Mashery at mashery.example: the connection ended before the answer"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
