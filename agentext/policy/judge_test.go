// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/vault"
)

const (
	policySets       = 150
	requestsPerToken = 30
)

// grantRules let the token read every grant, so that nothing is undecidable.
const grantRules = `
path "mash-creds/roles/demo/grant"    { capabilities = ["read"] }
path "mash-creds/roles/billing/grant" { capabilities = ["read"] }
`

// TestDecisionsAreVaultsOwn asks a real Vault and the rules read from it the
// same questions.
func TestDecisionsAreVaultsOwn(t *testing.T) {
	v := newJudgeVault(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := &generator{rand.New(rand.NewPCG(seed, 0))}
	seen := map[Verdict]int{}
	for range policySets {
		policies := append(g.policies(), grantRules)
		token := v.token(api.TokenCreateRequest{}, policies...)
		rules := v.rules(token)
		for range requestsPerToken {
			req := g.request()
			text := describe(req)
			got, want := rules.Decide(req), v.verdict(token, req)
			seen[got.Verdict]++
			if got.Verdict != want && !differenceAllowed(rules, req, got) {
				t.Errorf("seed %d: %s\ndecided %+v, Vault %v\npolicies:\n%s", seed, text, got, want, strings.Join(policies, "\n# next\n"))
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("verdicts: %v", seen)
	for _, verdict := range []Verdict{Denied, Allowed, BadRequest} {
		if seen[verdict] < policySets*requestsPerToken/100 {
			t.Errorf("the generator is lopsided: verdict %v came up %d times", verdict, seen[verdict])
		}
	}
}

// differenceAllowed holds the differences the package comment names.
func differenceAllowed(rules *Rules, req *Request, got Decision) bool {
	switch {
	case req.Method == http.MethodHead: // Vault refuses it always
		return true
	case req.v2() && got.Verdict == Allowed:
		bits := rules.calls.byPath[got.Rule].permissions.CapabilitiesBitmap
		return bits&vault.CreateCapabilityInt > 0 && bits&vault.UpdateCapabilityInt == 0
	case req.Path == "proxy/v2" && got.Verdict == Denied:
		return strings.HasPrefix(got.Path, "mash-creds/roles/"+req.Role+"/proxy/v2/")
	default:
		return false
	}
}

func describe(req *Request) string {
	text, _ := req.Body.Whole()
	return fmt.Sprintf("%s roles/%s/%s?%s %q", req.Method, req.Role, req.Path, req.RawQuery, text)
}

// generator makes policies and requests that often meet.
type generator struct{ *rand.Rand }

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) callPath() string {
	return pick(g,
		"proxy/v2", "proxy/v2/object.query", "proxy/v2/test.echo",
		"proxy/v3/services", "proxy/v3/services/1", "proxy/v3/services/", "proxy/v3/services/1/endpoints",
		"proxy/v3/services/1;target-method-put", "proxy/v3-method/put/services/1", "proxy/v3/members", "proxy/v3/a+b*c",
	)
}

func (g *generator) request() *Request {
	req := &Request{
		Method: pick(g, "GET", "GET", "LIST", "POST", "POST", "PUT", "DELETE", "HEAD"),
		Mount:  Mount{Path: demoMount},
		Role:   pick(g, "demo", "billing"),
		Path:   g.callPath(),
		Header: http.Header{},
	}
	if g.chance(60) {
		req.RawQuery = g.query()
	}
	if req.Method == "POST" || req.Method == "PUT" {
		req.Body = NewBody(strings.NewReader(g.body(req.v2())))
	}
	return req
}

func (g *generator) query() string {
	values := url.Values{}
	for range g.IntN(4) {
		values.Add(g.name(), pick(g, "a", "b", "bc", "1", "true", "a,b", "", "b,a c"))
	}
	if g.chance(30) {
		values.Add("list", pick(g, "true", "1", "T", "false", "0", "", "yes"))
	}
	return values.Encode()
}

func (g *generator) body(v2 bool) string {
	data := map[string]any{}
	for range g.IntN(4) {
		data[g.name()] = pick[any](g, "a", "b", "bc", 1, 1.5, true, nil, []any{"a", "b"}, []any{"a", 1}, []any{}, "a,b", "", map[string]any{"a": "b"})
	}
	if v2 {
		delete(data, "Name") // beside "name" it is refused, as more than one reading
		data["method"] = pick(g, "object.query", "test.echo")
	} else if g.chance(15) {
		return pick(g, "", " \n")
	}
	text, _ := json.Marshal(data)
	return string(text)
}

func (g *generator) name() string { return pick(g, "name", "qps", "Name", "filter") }

// policies are one to three texts of one to six rules each.
func (g *generator) policies() []string {
	texts := make([]string, 1+g.IntN(3))
	for i := range texts {
		written := []string{}
		var text strings.Builder
		for range 1 + g.IntN(6) {
			path := g.rulePath()
			if slices.Contains(written, path) {
				continue
			}
			written = append(written, path)
			fmt.Fprintf(&text, "path %q {\n%s}\n", path, g.ruleBody())
		}
		texts[i] = text.String()
	}
	return texts
}

// rulePath turns the path of a call into one that may match it.
func (g *generator) rulePath() string {
	path := "mash-creds/roles/" + pick(g, "demo", "billing") + "/" + g.callPath()
	parts := strings.Split(path, "/")
	for i := range parts {
		if g.chance(15) {
			parts[i] = "+"
		}
	}
	if g.chance(40) {
		parts = parts[:1+g.IntN(len(parts))]
	}
	path = strings.Join(parts, "/")
	switch {
	case g.chance(35) && !strings.HasSuffix(path, "+"):
		path += pick(g, "", "/") + "*"
	case g.chance(25):
		path += "/"
	case g.chance(10):
		cut := path[:g.IntN(len(path)+1)]
		if !strings.HasSuffix(cut, "+") {
			path = cut + "*"
		}
	case g.chance(5):
		path = "/" + path
	}
	return path
}

func (g *generator) ruleBody() string {
	if g.chance(10) {
		return fmt.Sprintf("  policy = %q\n", pick(g, "deny", "read", "write", "sudo"))
	}
	var text strings.Builder
	names := []string{}
	for _, name := range []string{"create", "read", "update", "delete", "list", "sudo", "patch"} {
		if g.chance(65) {
			names = append(names, name)
		}
	}
	if g.chance(10) {
		names = append(names, "deny")
	}
	quoted, _ := json.Marshal(names)
	fmt.Fprintf(&text, "  capabilities = %s\n", quoted)
	if g.chance(30) {
		fmt.Fprintf(&text, "  allowed_parameters = {\n%s  }\n", g.lists())
	}
	if g.chance(25) {
		fmt.Fprintf(&text, "  denied_parameters = {\n%s  }\n", g.lists())
	}
	if g.chance(15) {
		fmt.Fprintf(&text, "  required_parameters = [%q]\n", pick(g, "name", "Qps", "filter"))
	}
	if g.chance(4) {
		fmt.Fprintf(&text, "  %s = %q\n", pick(g, "min_wrapping_ttl", "max_wrapping_ttl"), pick(g, "1h", "500ms", "0"))
	}
	return text.String()
}

func (g *generator) lists() string {
	var text strings.Builder
	for _, name := range []string{"name", "qps", "Filter", "list", "method", "*"} {
		if g.chance(35) {
			fmt.Fprintf(&text, "    %q = %s\n", name, pick(g,
				`[]`, `["a"]`, `["a", "b*"]`, `["*"]`, `[1, 1.5]`, `[true]`, `[["a", "b"]]`, `["*.query", "a"]`, `[""]`))
		}
	}
	return text.String()
}
