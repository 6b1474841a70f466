// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// API is one of Mashery's two administration APIs.
type API int

// The two APIs, numbered as Mashery numbers them.
const (
	V2 API = 2
	V3 API = 3
)

// String is "v2" or "v3".
func (a API) String() string { return "v" + strconv.Itoa(int(a)) }

// Grant is a role's short-lived credential: what one call is signed with. It
// is shared by calls and must not be changed.
type Grant struct {
	API API

	// V2: the API key, the area's number and the signature.
	APIKey    Secret
	AreaNID   int64
	Signature Secret

	// V3: the access token.
	AccessToken Secret

	// Endpoint is the address of the API that the grant is for; "": not told.
	Endpoint string
	// QPS is what the role may spend, in calls a second; 0: not told.
	QPS float64
	// KeyID names the API key without revealing it; "": not told. Grants
	// with one KeyID spend one budget.
	KeyID string
}

// Source yields what a call is signed with.
type Source interface {
	// Grant returns a live grant. Its error is what [Sender.Send] returns.
	Grant(ctx context.Context) (*Grant, error)
	// Dead tells that Mashery refused g, and asks whether another grant can be had.
	// If not, Mashery's answer is passed on. OfCall says that it may have refused
	// what the call asks for.
	Dead(g *Grant, ofCall bool) (another bool)
}

// sign puts the credential on a request that already carries everything else,
// so that nothing of the caller's can displace it.
func (g *Grant) sign(r *http.Request) {
	if g.API == V3 {
		r.Header.Set("Authorization", "Bearer "+g.AccessToken.Reveal())
		return
	}
	r.URL.RawQuery = "apikey=" + url.QueryEscape(g.APIKey.Reveal()) + "&sig=" + url.QueryEscape(g.Signature.Reveal())
}

// in tells whether text holds the credential as a request has it.
func (g *Grant) in(text string) bool {
	return g.AccessToken.in(text) || g.Signature.in(text) || g.APIKey.in(text)
}
