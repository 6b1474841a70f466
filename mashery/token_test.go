// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

var account = Credentials{
	AreaID: "area-uuid", APIKey: NewSecret("the-key"), Secret: NewSecret("the-secret"),
	Username: "who@example.com", Password: NewSecret("pa&ss=word"),
}

var refreshToken = NewSecret("the-refresh")

// bank is a token endpoint that gives one answer, and what it was asked.
type bank struct {
	client *TokenClient
	asked  *http.Request
	form   url.Values
}

func bankOf(t *testing.T, status int, body string, lines ...string) *bank {
	t.Helper()
	b := new(bank)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		b.asked, b.form = r, r.PostForm
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	transport := NewTransport(TransportConfig{})
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &TokenClient{HTTP: transport, Endpoint: address(server.URL + "/v3/token")}
	return b
}

const tokenAnswer = `{"token_type":"bearer","mapi":"the-key","access_token":"the-token","expires_in":3600,"refresh_token":"the-next-refresh","scope":"area-uuid"}`

func TestATokenIsBought(t *testing.T) {
	for _, test := range []struct {
		name string
		buy  func(*TokenClient) (Token, error)
		form url.Values
	}{
		{"with a password", func(c *TokenClient) (Token, error) {
			return c.Password(t.Context(), account)
		}, url.Values{"grant_type": {"password"}, "username": {"who@example.com"}, "password": {"pa&ss=word"}, "scope": {"area-uuid"}}},
		{"with a refresh token", func(c *TokenClient) (Token, error) {
			return c.Refresh(t.Context(), account, refreshToken)
		}, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"the-refresh"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := bankOf(t, 200, tokenAnswer, "Date: Fri, 01 May 2026 12:00:00 GMT")
			got, err := test.buy(b.client)
			if err != nil {
				t.Fatal(err)
			}
			want := Token{
				Access: NewSecret("the-token"), Refresh: NewSecret("the-next-refresh"),
				ExpiresIn: time.Hour, Date: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
			}
			if got != want {
				t.Errorf("got %q, %q, %s, %s", got.Access.Reveal(), got.Refresh.Reveal(), got.ExpiresIn, got.Date)
			}
			if !reflect.DeepEqual(b.form, test.form) {
				t.Errorf("the form was %v, want %v", b.form, test.form)
			}
			user, password, basic := b.asked.BasicAuth()
			if !basic || user != "the-key" || password != "the-secret" {
				t.Errorf("asked as %q, %q", user, password)
			}
			if b.asked.Method != http.MethodPost || b.asked.RequestURI != "/v3/token" ||
				b.asked.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				t.Errorf("asked %s %s of type %s", b.asked.Method, b.asked.RequestURI, b.asked.Header.Get("Content-Type"))
			}
		})
	}
}

