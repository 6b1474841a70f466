// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Contact is what was seen of an endpoint by [Probe].
type Contact struct {
	// Status is that of its answer; to a request without a credential it is
	// hardly ever 200.
	Status int
	// TLS is the connection's; nil: it was in clear.
	TLS *tls.ConnectionState
	// Date is the clock of the other end; zero: not told.
	Date time.Time
}

// Probe asks an endpoint for an answer, whatever it be, and sends no
// credential. It fails with *[UnreachableError], *[TimeoutError] or the
// context's error.
func Probe(ctx context.Context, transport http.RoundTripper, endpoint *url.URL) (*Contact, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, sendError(ctx, endpoint.Host, err)
	}
	defer drain(resp)
	date, _ := http.ParseTime(resp.Header.Get("Date")) // zero when absent or odd
	return &Contact{Status: resp.StatusCode, TLS: resp.TLS, Date: date}, nil
}

// String says what was seen, the server's certificate in the words of a [Pin].
func (c *Contact) String() string {
	if c.TLS == nil || len(c.TLS.PeerCertificates) == 0 {
		return fmt.Sprintf("status %d, in clear", c.Status)
	}
	leaf := c.TLS.PeerCertificates[0]
	return fmt.Sprintf("status %d, %s, %s, issued by %q, good until %s", c.Status, tls.VersionName(c.TLS.Version),
		describe(leaf), leaf.Issuer.CommonName, leaf.NotAfter.UTC().Format(time.DateOnly))
}
