// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// chain is a handler with everything it needs: an emulated Mashery behind a real
// socket, real grants, budgets and rules; Vault alone is scripted.
type chain struct {
	t       *testing.T
	mashery *emulator.Emulator
	vault   *scriptedVault
	engine  *recorder // what is forwarded to the engine's own proxy path
	next    *recorder // what is passed on
	mount   *Mount
	log     *logText
	handler *Handler
	url     string
	http    *http.Client
}

// parts are what a test may change before a chain is made of them.
type parts struct {
	mashery   emulator.Options
	block     *config.Mashery
	local     config.LocalRules
	rules     Rules
	transport *http.Transport

	grantRefused func()
}

func credentials() mashery.Credentials {
	return mashery.Credentials{
		AreaID: "b24ea1fa-0000-4000-8000-00000000d0c5", AreaNID: 712,
		APIKey: mashery.NewSecret("2fvmer3qbk7f3jnqneg58bu2"), Secret: mashery.NewSecret("qvxkmw57pec7"),
		Username: "svc-proxy", Password: mashery.NewSecret("correct-horse"),
	}
}

// start makes a chain without policy and pacing, changed as the test wants.
func start(t *testing.T, changes ...func(*parts)) *chain {
	t.Helper()
	p := &parts{
		mashery:   emulator.Options{Credentials: credentials(), QPS: -1},
		block:     block("mash-creds"),
		transport: mashery.NewTransport(mashery.TransportConfig{}),
	}
	for _, change := range changes {
		change(p)
	}
	c := &chain{t: t, mashery: emulator.New(p.mashery), engine: &recorder{}, next: &recorder{}, log: &logText{}}
	upstream := httptest.NewServer(c.mashery)
	p.block.V2Endpoint, p.block.V3Endpoint = parse(upstream.URL+"/v2/json-rpc"), parse(upstream.URL+"/v3/rest")
	engines := mashery.NewTransport(mashery.TransportConfig{}) // the engine has one of its own
	c.vault = &scriptedVault{tokens: &mashery.TokenClient{HTTP: engines, Endpoint: parse(upstream.URL + "/v3/token")}}
	c.mount = &Mount{Mashery: p.block, Sender: &mashery.Sender{Transport: p.transport, V2: p.block.V2Endpoint, V3: p.block.V3Endpoint}}
	grants := cache.New(cache.Config[*mashery.Grant]{Vault: c.vault, Parse: ParseGrant, Lasting: IsForced})
	c.handler = New(Config{
		Mounts: []*Mount{c.mount}, LocalRules: p.local, VaultAddress: "https://vault", Rules: p.rules, Grants: grants, GrantRefused: p.grantRefused,
		Budgets: mashery.NewBudgets(), Vault: c.engine, Version: "1.2.3",
		Logger: hclog.New(&hclog.LoggerOptions{Output: c.log, Level: hclog.Trace}),
	})
	proxy := httptest.NewServer(c.handler.Before(&Listener{}, c.next))
	c.url, c.http = proxy.URL, proxy.Client()
	t.Cleanup(func() {
		proxy.Close()
		grants.Close()
		p.transport.CloseIdleConnections()
		engines.CloseIdleConnections()
		upstream.Close()
		c.wantNoSecrets()
	})
	return c
}

// wantNoSecrets looks for what was given out in what was logged.
func (c *chain) wantNoSecrets() {
	c.t.Helper()
	for _, secret := range c.vault.secrets() {
		if strings.Contains(c.log.String(), secret) {
			c.t.Errorf("the log holds a credential:\n%s", c.log)
		}
	}
}

const rolePath = "/v1/mash-creds/roles/demo/"

// reply is an answer that was read whole.
type reply struct {
	*http.Response
	body string
}

// ask makes a call below the role demo, or to a path that begins with "/".
func (c *chain) ask(method, path, body string, header ...string) reply {
	c.t.Helper()
	if !strings.HasPrefix(path, "/") {
		path = rolePath + path
	}
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{answer, string(text)}
}

// calls are the requests that reached Mashery, without those for tokens.
func (c *chain) calls() (calls []emulator.Request) {
	for _, r := range c.mashery.Requests() {
		if r.RequestURI != "/v3/token" {
			calls = append(calls, r)
		}
	}
	return calls
}

// call is the only request that reached Mashery.
func (c *chain) call() emulator.Request {
	c.t.Helper()
	calls := c.calls()
	if len(calls) != 1 {
		c.t.Fatalf("%d calls reached Mashery: %v", len(calls), calls)
	}
	return calls[0]
}

// wantStatus checks a successful answer.
func (c *chain) wantStatus(got reply, status int, source string) {
	c.t.Helper()
	if got.StatusCode != status || got.Header.Get(apierror.SourceHeader) != source {
		c.t.Fatalf("status %d from %q, want %d from %q: %s", got.StatusCode, got.Header.Get(apierror.SourceHeader), status, source, got.body)
	}
}

