// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// counted is a server of TLS that counts its connections, and holds answers to
// calls of "slow" back.
type counted struct {
	*httptest.Server
	made    atomic.Int64
	closed  chan struct{} // a connection was
	arrived chan struct{} // a slow call
	answer  chan struct{} // closed, they are answered
}

func newCounted(t *testing.T, http2 bool) *counted {
	t.Helper()
	c := &counted{closed: make(chan struct{}, 10), arrived: make(chan struct{}), answer: make(chan struct{})}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/rest/slow" {
			c.arrived <- struct{}{}
			<-c.answer
		}
		_, _ = io.WriteString(w, "answered")
	}))
	c.EnableHTTP2 = http2
	c.Config.ErrorLog = quiet()
	c.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			c.made.Add(1)
		case http.StateClosed:
			c.closed <- struct{}{}
		}
	}
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// trusting trusts the server, if its certificate has one of the pins.
func (c *counted) trusting(pins ...Fingerprint) *http.Transport {
	roots := x509.NewCertPool()
	roots.AddCert(c.Certificate())
	config := TransportConfig{RootCAs: roots}
	if len(pins) > 0 {
		config.Pinning = Pinning{Pins: []Pin{{SHA256: pins}}}
	}
	return NewTransport(config)
}

// TestOtherSettingsHoldForAllCallsFromThenOn: also where a connection is idle that
// was made with those of before.
func TestOtherSettingsHoldForAllCallsFromThenOn(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			server := newCounted(t, http2)
			connections := NewConnections(server.trusting())
			defer connections.CloseIdleConnections()
			s := &Sender{Transport: connections, V3: address(server.URL + "/v3/rest")}
			call := &Call{API: V3, Method: http.MethodGet, Path: "services"}
			for _, step := range []struct {
				name    string
				by      *http.Transport // nil: as before
				refused bool
				made    int64 // connections so far
			}{
				{"the server is trusted", nil, false, 1},
				{"it still is", nil, false, 1},
				{"another one is pinned", server.trusting(Fingerprint{1}), true, 2},
				{"this one is pinned, too", server.trusting(Fingerprint{1}, sha256.Sum256(server.Certificate().Raw)), false, 3},
				{"it still is pinned", nil, false, 3},
				{"it is not trusted any more", NewTransport(TransportConfig{RootCAs: x509.NewCertPool()}), true, 4},
			} {
				if step.by != nil {
					connections.Replace(step.by)
				}
				answer, err := s.Send(t.Context(), call, from(v3Grant()))
				if err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
				if step.refused != errors.As(err, new(*tls.CertificateVerificationError)) || !step.refused && err != nil || server.made.Load() != step.made {
					t.Errorf("%s: got %v, by connection %d", step.name, err, server.made.Load())
				}
			}
		})
	}
}

func TestACallUnderWayEndsOnItsConnectionWhichIsNotUsedAgain(t *testing.T) {
	server := newCounted(t, false)
	connections := NewConnections(server.trusting())
	defer connections.CloseIdleConnections()
	s := &Sender{Transport: connections, V3: address(server.URL + "/v3/rest")}
	ended := make(chan error, 1)
	go func() {
		answer, err := s.Send(context.WithoutCancel(t.Context()), &Call{API: V3, Method: http.MethodPost, Path: "slow"}, from(v3Grant()))
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		ended <- err
	}()
	within(t, server.arrived, "the call is at the server")
	connections.Replace(server.trusting(sha256.Sum256(server.Certificate().Raw)))
	close(server.answer)
	if err := within(t, ended, "the call's end"); err != nil {
		t.Errorf("the call under way: %v", err)
	}
	send(t, s, &Call{API: V3, Method: http.MethodGet, Path: "services"}, from(v3Grant()))
	if n := server.made.Load(); n != 2 {
		t.Errorf("%d connections were made", n)
	}
	within(t, server.closed, "the end of the connection of before")
}
