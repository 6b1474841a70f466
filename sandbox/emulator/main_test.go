// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func credentials() mashery.Credentials {
	return mashery.Credentials{
		AreaID: "b24ea1fa-0000-4000-8000-00000000d0c5", AreaNID: 712,
		APIKey: mashery.NewSecret("2fvmer3qbk7f3jnqneg58bu2"), Secret: mashery.NewSecret("qvxkmw57pec7"),
		Username: "svc-proxy", Password: mashery.NewSecret("correct horse"),
	}
}

// clock is a clock the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// area is an emulated Mashery behind a real socket, and a client of it.
type area struct {
	*emulator.Emulator
	t     *testing.T
	url   string
	http  *http.Client
	clock *clock
	token string
}

// start starts one, without a limit unless opts have one, and gets a token.
func start(t *testing.T, opts emulator.Options) *area {
	t.Helper()
	a := &area{t: t, clock: newClock()}
	opts.Credentials = credentials()
	opts.Now = a.clock.now
	if opts.QPS == 0 {
		opts.QPS = -1
	}
	a.Emulator = emulator.New(opts)
	server := httptest.NewServer(a.Emulator)
	t.Cleanup(server.Close)
	a.url, a.http = server.URL, server.Client()
	a.login()
	return a
}

func (a *area) login() {
	a.t.Helper()
	answer := a.requestToken(passwordForm())
	if answer.status != http.StatusOK {
		a.t.Fatalf("token: %d %s", answer.status, answer.body)
	}
	a.token = answer.object(a.t)["access_token"].(string)
}

func passwordForm() url.Values {
	c := credentials()
	return url.Values{
		"grant_type": {"password"}, "username": {c.Username},
		"password": {c.Password.Reveal()}, "scope": {c.AreaID},
	}
}

func (a *area) requestToken(form url.Values) answer {
	a.t.Helper()
	c := credentials()
	req := a.request("POST", "/v3/token", form.Encode())
	req.SetBasicAuth(c.APIKey.Reveal(), c.Secret.Reveal())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.do(req)
}

func (a *area) request(method, path, body string) *http.Request {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	return req
}

func (a *area) do(req *http.Request) answer {
	a.t.Helper()
	resp, err := a.http.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
}

// rest calls V3 with a live token; path is what follows /v3/rest.
func (a *area) rest(method, path, body string) answer {
	a.t.Helper()
	req := a.request(method, "/v3/rest"+path, body)
	req.Header.Set("Authorization", "Bearer "+a.token)
	return a.do(req)
}

// sign gives the path of a V2 call signed at a time.
func (a *area) sign(at time.Time) string {
	c := credentials()
	return fmt.Sprintf("/v2/json-rpc/%d?apikey=%s&sig=%s", c.AreaNID, c.APIKey.Reveal(), mashery.SignV2(c.APIKey, c.Secret, at).Reveal())
}

// rpc calls V2, signed now.
func (a *area) rpc(body string) answer {
	a.t.Helper()
	return a.do(a.request("POST", a.sign(a.clock.now()), body))
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return v
}

func (a answer) list(t *testing.T) []map[string]any {
	t.Helper()
	var v []map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || v == nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return v
}

// names are the names of the objects in a list.
func (a answer) names(t *testing.T) string {
	t.Helper()
	var names []string
	for _, o := range a.list(t) {
		names = append(names, fmt.Sprint(o["name"]))
	}
	return strings.Join(names, ", ")
}

// expect fails the test unless the answer has that status and (if not "") body.
func (a answer) expect(t *testing.T, status int, body string) answer {
	t.Helper()
	if a.status != status || body != "" && a.body != body {
		t.Errorf("got %d %s\nwant %d %s", a.status, a.body, status, body)
	}
	return a
}

func (a answer) expectHeader(t *testing.T, name, want string) answer {
	t.Helper()
	if got := a.header.Get(name); got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
	return a
}
