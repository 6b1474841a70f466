// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The SDK brings a package along that starts a goroutine as it is loaded.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// Planted credentials: whatever prints one of them is wrong.
const (
	plantedKey      = "planted-api-key"
	plantedSecret   = "planted-secret"
	plantedPassword = "planted-password"
)

// demoRole are the fields of a role that is capable of both APIs.
func demoRole() map[string]any {
	return map[string]any{
		"area_id": "demo-area", "area_nid": 42, "api_key": plantedKey, "secret": plantedSecret,
		"username": "demo-user", "password": plantedPassword, "qps": 1000,
	}
}

// engine is a backend on in-memory storage whose config points to a stub.
type engine struct {
	*testing.T
	*backend
	storage logical.Storage
	system  *logical.StaticSystemView
	mashery *stub
	clock   *fixedClock
	log     *lockedBuffer
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	return newEngineWithin(t, defaultBounds())
}

func newEngineWithin(t *testing.T, limits bounds) *engine {
	t.Helper()
	e := &engine{T: t, storage: &logical.InmemStorage{}, system: logical.TestSystemView(), mashery: newStub(t), log: new(lockedBuffer)}
	e.clock = &fixedClock{time: time.Now().Truncate(time.Second)}
	e.mashery.time = e.clock.now
	e.backend = newBackend(limits, e.clock.now)
	err := e.Setup(t.Context(), &logical.BackendConfig{
		Logger:      hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: e.log}),
		System:      e.system,
		StorageView: e.storage,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.backend.Cleanup(context.Background()) })
	e.must(logical.UpdateOperation, "config", map[string]any{
		"v2_endpoint":       e.mashery.URL + "/v2/json-rpc",
		"v3_endpoint":       e.mashery.URL + "/v3/rest",
		"v3_token_endpoint": e.mashery.URL + "/v3/token",
	})
	return e
}

// on puts other storage under the engine, which forgets what it read elsewhere.
func (e *engine) on(s logical.Storage) {
	e.storage = s
	e.memory.clear()
}

// newDemo is an engine with the role "demo".
func newDemo(t *testing.T) *engine {
	t.Helper()
	e := newEngine(t)
	e.writeRole("demo", demoRole())
	return e
}

// ask sends one request as Vault would: an update of what does not exist is a create.
func (e *engine) ask(op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	e.Helper()
	req := &logical.Request{Operation: op, Path: path, Data: data, Storage: e.storage}
	if op == logical.UpdateOperation {
		if found, exists, err := e.HandleExistenceCheck(e.Context(), req); err != nil {
			return nil, err
		} else if found && !exists {
			req.Operation = logical.CreateOperation
		}
	}
	return e.HandleRequest(e.Context(), req)
}

// must sends one request that has to succeed.
func (e *engine) must(op logical.Operation, path string, data map[string]any) *logical.Response {
	e.Helper()
	resp, err := e.ask(op, path, data)
	if err != nil || resp.IsError() {
		e.Fatalf("%s %s: %v %v", op, path, resp, err)
	}
	return resp
}

func (e *engine) writeRole(name string, fields map[string]any) {
	e.Helper()
	e.must(logical.UpdateOperation, "roles/"+name, fields)
}

func (e *engine) read(path string, data map[string]any) map[string]any {
	e.Helper()
	resp := e.must(logical.ReadOperation, path, data)
	if resp == nil {
		e.Fatalf("read %s: nothing there", path)
	}
	return resp.Data
}

// refused sends one request that has to be answered with these words.
func (e *engine) refused(op logical.Operation, path string, data map[string]any, words string) {
	e.Helper()
	resp, err := e.ask(op, path, data)
	if resp == nil || !resp.IsError() {
		e.Fatalf("%s %s: want an error response, got %v %v", op, path, resp, err)
	}
	if got := resp.Error().Error(); got != words {
		e.Errorf("%s %s:\n got %s\nwant %s", op, path, got, words)
	}
}

