// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"mashproxy/mashery"
)

// tokenBodyLimit bounds the form of a token request.
const tokenBodyLimit = 64 << 10

// tokens are the access and refresh tokens that were given out.
type tokens struct {
	mu      sync.Mutex
	access  map[string]accessToken
	refresh map[string]*key
	sweepAt int // how many access tokens there are when the lapsed are forgotten next
}

type accessToken struct {
	key     *key
	expires time.Time
}

func newTokens() *tokens {
	return &tokens{access: map[string]accessToken{}, refresh: map[string]*key{}}
}

// issue gives k a new pair of tokens, and now and then forgets those that lapsed.
func (t *tokens) issue(k *key, now time.Time, life time.Duration) (access, refresh string) {
	access, refresh = shortID(rand.Reader), shortID(rand.Reader)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.access) >= t.sweepAt {
		maps.DeleteFunc(t.access, func(_ string, a accessToken) bool { return !now.Before(a.expires) })
		t.sweepAt = 2*len(t.access) + 64 // so that many tokens are not looked at with each new one
	}
	t.access[access] = accessToken{k, now.Add(life)}
	t.refresh[refresh] = k
	return access, refresh
}

// owner gives the key a live access token belongs to, or nil.
func (t *tokens) owner(access string, now time.Time) *key {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a, ok := t.access[access]; ok && now.Before(a.expires) {
		return a.key
	}
	return nil
}

// spend uses up a refresh token of k.
func (t *tokens) spend(refresh string, k *key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if owner, ok := t.refresh[refresh]; !ok || owner != k {
		return false
	}
	delete(t.refresh, refresh)
	return true
}

func (t *tokens) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.access)
}

// killOf kills the access tokens of k.
func (t *tokens) killOf(k *key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.access, func(_ string, a accessToken) bool { return a.key == k })
}

func (t *tokens) forget(access string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.access, access)
}

// oauthError is a refusal of the token endpoint: JSON, unlike the gateway's
// others [recorded answers; V2 docs, OAuth Generated Errors].
type oauthError struct {
	status      int
	code        string // X-Mashery-Error-Code
	name        string // of OAuth: invalid_grant…
	description string
}

func badTokenRequest(name, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, "ERR_400_BAD_REQUEST", name, description}
}

// serveToken answers POST /v3/token: Basic credentials and a form
// [V3 docs, Authentication].
func (e *Emulator) serveToken(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	k, wrong := e.clientOf(w, r)
	if wrong == nil {
		if refused := e.admit(http.Header{}, r, k.logins); refused != nil {
			e.counter.add(func(n *Counts) { n.TokensRefused++ })
			e.refuse(w, refused)
			return
		}
		wrong = e.checkGrant(w, r, k)
	}
	if wrong != nil {
		e.refuseToken(w, r, wrong)
		return
	}
	e.counter.add(func(n *Counts) {
		if r.PostForm.Get("grant_type") == "password" {
			n.Password++
		} else {
			n.Refresh++
		}
	})
	if mishapOf(r).has(FaultKillOlder) {
		e.tokens.killOf(k)
	}
	life := e.opts.TokenLife
	if f, is := mishapOf(r).get(FaultTokenLife); is {
		life = f.By
	}
	access, refresh := e.tokens.issue(k, e.now(r), life)
	e.answer(w, r, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "bearer", "expires_in": int(life / time.Second),
		"refresh_token": refresh, "scope": k.creds.AreaID, "mapi": k.creds.APIKey.Reveal(),
	})
}

func (e *Emulator) refuseToken(w http.ResponseWriter, r *http.Request, wrong *oauthError) {
	e.counter.add(func(n *Counts) { n.TokensRefused++ })
	w.Header().Set(mashery.HeaderErrorCode, wrong.code)
	if wrong.status == http.StatusUnauthorized {
		w.Header()["WWW-Authenticate"] = []string{fmt.Sprintf("Basic realm=%q", r.Host)}
	}
	e.answer(w, r, wrong.status, map[string]string{
		"error": wrong.name, "error_description": wrong.description,
	})
}

// clientOf finds whose Basic credentials a token request has, or what is wrong.
func (e *Emulator) clientOf(w http.ResponseWriter, r *http.Request) (*key, *oauthError) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &oauthError{http.StatusMethodNotAllowed, "ERR_400_BAD_REQUEST", "invalid_request", "Use POST"}
	}
	id, secret, ok := r.BasicAuth()
	if !ok || id == "" {
		return nil, &oauthError{http.StatusBadRequest, mashery.ErrNotAuthorized, "invalid_request", "client_id is required"}
	}
	k := e.keys.get(id)
	if k == nil || k.creds.Secret.Reveal() != secret {
		return nil, &oauthError{http.StatusUnauthorized, mashery.ErrNotAuthorized, "invalid_client", "Unknown client"}
	}
	return k, nil
}

// checkGrant reads the form of a token request, and says what is wrong with it.
func (e *Emulator) checkGrant(w http.ResponseWriter, r *http.Request, k *key) *oauthError {
	r.Body = http.MaxBytesReader(w, r.Body, tokenBodyLimit)
	if err := r.ParseForm(); err != nil {
		return badTokenRequest("invalid_request", "The body is not a form")
	}
	switch r.PostForm.Get("grant_type") {
	case "password":
		return passwordGrant(k, r.PostForm.Get)
	case "refresh_token":
		if mishapOf(r).has(FaultDeadRefresh) || !e.tokens.spend(r.PostForm.Get("refresh_token"), k) {
			return badTokenRequest("invalid_grant", "Expired refresh token")
		}
		return nil
	case "":
		return badTokenRequest("invalid_request", "grant_type is required")
	}
	return badTokenRequest("unsupported_grant_type", "Unsupported grant type")
}

func passwordGrant(k *key, form func(string) string) *oauthError {
	switch {
	case form("username") != k.creds.Username || form("password") != k.creds.Password.Reveal():
		return badTokenRequest("invalid_grant", "Invalid resource owner credentials")
	case form("scope") != k.creds.AreaID:
		return badTokenRequest("invalid_scope", "Unknown area")
	}
	return nil
}
