// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"pgregory.net/rapid"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/agentext/policy"
	"mashproxy/cache"
	"mashproxy/mashery"
	"mashproxy/sandbox"
)

const (
	tokensJudged   = "300"  // generated sets of policies
	fewestCalls    = 30     // of each token; the average is twice that
	fewestJudged   = 10_000 // served or denied
	fewestOfAnswer = 300    // of each way to answer
)

// TestDecisionsAreVaultsOwn asks a real Vault with the real engine, on the
// engine's own proxy path, and a handler with the rules of the same token, the
// same questions. What may differ is what docs/security.md lists; every
// difference has a question of its own to Vault that must explain it.
func TestDecisionsAreVaultsOwn(t *testing.T) {
	setUnlessGiven(t, "rapid.checks", "100", tokensJudged)
	setUnlessGiven(t, "rapid.seed", "0", fmt.Sprint(time.Now().UnixNano()))
	setUnlessGiven(t, "rapid.nofailfile", "false", "true") // the seed is printed
	t.Logf("-rapid.seed=%s", flag.Lookup("rapid.seed").Value)
	v := newJudge(t)
	seen := map[answered]int{}
	rapid.Check(t, func(t *rapid.T) {
		policies := generatedPolicies.Draw(t, "policies")
		questions := rapid.SliceOfN(generatedQuestion, fewestCalls, 3*fewestCalls).Draw(t, "questions")
		c := v.newCase(t, policies)
		defer c.close()
		for _, q := range questions {
			r, err := q.request()
			if err != nil {
				continue // net/http refuses it, here and at Vault
			}
			here, text := c.ask(r)
			seen[here]++
			if flaw := c.compare(q, here, text); flaw != "" {
				t.Fatalf("%s\n%s\nhere: %s %s\nVault: %s\npolicies:\n%s", flaw, q, here, text, c.last, policies)
			}
		}
	})
	t.Logf("answers: %v", seen)
	if seen[served]+seen[denied] < fewestJudged || min(seen[served], seen[denied], seen[unread], seen[left]) < fewestOfAnswer {
		t.Error("too few: the test proves too little")
	}
}

// setUnlessGiven sets a flag of rapid's that stands at its default.
func setUnlessGiven(t *testing.T, name, standard, value string) {
	t.Helper()
	if flag.Lookup(name).Value.String() != standard {
		return
	}
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, standard) })
}

// answered is what became of a call.
type answered string

const (
	served answered = "served" // sent to Mashery
	denied answered = "denied" // by the policies
	unread answered = "unread" // refused as no call that can be judged or made
	left   answered = "left"   // here only: Vault decides
	absent answered = "absent" // at Vault only: allowed, but the engine has no such operation
)

