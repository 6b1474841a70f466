// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// request makes the signed request: a clone of the caller's, the credential last.
func (s *sending) request(ctx context.Context, grant *Grant) *http.Request {
	endpoint := s.endpoint(s.call.API)
	// Opaque is sent as it is; Path would be escaped anew.
	u := &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Opaque: endpoint.EscapedPath() + "/"}
	if s.call.API == V2 {
		u.Opaque += strconv.FormatInt(grant.AreaNID, 10)
	} else {
		u.Opaque += unspaced(s.call.Path)
		u.RawQuery, u.ForceQuery = unspaced(s.call.RawQuery), s.call.ForceQuery
	}
	var blank http.Request
	try := s.watch(ctx, grant, u)
	r := blank.WithContext(try)
	r.Method, r.URL, r.Host, r.Header = s.call.Method, u, endpoint.Host, cleanRequestHeader(s.call.Header)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	if s.body != nil {
		r.Body, r.ContentLength = s.body.current, s.call.ContentLength
		r.GetBody = s.bodyAgain
	}
	grant.sign(r)
	return r
}

// bodyAgain is for the transport, which begins anew by itself where an idle
// connection turns out to be closed and nothing was sent.
func (s *sending) bodyAgain() (io.ReadCloser, error) {
	if !s.body.again() {
		return nil, errors.New("too much of the body was sent to begin anew")
	}
	return s.body.current, nil
}

// unspaced escapes the one byte that a request may bring (over HTTP/2) but
// that would end the address in a request line.
func unspaced(s string) string { return strings.ReplaceAll(s, " ", "%20") }
