// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// tokenAnswerLimit bounds what is read of the token endpoint's answer.
	tokenAnswerLimit = 1 << 20
	// longestLife is the longest life of a token that is believed, in seconds:
	// a hundred years.
	longestLife = 100 * 365 * 24 * 60 * 60
)

// Token is a V3 access token as the token endpoint gives it.
type Token struct {
	Access Secret
	// Refresh buys a successor; it may be absent.
	Refresh Secret
	// ExpiresIn is the life left when the token was given; 3600 s at Mashery.
	ExpiresIn time.Duration
	// Date is Mashery's clock as it answered; zero: not told.
	Date time.Time
}

// TokenClient asks Mashery's token endpoint
// [developer.mashery.com, V3 Authentication].
type TokenClient struct {
	HTTP     http.RoundTripper
	Endpoint *url.URL
}

// Password asks for a token with the account's name and password. It fails
// with *[TokenError] when there is none in the answer, *[UnreachableError] or
// *[TimeoutError].
func (c *TokenClient) Password(ctx context.Context, creds Credentials) (Token, error) {
	return c.ask(ctx, creds, url.Values{
		"grant_type": {"password"},
		"username":   {creds.Username},
		"password":   {creds.Password.Reveal()},
		"scope":      {creds.AreaID},
	})
}

// Refresh asks for a successor with a refresh token. It fails as Password does.
func (c *TokenClient) Refresh(ctx context.Context, creds Credentials, refresh Secret) (Token, error) {
	return c.ask(ctx, creds, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refresh.Reveal()},
	})
}

func (c *TokenClient) ask(ctx context.Context, creds Credentials, form url.Values) (Token, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return Token{}, err
	}
	req.SetBasicAuth(creds.APIKey.Reveal(), creds.Secret.Reveal())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.HTTP.RoundTrip(req)
	if err != nil {
		return Token{}, sendError(ctx, c.Endpoint.Host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, tokenAnswerLimit))
	if err != nil {
		return Token{}, sendError(ctx, c.Endpoint.Host, err)
	}
	if resp.StatusCode != http.StatusOK {
		return Token{}, newTokenError(resp, body, append(creds.Secrets(), NewSecret(form.Get("refresh_token")))...)
	}
	return parseToken(resp.Header, body)
}

// usable tells a token that can be sent in a header: visible ASCII, and not
// longer than servers take.
func usable(token string) bool {
	invisible := func(c rune) bool { return c <= ' ' || c > '~' }
	return token != "" && len(token) <= 8<<10 && !strings.ContainsFunc(token, invisible)
}

func parseToken(h http.Header, body []byte) (Token, error) {
	var answer struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		ExpiresIn    json.Number `json:"expires_in"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return Token{}, &TokenError{Status: http.StatusOK, Detail: "without an access token"}
	}
	if !usable(answer.AccessToken) {
		return Token{}, &TokenError{Status: http.StatusOK, Detail: "without a usable access token"}
	}
	if !usable(answer.RefreshToken) {
		answer.RefreshToken = "" // there is the password
	}
	seconds, err := answer.ExpiresIn.Int64()
	if err != nil || seconds <= 0 || seconds > longestLife {
		return Token{}, &TokenError{Status: http.StatusOK, Detail: "with no usable expires_in"}
	}
	date, _ := http.ParseTime(h.Get("Date")) // zero when absent or odd
	return Token{
		Access:    NewSecret(answer.AccessToken),
		Refresh:   NewSecret(answer.RefreshToken),
		ExpiresIn: time.Duration(seconds) * time.Second,
		Date:      date,
	}, nil
}

// TokenError is an answer of the token endpoint that is no token.
type TokenError struct {
	// Status is that of the answer; 200: it says that it is a token, and is none
	// that can be used.
	Status int
	// ErrorCode is the gateway's (X-Mashery-Error-Code); "": not told.
	ErrorCode string
	// OAuth is the OAuth error, such as invalid_grant; "": not told.
	OAuth string
	// Detail is its description, in Mashery's words; "": not told.
	Detail string
	// RetryAfter is when to ask again where the API key has spent its calls of
	// this second; 0 anywhere else.
	RetryAfter time.Duration
}

// newTokenError reads a refusal, in whose words none of the secrets is repeated.
func newTokenError(resp *http.Response, body []byte, secrets ...Secret) *TokenError {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &answer) // the gateway's own refusals are not JSON
	detail := answer.Description
	if detail == "" {
		detail = resp.Header.Get("X-Error-Detail-Header")
	}
	e := &TokenError{
		Status:    resp.StatusCode,
		ErrorCode: PlainWords(resp.Header.Get(HeaderErrorCode), secrets...),
		OAuth:     PlainWords(answer.Error, secrets...),
		Detail:    PlainWords(detail, secrets...),
	}
	if judge(V3, resp) == overQPS {
		e.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	return e
}

// Refused tells whether Mashery refused the credentials, so that asking again
// changes nothing. Any other answer is Mashery's own trouble.
func (e *TokenError) Refused() bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return true
	case http.StatusForbidden:
		return e.ErrorCode == ErrNotAuthorized || e.ErrorCode == ErrDeveloperInactive
	case http.StatusBadRequest:
		switch e.OAuth {
		case "invalid_grant", "invalid_scope", "invalid_client", "unauthorized_client": // [RFC 6749, 5.2]
			return true
		}
	}
	return false
}

func (e *TokenError) Error() string {
	var text string
	switch {
	case e.Refused():
		text = fmt.Sprintf("Mashery refused an access token with status %d; check the role's key, secret, user, password and area.", e.Status)
	case e.Status == http.StatusOK:
		return fmt.Sprintf("Mashery's token endpoint answered 200 %s; check v3_token_endpoint, the role is not the matter", e.Detail)
	case e.RetryAfter > 0:
		text = fmt.Sprintf("Mashery gives no more access tokens to this API key in this second, whose calls are spent; nothing is wrong with the role. Try again in %s, and ask for fewer tokens at once.", wholeSeconds(e.RetryAfter))
	case e.ErrorCode == ErrDeveloperOverRate:
		text = fmt.Sprintf("Mashery gives no more access tokens to this API key, whose quota is spent (status %d); nothing is wrong with the role. Try again when the quota begins anew.", e.Status)
	default:
		text = fmt.Sprintf("Mashery's token endpoint answered with status %d instead of a token: the trouble is Mashery's, not the role's. Try again later, and check v3_token_endpoint.", e.Status)
	}
	for _, said := range []string{e.ErrorCode, e.OAuth, e.Detail} {
		if said != "" {
			text += " " + said
		}
	}
	return text
}
