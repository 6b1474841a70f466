// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
)

// route is one way to reach the proxy.
type route struct {
	name string // for people: "TCP", "the unix socket"
	host string
	dial func(context.Context) (net.Conn, error)
	curl string // curl's options for it, with a space at the end
}

// routes are the listeners of the configuration file.
func (s *Sandbox) routes() []route {
	var dialer net.Dialer
	return []route{
		{
			name: "TCP",
			host: s.proxyAddress,
			dial: func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", s.proxyAddress) },
		},
		{
			name: "the unix socket",
			host: "localhost",
			dial: func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "unix", s.Socket()) },
			curl: "--unix-socket " + shellQuote(s.Socket()) + " ",
		},
	}
}

// curlLine is the call as a person would type it.
func (r route) curlLine(c call) string {
	line := "curl -i " + r.curl
	if c.body != "" {
		line += "-H 'Content-Type: application/json' -d " + shellQuote(c.body) + " "
	}
	return line + shellQuote("http://"+r.host+c.path)
}

// do makes the call on a connection of its own.
func (r route) do(ctx context.Context, c call) (answer, error) {
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return r.dial(ctx) },
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, c.method, "http://"+r.host+c.path, strings.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	if c.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: body}, err
}

// shellQuote makes a word that a shell takes as it is.
func shellQuote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
