// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"sync"
	"time"
)

// dialer makes connections. Of one to an egress proxy it sees to it that the
// proxy answers: net/http itself allows a minute for that, and tells what goes
// wrong as if it were Mashery's doing.
type dialer struct {
	net.Dialer
	proxies sync.Map // the addresses of egress proxies, host:port
}

// by takes note of the proxy by which a request goes; nil: none.
func (d *dialer) by(proxy *url.URL, err error) (*url.URL, error) {
	if proxy != nil && proxy.Scheme == "http" { // of the others, net/http asks in other ways
		d.proxies.Store(net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "80")), nil)
	}
	return proxy, err
}

// DialContext is for http.Transport.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if _, isProxy := d.proxies.Load(address); isProxy {
		conn = &asking{Conn: conn, proxy: address}
		err = conn.SetReadDeadline(time.Now().Add(d.Timeout))
	}
	return newSocket(conn), err
}

// socket is a connection of which is known when it was closed, which net/http
// does not tell.
type socket struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func newSocket(conn net.Conn) *socket { return &socket{Conn: conn, closed: make(chan struct{})} }

func (s *socket) Close() error {
	err := s.Conn.Close()
	s.once.Do(func() { close(s.closed) }) // from now on nothing can be written
	return err
}

// endOf is closed with the socket of a connection; nil: it is of another making.
func endOf(conn net.Conn) <-chan struct{} {
	for {
		switch c := conn.(type) {
		case *socket:
			return c.closed
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// asking is a connection to an egress proxy, whose first bytes must be an
// answer of HTTP, to its blank line. One reader at a time reads those.
type asking struct {
	net.Conn
	proxy    string
	end      []byte // of what was read of the answer
	answered bool
}

func (a *asking) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	if a.answered {
		return n, err
	}
	switch protocol := []byte("HTTP/"); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, egressError(a.proxy, "the egress proxy did not answer in time")
	case err != nil:
		return 0, egressError(a.proxy, "the egress proxy ended the connection without an answer")
	case a.end == nil && !bytes.HasPrefix(p[:n], protocol[:min(n, len(protocol))]):
		return 0, egressError(a.proxy, "the egress proxy does not answer as an HTTP proxy does; check its address")
	}
	read := append(a.end, p[:n]...)
	a.end = read[max(0, len(read)-len("\n\r")):]
	if !bytes.Contains(read, []byte("\n\r\n")) && !bytes.Contains(read, []byte("\n\n")) {
		return n, nil
	}
	a.answered = true
	return n, a.Conn.SetReadDeadline(time.Time{})
}
