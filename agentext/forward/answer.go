// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/command/agentproxyshared/cache"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/agentext/apierror"
)

// searchedWhole is the longest answer that is searched before any of it is
// passed on; of a longer one the start may be gone when the token turns up.
const searchedWhole = 1 << 20

var errEncoding = errors.New("in an encoding that cannot be searched")

// An answer is Vault's, on its way to the client.
type answer struct {
	status int
	header http.Header
	body   io.Reader
	held   bool // all of body is in memory
	short  bool // body is expected to come at once
	hit    *cache.CacheMeta
}

// newAnswer takes what came back from Vault.
func newAnswer(c *call, response *cache.SendResponse) *answer {
	a := &answer{
		status: response.Response.StatusCode,
		header: response.Response.Header.Clone(),
		body:   response.Response.Body,
		held:   true,
		hit:    response.CacheMeta,
	}
	if c.body != nil {
		a.body, a.held, a.short = c.body, false, isShort(response.Response.Response)
	}
	dropHopByHop(a.header)
	if c.location != "" {
		a.header.Set("Location", c.location)
	}
	return a
}

// isShort says whether an answer can be expected to come at once: a stream of
// Vault's, such as sys/monitor, neither knows its length nor is JSON.
func isShort(response *http.Response) bool {
	if response.ContentLength >= 0 {
		return response.ContentLength <= searchedWhole
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return kind == "application/json"
}

// decode undoes a compression nobody asked for: it would hide a token.
func (a *answer) decode() error {
	encoding := strings.ToLower(a.header.Get("Content-Encoding"))
	if encoding == "" || encoding == "identity" {
		return nil
	}
	if encoding != "gzip" {
		return errEncoding
	}
	plain, err := gzip.NewReader(a.body)
	if err != nil {
		return errEncoding
	}
	a.body, a.held = plain, false
	a.header.Del("Content-Encoding")
	a.header.Del("Content-Length")
	return nil
}

// start reads the part of the body that is looked at before anything is passed
// on. complete says that it is all of it.
func (a *answer) start() (text []byte, complete bool, err error) {
	switch {
	case a.held:
		text, err = io.ReadAll(a.body)
		return text, true, err
	case a.short:
		text, err = io.ReadAll(io.LimitReader(a.body, searchedWhole+1))
		return text, len(text) <= searchedWhole, err
	}
	text = make([]byte, 32<<10)
	n, err := a.body.Read(text)
	if err == io.EOF {
		return text[:n], true, nil
	}
	return text[:n], false, err
}

// cacheHeaders are Vault Proxy's (cache.setHeaders).
func (a *answer) cacheHeaders() {
	if a.status >= http.StatusBadRequest || a.hit == nil {
		return
	}
	a.header.Set("X-Cache", "MISS")
	if a.hit.Hit {
		a.header.Set("X-Cache", "HIT")
		a.header.Set("Age", strconv.FormatInt(int64(a.hit.Age.Round(time.Second).Seconds()), 10))
		a.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
}

// withoutToken removes from an answer to a look-up or renewal what Vault Proxy
// removes: the token's id and accessor. Text that is no such answer stays.
func withoutToken(text []byte) []byte {
	var secret map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&secret) != nil {
		return text
	}
	if data, ok := secret["data"].(map[string]any); ok {
		delete(data, "id")
		delete(data, "accessor")
	}
	if auth, ok := secret["auth"].(map[string]any); ok {
		auth["client_token"] = ""
		auth["accessor"] = ""
	}
	clean, err := json.Marshal(secret)
	if err != nil {
		return text
	}
	return clean
}

// saysInvalidToken says whether text is Vault's refusal of a token that is
// none, or no more: not of a path, and not a plugin's own words.
func saysInvalidToken(text []byte) bool {
	var refusal struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(text, &refusal) != nil {
		return false
	}
	invalid := logical.ErrInvalidToken.Error()
	for _, line := range refusal.Errors {
		if line == invalid || strings.Contains(line, "* "+invalid) {
			return true
		}
	}
	return false
}

func withheld(status int) *apierror.Error {
	return apierror.New(status, apierror.CredentialWithheld,
		"Vault's answer holds the proxy's own Vault token, which never leaves it; auth/token/lookup-self tells all else about it")
}