// failed sends one read that Mashery has to spoil: with this status and, in the
// form of Vault's errors, these words.
func (e *engine) failed(path string, status int, words ...string) http.Header {
	e.Helper()
	resp, err := e.ask(logical.ReadOperation, path, nil)
	if err != nil || resp == nil {
		e.Fatalf("%s: %v %v", path, resp, err)
	}
	got, said := http.StatusBadRequest, ""
	if resp.IsError() {
		said = resp.Error().Error()
	} else {
		got, _ = resp.Data[logical.HTTPStatusCode].(int)
		body, _ := resp.Data[logical.HTTPRawBody].([]byte)
		var answer struct{ Errors []string }
		if json.Unmarshal(body, &answer) == nil {
			said = strings.Join(answer.Errors, "\n")
		}
	}
	wantEqual(e.T, path+": status", got, status)
	for _, part := range words {
		if !strings.Contains(said, part) {
			e.Errorf("%s: %q lacks %q", path, said, part)
		}
	}
	if blames := strings.Contains(said, "password"); blames != (status == http.StatusBadRequest) || strings.Contains(said, "planted") {
		e.Errorf("%s: status %d with the words %q", path, got, said)
	}
	return resp.Headers
}

func wantEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// fixedClock stands still until it is moved.
type fixedClock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *fixedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *fixedClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// stub is a Mashery that answers as it is told. By default its token endpoint
// gives token-1, token-2 … for an hour, and its APIs answer 200 with "[]". Its
// clock is that of the engine.
type stub struct {
	*httptest.Server
	time   func() time.Time
	mu     sync.Mutex
	tokens []string        // the form of every token request
	calls  []*http.Request // every other request
	bodies []string

	// answerToken and answer, when set, answer in the stub's place.
	answerToken http.HandlerFunc
	answer      http.HandlerFunc
	// answerTime answers who asks for nothing but the time; asked counts them.
	answerTime http.HandlerFunc
	asked      int
}

func newStub(t *testing.T) *stub {
	s := new(stub)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.date(0))
	switch {
	case r.URL.Path == "/v3/token":
		s.serveToken(w, r)
		return
	case r.Method == http.MethodHead && r.URL.Path == "/v2/json-rpc":
		s.serveTime(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.calls, s.bodies = append(s.calls, r), append(s.bodies, string(body))
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("X-Total-Count", "0")
	io.WriteString(w, "[]")
}

// date is the stub's clock, wrong by the given time, as a header shows it.
func (s *stub) date(wrong time.Duration) string {
	now := time.Now
	if s.time != nil {
		now = s.time
	}
	return now().Add(wrong).UTC().Format(http.TimeFormat)
}

func (s *stub) serveTime(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked++
	answer := s.answerTime
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
}

func (s *stub) serveToken(w http.ResponseWriter, r *http.Request) {
	form, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.tokens = append(s.tokens, string(form))
	n, answer := len(s.tokens), s.answerToken
	s.mu.Unlock()
	if answer != nil {
		r.Body = io.NopCloser(bytes.NewReader(form))
		answer(w, r)
		return
	}
	giveToken(w, n, 3600)
}

func giveToken(w io.Writer, n, seconds int) {
	fmt.Fprintf(w, `{"access_token":"token-%d","refresh_token":"refresh-%d","token_type":"bearer","expires_in":%d}`, n, n, seconds)
}

// on sets what answers calls and, when not nil, token requests.
func (s *stub) on(call, token http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.answerToken = call, token
}

func (s *stub) tokenRequests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.tokens...)
}

// lastCall returns the last call and its body.
func (s *stub) lastCall(t *testing.T) (*http.Request, string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		t.Fatal("Mashery was not called")
	}
	return s.calls[len(s.calls)-1], s.bodies[len(s.bodies)-1]
}

func (s *stub) callCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// lockedBuffer collects the log.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
