// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Egress is the proxy through which Mashery is reached. What goes through it
// is TLS from end to end: it sees host names only.
type Egress struct {
	// Address is that of the proxy; see [ParseEgress].
	Address *url.URL
	// Authorization is the value of Proxy-Authorization; absent: none is sent.
	Authorization Secret
}

// ParseEgress reads the address of an egress proxy: host:port, or http://host:port.
// No error repeats what may be a password.
func ParseEgress(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the egress proxy's address cannot be read; write it like proxy.example.com:3128")
	case u.User != nil:
		return nil, errors.New("the egress proxy's address must not hold a user or password; there are settings of their own for them")
	case u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the egress proxy's address must be host:port or http://host:port; calls to Mashery are TLS all the way through it")
	case !dialable(u):
		return nil, errors.New("the egress proxy's port cannot be; ports are from 1 to 65535")
	}
	u.Path = ""
	return u, nil
}

// route is for http.Transport.Proxy: e, or the environment's proxy where e is
// nil. A loopback address is dialled directly where it is spoken to in clear, or
// would be another machine's: at a proxy that is not on loopback itself.
func (e *Egress) route(r *http.Request) (*url.URL, error) {
	if e == nil {
		return http.ProxyFromEnvironment(r)
	}
	if IsLoopback(r.URL.Hostname()) && (r.URL.Scheme != "https" || !IsLoopback(e.Address.Hostname())) {
		return nil, nil
	}
	return e.Address, nil
}

// header is what the proxy is told when it is asked for a connection.
func (e *Egress) header() http.Header {
	if e == nil || e.Authorization.IsZero() {
		return nil
	}
	return http.Header{"Proxy-Authorization": {e.Authorization.Reveal()}}
}

// askingEgress is what was being done when an egress proxy refused.
const askingEgress = "asking egress proxy"

// egressAnswer says in our own words that the proxy refuses, for in its words
// it might repeat what it was told.
func egressAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	text := fmt.Sprintf("the egress proxy refused the connection with status %d", answer.StatusCode)
	if answer.StatusCode == http.StatusProxyAuthRequired {
		text += "; check its credentials"
	}
	return egressError(proxy.Host, text)
}

func egressError(proxy, text string) error {
	return &net.OpError{Op: askingEgress, Net: proxy, Err: errors.New(text)}
}