func TestATokenAnswerMayLackWhatIsNotNeeded(t *testing.T) {
	for name, body := range map[string]string{
		"no refresh token":               `{"access_token":"a","expires_in":60}`,
		"a refresh token that cannot be": `{"access_token":"a","expires_in":60,"refresh_token":"a\nb"}`,
		"its life as a string":           `{"access_token":"a","expires_in":"60"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := bankOf(t, 200, body, "Date: sometime").client.Password(t.Context(), account)
			if want := (Token{Access: NewSecret("a"), ExpiresIn: time.Minute}); err != nil || got != want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestAnAnswerThatIsNoTokenIsSaid(t *testing.T) {
	for _, test := range []struct{ name, body, says string }{
		{"a web page", "<html>the-secret</html>", "without an access token"},
		{"nothing", "", "without an access token"},
		{"a list", `["the-secret"]`, "without an access token"},
		{"no access token", `{"expires_in":3600}`, "without an access token"},
		{"an access token that is a number", `{"access_token":1,"expires_in":3600}`, "without an access token"},
		{"more than is read", `{"padding":"` + strings.Repeat("x", tokenAnswerLimit) + `","access_token":"a","expires_in":1}`, "without an access token"},
		{"an access token with a line break", `{"access_token":"a\r\nX-Evil: 1","expires_in":3600}`, "without a usable access token"},
		{"an access token with a blank", `{"access_token":"a b","expires_in":3600}`, "without a usable access token"},
		{"an access token that is no ASCII", `{"access_token":"ä","expires_in":3600}`, "without a usable access token"},
		{"an access token that no server takes", `{"access_token":"` + strings.Repeat("a", 8<<10+1) + `","expires_in":3600}`, "without a usable access token"},
		{"no life", `{"access_token":"a"}`, "no usable expires_in"},
		{"a life of nothing", `{"access_token":"a","expires_in":0}`, "no usable expires_in"},
		{"a negative life", `{"access_token":"a","expires_in":-1}`, "no usable expires_in"},
		{"a life that no clock holds", `{"access_token":"a","expires_in":9223372036854775807}`, "no usable expires_in"},
		{"a life of words", `{"access_token":"a","expires_in":1e3}`, "no usable expires_in"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := bankOf(t, 200, test.body).client.Password(t.Context(), account)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "v3_token_endpoint") {
				t.Fatalf("got %+v, %v", got, err)
			}
			keepsSecrets(t, err)
		})
	}
}

func TestARefusalIsToldInMasherysWordsAndWithoutSecrets(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		lines  []string
		want   TokenError
		says   string
	}{
		{
			"by OAuth, as recorded", 400, `{"error":"invalid_grant","error_description":"Expired refresh token"}`,
			[]string{"Content-Type: application/json;charset=UTF-8", HeaderErrorCode + ": ERR_400_BAD_REQUEST"},
			TokenError{400, "ERR_400_BAD_REQUEST", "invalid_grant", "Expired refresh token", 0},
			"Mashery refused an access token with status 400; check the role's key, secret, user, password and area. ERR_400_BAD_REQUEST invalid_grant Expired refresh token",
		},
		{
			"by OAuth, without a description", 401, `{"error":"invalid_client"}`, nil,
			TokenError{401, "", "invalid_client", "", 0},
			"Mashery refused an access token with status 401; check the role's key, secret, user, password and area. invalid_client",
		},
		{
			"by the gateway, which does not speak JSON", 403, "<h1>Developer Over Qps</h1>",
			[]string{"Content-Type: text/xml", HeaderErrorCode + ": " + ErrDeveloperOverQPS, "X-Error-Detail-Header: Account Over Queries Per Second Limit"},
			TokenError{403, ErrDeveloperOverQPS, "", "Account Over Queries Per Second Limit", time.Second},
			"Mashery gives no more access tokens to this API key in this second, whose calls are spent; nothing is wrong with the role. Try again in 1s, and ask for fewer tokens at once. ERR_403_DEVELOPER_OVER_QPS Account Over Queries Per Second Limit",
		},
		{
			"without a word", 500, "", nil, TokenError{Status: 500},
			"Mashery's token endpoint answered with status 500 instead of a token: the trouble is Mashery's, not the role's. Try again later, and check v3_token_endpoint.",
		},
		{
			"by a redirect, which is not followed", 302, "", []string{"Location: https://evil.example/"}, TokenError{Status: 302},
			"Mashery's token endpoint answered with status 302 instead of a token: the trouble is Mashery's, not the role's. Try again later, and check v3_token_endpoint.",
		},
		{
			"that repeats what was sent", 401, `{"error":"the-secret","error_description":"key the-key, pa&ss=word (pa%26ss%3Dword) and the-refresh are wrong"}`,
			[]string{HeaderErrorCode + ": E-the-key"},
			TokenError{401, "E-[redacted]", "[redacted]", "key [redacted], [redacted] ([redacted]) and [redacted] are wrong", 0},
			"Mashery refused an access token with status 401; check the role's key, secret, user, password and area. E-[redacted] [redacted] key [redacted], [redacted] ([redacted]) and [redacted] are wrong",
		},
		{
			"that repeats the whole request", 400, `{"error":"invalid_grant","error_description":"POST /v3/token HTTP/1.1\r\nAuthorization: Basic dGhlLWtleTp0aGUtc2VjcmV0\r\n\r\ngrant_type=password&password=pa%26ss%3dword&username=who%40example.com"}`, nil,
			TokenError{400, "", "invalid_grant", "POST /v3/token HTTP/1.1  Authorization: Basic [redacted]    grant_type=password&password=[redacted]&username=[redacted]", 0},
			"Mashery refused an access token with status 400; check the role's key, secret, user, password and area. invalid_grant POST /v3/token HTTP/1.1  Authorization: Basic [redacted]    grant_type=password&password=[redacted]&username=[redacted]",
		},
		{
			"that a terminal would obey", 401, `{"error":"\u001b[2Jno","error_description":"Bad\u001b[31m\u202e credentials"}`,
			[]string{HeaderErrorCode + ": E\t1"},
			TokenError{401, "E 1", " [2Jno", "Bad [31m  credentials", 0},
			"Mashery refused an access token with status 401; check the role's key, secret, user, password and area. E 1  [2Jno Bad [31m  credentials",
		},
		{
			"that does not end", 401, `{"error_description":"` + strings.Repeat("ä", 600) + `"}`, nil,
			TokenError{401, "", "", strings.Repeat("ä", 500) + "…", 0},
			"Mashery refused an access token with status 401; check the role's key, secret, user, password and area. " + strings.Repeat("ä", 500) + "…",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := bankOf(t, test.status, test.body, test.lines...)
			_, err := b.client.Refresh(t.Context(), account, refreshToken)
			refusal := (*TokenError)(nil)
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v", err)
			}
			if *refusal != test.want || err.Error() != test.says {
				t.Errorf("got %+v\n%q, want %+v\n%q", *refusal, err, test.want, test.says)
			}
			keepsSecrets(t, err)
			if _, err := b.client.Password(t.Context(), account); !errors.As(err, &refusal) {
				t.Errorf("by password: got %v", err)
			} else if strings.Contains(err.Error(), "pa&ss=word") {
				t.Errorf("by password: %q repeats it", err)
			}
		})
	}
}

func TestOnlyARefusalOfTheCredentialsBlamesThem(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer TokenError
		blames bool
	}{
		{"a wrong password", TokenError{Status: 400, OAuth: "invalid_grant"}, true},
		{"a wrong area", TokenError{Status: 400, OAuth: "invalid_scope"}, true},
		{"a key that may not", TokenError{Status: 400, OAuth: "unauthorized_client"}, true},
		{"an unknown key", TokenError{Status: 401, OAuth: "invalid_client"}, true},
		{"an unknown key, by the gateway", TokenError{Status: 403, ErrorCode: ErrNotAuthorized}, true},
		{"an inactive key", TokenError{Status: 403, ErrorCode: ErrDeveloperInactive}, true},
		{"a request that is not understood", TokenError{Status: 400, OAuth: "invalid_request"}, false},
		{"a mistake without a name", TokenError{Status: 400}, false},
		{"too many calls", TokenError{Status: 403, ErrorCode: ErrDeveloperOverQPS, RetryAfter: time.Second}, false},
		{"a spent quota", TokenError{Status: 403, ErrorCode: ErrDeveloperOverRate}, false},
		{"another 403", TokenError{Status: 403}, false},
		{"too many requests", TokenError{Status: 429}, false},
		{"a server that breaks", TokenError{Status: 500}, false},
		{"an address of nothing", TokenError{Status: 596, ErrorCode: "ERR_596_SERVICE_NOT_FOUND"}, false},
		{"no token", TokenError{Status: 200, Detail: "without an access token"}, false},
	} {
		said := test.answer.Error()
		if test.answer.Refused() != test.blames || strings.Contains(said, "password") != test.blames {
			t.Errorf("%s: %s", test.name, said)
		}
	}
}

// keepsSecrets looks for what no error of a token may repeat.
func keepsSecrets(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"the-key", "the-secret", "pa&ss=word", "pa%26ss%3Dword", "the-refresh", "who@example.com", "who%40example.com", "dGhlLWtleTp0aGUtc2VjcmV0"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q repeats %q", err, secret)
		}
	}
}

func TestATokenEndpointThatDoesNotAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer server.Close()
	ask := func(ctx context.Context, endpoint string, limit time.Duration) error {
		transport := NewTransport(TransportConfig{})
		defer transport.CloseIdleConnections()
		transport.ResponseHeaderTimeout = limit
		_, err := (&TokenClient{HTTP: transport, Endpoint: address(endpoint)}).Password(ctx, account)
		if err == nil {
			t.Fatal("it did")
		}
		keepsSecrets(t, err)
		return err
	}
	if err := ask(t.Context(), server.URL, 20*time.Millisecond); !errors.As(err, new(*TimeoutError)) {
		t.Errorf("in time: got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := ask(ctx, server.URL, time.Minute); err != context.DeadlineExceeded {
		t.Errorf("within the caller's time: got %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := ask(t.Context(), gone.URL, time.Minute); !errors.As(err, new(*UnreachableError)) {
		t.Errorf("at all: got %v", err)
	}
}

func TestATokenAnswerThatBreaksOffIsUnreachable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, tokenAnswer)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	transport := NewTransport(TransportConfig{})
	defer transport.CloseIdleConnections()
	got, err := (&TokenClient{HTTP: transport, Endpoint: address(server.URL)}).Password(t.Context(), account)
	if !errors.As(err, new(*UnreachableError)) {
		t.Errorf("got %+v, %v", got, err)
	}
}
