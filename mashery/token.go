// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"encoding/json"
	"errors"
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
// with *[TokenError] when refused, *[UnreachableError] or *[TimeoutError].
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
		return Token{}, newTokenError(resp, body, creds.APIKey, creds.Secret, creds.Password, NewSecret(form.Get("refresh_token")))
	}
	return parseToken(resp.Header, body)
}

func parseToken(h http.Header, body []byte) (Token, error) {
	var answer struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		ExpiresIn    json.Number `json:"expires_in"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return Token{}, errors.New("the token endpoint answered 200 without an access token; check v3_token_endpoint")
	}
	seconds, err := answer.ExpiresIn.Int64()
	if err != nil || seconds <= 0 || seconds > longestLife {
		return Token{}, errors.New("the token endpoint's answer has no usable expires_in; check v3_token_endpoint")
	}
	date, _ := http.ParseTime(h.Get("Date")) // zero when absent or odd
	return Token{
		Access:    NewSecret(answer.AccessToken),
		Refresh:   NewSecret(answer.RefreshToken),
		ExpiresIn: time.Duration(seconds) * time.Second,
		Date:      date,
	}, nil
}

// TokenError is a refusal of the token endpoint, in Mashery's words.
type TokenError struct {
	Status int
	// ErrorCode is the gateway's (X-Mashery-Error-Code); "": not told.
	ErrorCode string
	// OAuth is the OAuth error, such as invalid_grant; "": not told.
	OAuth string
	// Detail is its description; "": not told.
	Detail string
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
	return &TokenError{
		Status:    resp.StatusCode,
		ErrorCode: withhold(resp.Header.Get(HeaderErrorCode), secrets),
		OAuth:     withhold(answer.Error, secrets),
		Detail:    withhold(detail, secrets),
	}
}

// withhold takes the secrets, plain and as a form has them, out of what
// Mashery said.
func withhold(said string, secrets []Secret) string {
	for _, secret := range secrets {
		if text := secret.Reveal(); text != "" {
			said = strings.NewReplacer(text, redacted, url.QueryEscape(text), redacted).Replace(said)
		}
	}
	return said
}

func (e *TokenError) Error() string {
	text := fmt.Sprintf("Mashery refused an access token with status %d; check the role's key, secret, user, password and area.", e.Status)
	for _, said := range []string{e.ErrorCode, e.OAuth, e.Detail} {
		if said != "" {
			text += " " + said
		}
	}
	return text
}
