// SPDX-License-Identifier: MPL-2.0

// Package redirect tells Vault's own redirects from those of whatever stands, or
// speaks, in its place. Vault's client (api.Client) follows any of them, to any
// host, and takes the token and what is logged in with along.
package redirect

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"
)

// IsVaults says whether a redirect is Vault's own: a standby node that names the
// active one (307, http.respondStandby), or Vault's router, which adds a slash.
func IsVaults(request *http.Request, answer *http.Response) bool {
	location, err := answer.Location()
	if err != nil || !samePath(location, request.URL) {
		return false
	}
	return answer.StatusCode == http.StatusTemporaryRedirect ||
		location.Host == request.URL.Host && location.Scheme == request.URL.Scheme
}

func samePath(a, b *url.URL) bool {
	return strings.TrimSuffix(a.Path, "/") == strings.TrimSuffix(b.Path, "/")
}

// Error is a redirect that is not Vault's.
type Error struct {
	Host   string // to where; "": unknown
	Status int
}

func (e *Error) Error() string {
	where := "elsewhere"
	if e.Host != "" {
		where = "to " + e.Host
	}
	return fmt.Sprintf("what answers at Vault's address redirects %s with status %d, which Vault does not; is it a load balancer or portal in front of Vault?", where, e.Status)
}

// Guard is a transport to Vault on which any other redirect is an [*Error].
type Guard struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g Guard) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := g.Next.RoundTrip(request)
	if err != nil || answer.Header.Get("Location") == "" || answer.StatusCode/100 != 3 || IsVaults(request, answer) {
		return answer, err
	}
	answer.Body.Close()
	refused := &Error{Status: answer.StatusCode}
	if location, err := answer.Location(); err == nil {
		refused.Host = location.Host
	}
	return nil, refused
}

// Client copies a client so that it follows Vault's own redirects only. Layers are
// put over its transport, the last one outermost.
func Client(client *api.Client, layers ...func(http.RoundTripper) http.RoundTripper) (*api.Client, error) {
	config := client.CloneConfig()
	// Where the address is a unix socket this is the stand-in for it; the
	// transport dials the socket already.
	config.Address, config.AgentAddress = client.Address(), ""
	config.HttpClient.Transport = Guard{config.HttpClient.Transport}
	for _, over := range layers {
		config.HttpClient.Transport = over(config.HttpClient.Transport)
	}
	guarded, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("a client for Vault: %w", err)
	}
	guarded.ClearToken() // that of the environment
	guarded.SetHeaders(client.Headers())
	return guarded, nil
}