// judge is a real Vault with the real engine and an emulated Mashery.
type judge struct {
	box   *sandbox.Sandbox
	http  *http.Transport
	names int
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	box, err := sandbox.Start(t.Context(), sandbox.Options{QPS: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	v := &judge{box: box, http: &http.Transport{}}
	t.Cleanup(func() {
		v.http.CloseIdleConnections()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	creds := box.Credentials()
	v.write(t, "mash-creds/roles/billing", map[string]any{
		"area_id": creds.AreaID, "area_nid": creds.AreaNID, "api_key": creds.APIKey.Reveal(), "secret": creds.Secret.Reveal(),
		"username": creds.Username, "password": creds.Password.Reveal(), "qps": 1e6,
	})
	return v
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface{ Fatal(...any) }

func (v *judge) client(t fataler, token string) *api.Client {
	client, err := v.box.Vault().Client()
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		client.SetToken(token)
	}
	return client
}

func (v *judge) write(t fataler, path string, data map[string]any) *api.Secret {
	answer, err := v.client(t, "").Logical().Write(path, data)
	if err != nil {
		t.Fatal(err, data)
	}
	return answer
}

// token is one with these policies and Vault's default one.
func (v *judge) token(t fataler, policies []policyText) string {
	var names []string
	for _, p := range policies {
		v.names++
		names = append(names, fmt.Sprintf("case-%d", v.names))
		v.write(t, "sys/policies/acl/"+names[len(names)-1], map[string]any{"policy": p.String()})
	}
	return v.write(t, "auth/token/create", map[string]any{"policies": names}).Auth.ClientToken
}

// judgedCase is a token, and a handler that is logged in with it.
type judgedCase struct {
	*judge
	t       *rapid.T
	token   string
	lenient string // a token that may update what the other may create
	grants  Grants
	handler http.Handler
	mashery *sentCalls
	last    string // what Vault answered last
}

func (v *judge) newCase(t *rapid.T, policies []policyText) *judgedCase {
	c := &judgedCase{judge: v, t: t, token: v.token(t, policies), mashery: &sentCalls{}}
	var lenient []policyText
	for _, p := range policies {
		lenient = append(lenient, p.createAsUpdate())
	}
	c.lenient = v.token(t, lenient)
	identity := tokenHolder{c.token, v.client(t, c.token)}
	b := block("mash-creds")
	b.Policy = config.PolicyEnforce
	b.V2Endpoint, b.V3Endpoint = parse(c.box.MasheryURL()+"/v2/json-rpc"), parse(c.box.MasheryURL()+"/v3/rest") // what grants name
	s := settings(b)
	s.Mounts[0].Sender = &mashery.Sender{Transport: c.mashery, V2: b.V2Endpoint, V3: b.V3Endpoint}
	s.Rules, s.Budgets = rulesOf(t, identity, s.Mounts[0].PolicyMount()), mashery.NewBudgets()
	c.grants = cache.New(cache.Config[*mashery.Grant]{Vault: identity, Parse: ParseGrant, Lasting: IsForced})
	s.Grants = c.grants
	forwarded := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	s.Vault = forwarded(http.StatusAccepted)
	c.handler = New(s).Before(&Listener{}, forwarded(http.StatusAccepted))
	return c
}

func (c *judgedCase) close() { c.grants.Close() }

// tokenHolder is logged in at the real Vault.
type tokenHolder struct {
	token  string
	client *api.Client
}

func (h tokenHolder) Token() string { return h.token }

func (h tokenHolder) Read(ctx context.Context, _, path string, query url.Values) (*api.Secret, http.Header, error) {
	answer, err := h.client.Logical().ReadRawWithDataWithContext(ctx, path, query)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	secret, err := api.ParseSecret(answer.Body)
	return secret, answer.Header, err
}

// Write extends no lease, and Delete forgets nothing: no case lasts so long.
func (h tokenHolder) Write(context.Context, string, string, map[string]any) (*api.Secret, error) {
	return nil, nil
}

func (h tokenHolder) Delete(context.Context, string, string, url.Values) error { return nil }

// fixedRules are rules as they were read once.
type fixedRules struct{ rules *policy.Rules }

func (f fixedRules) Current(context.Context, time.Duration) (*policy.Rules, error) {
	return f.rules, nil
}

func rulesOf(t *rapid.T, identity tokenHolder, mount policy.Mount) fixedRules {
	policies := policy.New(policy.Config{Vault: identity, Mounts: []policy.Mount{mount}})
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = policies.Run(ctx) }()
	defer func() { stop(); <-ended }()
	for {
		rules, err := policies.Current(ctx, 0)
		if err == nil {
			return fixedRules{rules}
		}
		if !errors.Is(err, policy.ErrNotReady) {
			t.Fatal(err)
		}
	}
}

// sentCalls counts what is sent to Mashery.
type sentCalls struct{ count int }

func (s *sentCalls) RoundTrip(r *http.Request) (*http.Response, error) {
	s.count++
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// request is the question as net/http's server would have read it.
func (q question) request() (*http.Request, error) {
	lines := append([]string{q.method + " " + q.target}, q.header...)
	r, err := readRequest(strings.Join(append(lines, fmt.Sprintf("Content-Length: %d", len(q.body))), "\n"))
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(q.body))
	return r, nil
}

// ask asks the handler.
func (c *judgedCase) ask(r *http.Request) (answered, string) {
	before, w := c.mashery.count, httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	text := w.Body.String()
	switch code := w.Header().Get(apierror.CodeHeader); {
	case c.mashery.count == before+1 && w.Code == http.StatusOK:
		return served, text
	case code == apierror.GrantRefused && strings.Contains(text, "does not exist"):
		return served, text // as far as policies are concerned
	case c.mashery.count != before:
		return "sent, but not served", text
	case w.Code == http.StatusAccepted:
		return left, text
	case code == apierror.PolicyDenied:
		return denied, text
	case code == apierror.BadRequest, code == apierror.TooLarge, code == apierror.MethodNotAllowed, code == apierror.CredentialWithheld:
		return unread, text
	default:
		return answered(fmt.Sprintf("%d %s", w.Code, code)), text
	}
}

// vault asks Vault. What is neither refused by its policies nor before them
// was served, whatever the engine or Mashery made of it.
func (c *judgedCase) vault(token string, q question) answered {
	r, err := http.NewRequest(q.method, c.box.Vault().Address(), strings.NewReader(q.body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.URL.Opaque = q.target // as it is
	for _, line := range q.header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	r.Header.Set("X-Vault-Token", token)
	answer, err := c.http.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	text := string(body)
	c.last = fmt.Sprint(answer.StatusCode, " ", text)
	switch {
	case answer.Header.Get(headerMode) != "": // Mashery's
		return served
	case answer.StatusCode == http.StatusForbidden && strings.Contains(text, "permission denied"):
		return denied
	case answer.StatusCode == http.StatusBadRequest && !saidByEngine(text),
		answer.StatusCode == http.StatusMethodNotAllowed && !strings.Contains(text, "unsupported operation"),
		answer.StatusCode == http.StatusInternalServerError && !strings.Contains(text, "error occurred"): // jsonLimitsValidation, http/util.go
		return unread
	case answer.StatusCode == http.StatusMethodNotAllowed:
		return absent
	default:
		return served
	}
}

// saidByEngine tells the engine's own 400 from Vault's.
func saidByEngine(text string) bool {
	for _, part := range []string{
		"the body names no method", "the path names the method", `verb \"`, ";target-method-", "the path holds", "cannot be encoded as JSON", `role \"nobody\"`,
	} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
