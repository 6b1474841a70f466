// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"
	vaulthttp "github.com/hashicorp/vault/http"

	"mashproxy/agentext/apierror"
)

// keptBody is the longest body that is kept in memory: such a request can be
// sent again, and can be answered by the lease cache.
const keptBody = 1 << 20

var errTimeout = errors.New("Vault did not answer in time")

// A call is one request on its way to Vault.
type call struct {
	exchange
	request  *http.Request // as it goes to Vault, but for its token
	token    string        // what it goes with; "" for none
	own      bool          // token is the auto-auth token
	loggedIn bool          // false when it should go with that token and there is none yet
}

// newCall prepares r, without touching it. Its body is read as far as it is kept.
func (h *Handler) newCall(r *http.Request) (*call, *apierror.Error) {
	// The lease cache keeps the request as long as its lease, and no longer
	// needs what hangs on the connection's context.
	c := &call{request: r.Clone(context.Background()), loggedIn: true}
	dropHopByHop(c.request.Header)
	h.authorize(c)
	if c.request.Host == "" { // HTTP/1.0; the lease cache cannot do without
		c.request.Host = "vault"
	}
	if h.asksToWrapOwnToken(c) {
		return nil, apierror.New(http.StatusForbidden, apierror.CredentialWithheld,
			"this answer holds the proxy's own Vault token and cannot be wrapped: ask without X-Vault-Wrap-TTL")
	}
	kept, err := io.ReadAll(io.LimitReader(r.Body, keptBody+1))
	if err != nil {
		return nil, brokenBody(err)
	}
	if len(kept) <= keptBody {
		c.kept = kept
		c.request.ContentLength = int64(len(kept))
		c.request.TransferEncoding = nil
	} else {
		c.stream = io.MultiReader(bytes.NewReader(kept), r.Body)
		c.length = r.ContentLength
	}
	return c, nil
}

func brokenBody(err error) *apierror.Error {
	return apierror.New(http.StatusBadRequest, apierror.BadRequest, "the request's body could not be read: %v", err)
}

// authorize chooses the token as Vault Proxy does (cache.ProxyHandler). When
// the own one is forced no token of the client's goes on, in neither of the
// places Vault's server looks at (http.getTokenFromReq).
func (h *Handler) authorize(c *call) {
	header := c.request.Header
	client := header.Get(api.AuthHeaderName)
	header.Del(api.AuthHeaderName)
	if h.vault.force {
		client = ""
		dropBearer(header)
	}
	switch own := h.identity.Token(); {
	case client != "":
		c.token, c.own = client, client == own
	case h.vault.useOwn:
		c.token, c.own = own, own != ""
		c.loggedIn = own != ""
	}
}

func dropBearer(header http.Header) {
	const name = "Authorization"
	var others []string
	for _, value := range header[name] {
		scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			others = append(others, value)
		}
	}
	if header.Del(name); others != nil {
		header[name] = others
	}
}

// dropHopByHop removes what concerns one connection only. What "Connection"
// names goes too, unless Vault acts on it: nobody before us may have looked at
// another namespace than Vault then does.
func dropHopByHop(header http.Header) {
	for _, line := range header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if !strings.HasPrefix(name, "X-Vault-") && name != "Authorization" {
				header.Del(name)
			}
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Http2-Settings",
	} {
		header.Del(name)
	}
}

// sentPath is the path as the API proxy sends it: decoded, and cleaned by
// api.Client.NewRequest.
func (c *call) sentPath() string { return path.Join("/", c.request.URL.Path) }

// asksToWrapOwnToken says whether the answer would hold the own token inside a
// wrapping token, with which it could be had from Vault directly. A call that
// comes before the login may go with that token yet.
func (h *Handler) asksToWrapOwnToken(c *call) bool {
	if !c.own && c.loggedIn || c.request.Header.Get(vaulthttp.WrapTTLHeaderName) == "" {
		return false
	}
	_, rest, found := strings.Cut(c.sentPath(), "/auth/token/") // after any namespace
	return found && (strings.HasPrefix(rest, "lookup") || strings.HasPrefix(rest, "renew"))
}

// asksForOwnToken says whether the request looks up or renews the own token,
// as Vault Proxy's sanitizeAutoAuthTokenResponse does.
func (c *call) asksForOwnToken(secrets []string) bool {
	switch c.sentPath() {
	case "/v1/auth/token/lookup-self", "/v1/auth/token/renew-self":
		return c.own
	case "/v1/auth/token/lookup", "/v1/auth/token/renew":
		var body struct {
			Token string `json:"token"`
		}
		// A body that is no JSON asks for no token; Vault refuses it.
		_ = json.Unmarshal(c.kept, &body)
		return body.Token == "" && c.own || isOneOf(secrets, body.Token)
	}
	return false
}

// send sends the call through next. The caller's context ends it, and so does
// Vault's silence.
func (c *call) send(ctx context.Context, next cache.Proxier) (*cache.SendResponse, error) {
	c.answered.Store(false)
	c.request.Body = io.NopCloser(bytes.NewReader(c.kept))
	response, err := next.Send(withExchange(ctx, &c.exchange), &cache.SendRequest{
		Token:       c.token,
		Request:     c.request,
		RequestBody: c.kept,
	})
	c.answered.Store(true)
	if response == nil && c.last != nil {
		// Vault did answer: the lease cache could not make anything of it,
		// such as a list that is a JSON array.
		response = c.last
		response.Response.Body = io.NopCloser(bytes.NewReader(response.ResponseBody))
	}
	return response, err
}