// wantError checks an answer made here: its form, code and a part of its text.
func (c *chain) wantError(got reply, status int, code, source, part string) {
	c.t.Helper()
	c.wantStatus(got, status, source)
	var body struct{ Errors []string }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || len(body.Errors) != 1 {
		c.t.Fatalf("not Vault's form of an error: %s", got.body)
	}
	if !strings.Contains(body.Errors[0], part) || strings.Contains(body.Errors[0], "\n") {
		c.t.Errorf("text %q, want one line with %q", body.Errors[0], part)
	}
	if got.Header.Get(apierror.CodeHeader) != code {
		c.t.Errorf("code %q, want %q", got.Header.Get(apierror.CodeHeader), code)
	}
	if got.Header.Get(headerMode) != "mashproxy/1.2.3" || got.Header.Get(headerRequestID) == "" {
		c.t.Errorf("headers %v", got.Header)
	}
}

// scriptedVault gives grants of the emulated Mashery, or what a test says.
type scriptedVault struct {
	tokens *mashery.TokenClient
	answer func(ctx context.Context, path string, query url.Values) (map[string]any, error) // nil: grants

	mu    sync.Mutex
	asked []string
	given []string
}

func (v *scriptedVault) Read(ctx context.Context, _, path string, query url.Values) (*api.Secret, http.Header, error) {
	v.mu.Lock()
	v.asked = append(v.asked, path+"?"+query.Encode())
	v.mu.Unlock()
	answer := v.answer
	if answer == nil {
		answer = v.grant
	}
	data, err := answer(ctx, path, query)
	if err != nil {
		return nil, nil, err
	}
	header := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	return &api.Secret{RequestID: "0c1d", LeaseDuration: 600, Data: data}, header, nil
}

func (v *scriptedVault) Token() string { return "hvs.of-the-test" }

// Write extends no lease.
func (v *scriptedVault) Write(context.Context, string, string, map[string]any) (*api.Secret, error) {
	return nil, nil
}

// Delete forgets the shared token.
func (v *scriptedVault) Delete(_ context.Context, _, path string, _ url.Values) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, "DELETE "+path)
	return nil
}

// grant is what the engine answers, at roles/:role/token as well.
func (v *scriptedVault) grant(ctx context.Context, path string, query url.Values) (map[string]any, error) {
	creds := credentials()
	if query.Get("api") == "2" {
		sig := mashery.SignV2(creds.APIKey, creds.Secret, time.Now()).Reveal()
		v.give(creds.APIKey.Reveal(), sig)
		return map[string]any{"api_key": creds.APIKey.Reveal(), "sig": sig, "area_nid": json.Number("712"), "qps": json.Number("0")}, nil
	}
	token, err := v.tokens.Password(ctx, creds)
	if err != nil {
		return nil, err
	}
	v.give(token.Access.Reveal())
	if strings.HasSuffix(path, "/token") {
		return sharedToken(token.Access.Reveal()), nil
	}
	epoch := strconv.FormatInt(time.Now().Add(token.ExpiresIn).Unix(), 10)
	return map[string]any{"access_token": token.Access.Reveal(), "expiry_epoch": json.Number(epoch), "qps": json.Number("0")}, nil
}

// anyToken is a grant that Mashery does not know.
func anyToken(context.Context, string, url.Values) (map[string]any, error) {
	return map[string]any{"access_token": "of-nobody"}, nil
}

func (v *scriptedVault) give(secrets ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.given = append(v.given, secrets...)
}

func (v *scriptedVault) secrets() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.given
}

// requests are what Vault was asked for.
func (v *scriptedVault) requests() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked
}

// recorder is a handler that remembers its requests, with their bodies.
type recorder struct {
	mu   sync.Mutex
	seen []*http.Request
	body []string
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rec.mu.Lock()
	rec.seen, rec.body = append(rec.seen, r), append(rec.body, string(body))
	rec.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func (rec *recorder) count() int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return len(rec.seen)
}

// logText is a log that many write to.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// withPolicy lets a token's rules decide, as resultant-acl shows them.
func withPolicy(t *testing.T, globs string) func(*parts) {
	return func(p *parts) {
		p.block.Policy = config.PolicyEnforce
		policies := policy.New(policy.Config{Vault: aclOf(globs), Mounts: []policy.Mount{(&Mount{Mashery: p.block}).PolicyMount()}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = policies.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended })
		p.rules = policies
	}
}

// aclOf is a token with these rules for paths that begin with something.
type aclOf string

func (aclOf) Token() string { return "hvs.of-the-test" }

func (globs aclOf) Read(_ context.Context, _, path string, _ url.Values) (*api.Secret, http.Header, error) {
	text := map[string]string{
		"auth/token/lookup-self":        `{"request_id": "1", "data": {"num_uses": 0}}`,
		"sys/health":                    `{"version": "1.21.4", "enterprise": false}`,
		"sys/internal/ui/resultant-acl": `{"request_id": "1", "data": {"root": false, "exact_paths": {}, "glob_paths": {` + string(globs) + `}}}`,
	}[path]
	secret, err := api.ParseSecret(strings.NewReader(text))
	return secret, nil, err
}

// rulesFail are rules that cannot be had.
type rulesFail struct{ err error }

func (r rulesFail) Current(context.Context, time.Duration) (*policy.Rules, error) { return nil, r.err }

func withRules(rules Rules) func(*parts) {
	return func(p *parts) { p.block.Policy, p.rules = config.PolicyEnforce, rules }
}

// route serves a path of Mashery's, behind its gateway, by a handler.
func route3(path string, handler http.HandlerFunc) func(*parts) {
	return func(p *parts) { p.mashery.Routes = map[string]http.Handler{"/v3/rest/" + path: handler} }
}
