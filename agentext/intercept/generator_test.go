// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// policyRule is one path of a generated policy.
type policyRule struct {
	path         string
	capabilities []string
	more         string // further lines of HCL
}

type policyText []policyRule

func (p policyText) String() string {
	var text strings.Builder
	for _, r := range p {
		quoted, _ := json.Marshal(r.capabilities)
		fmt.Fprintf(&text, "path %q {\n  capabilities = %s\n%s}\n", r.path, quoted, r.more)
	}
	return text.String()
}

// createAsUpdate is the policy in which every right to create is one to update, too.
func (p policyText) createAsUpdate() policyText {
	lenient := slices.Clone(p)
	for i, r := range lenient {
		if slices.Contains(r.capabilities, "create") && !slices.Contains(r.capabilities, "update") {
			lenient[i].capabilities = append(slices.Clone(r.capabilities), "update")
		}
	}
	return lenient
}

// question is one request, as it is written.
type question struct {
	method, target string
	header         []string
	body           string
}

func (q question) String() string {
	body := q.body
	if len(body) > 500 {
		body = fmt.Sprintf("%s… (%d bytes)", body[:500], len(body))
	}
	return fmt.Sprintf("%s %s %q %q", q.method, q.target, q.header, body)
}

func (q question) v2() bool { return strings.Contains(q.target, "/proxy/v2") }

func (q question) writes() bool {
	return slices.Contains([]string{"POST", "PUT"}, strings.ToUpper(q.method))
}

// generator makes policies and requests that often meet. The first of several
// choices is the simplest, to which failures shrink.
type generator struct{ *rapid.T }

func pick[T any](g generator, of ...T) T { return rapid.SampledFrom(of).Draw(g.T, "choice") }

// chance is true about so many times in eight.
func (g generator) chance(eighths int) bool {
	return rapid.IntRange(0, 7).Draw(g.T, "chance") >= 8-eighths
}

func (g generator) rarely() bool { return g.chance(1) && g.chance(2) }

func (g generator) upTo(n int) int { return rapid.IntRange(0, n).Draw(g.T, "number") }

var generatedPolicies = rapid.Custom(func(t *rapid.T) []policyText {
	g := generator{t}
	policies := make([]policyText, 1+g.upTo(2))
	for i := range policies {
		policies[i] = g.policy()
	}
	if !g.chance(1) { // otherwise calls are left to Vault
		policies = append(policies, policyText{
			{"mash-creds/roles/demo/grant", []string{"read"}, ""}, {"mash-creds/roles/billing/grant", []string{"read"}, ""},
		})
	}
	return policies
})

func (g generator) policy() (p policyText) {
	for range 1 + g.upTo(6) {
		path := g.rulePath()
		if !slices.ContainsFunc(p, func(r policyRule) bool { return strings.TrimPrefix(r.path, "/") == strings.TrimPrefix(path, "/") }) {
			p = append(p, g.rule(path))
		}
	}
	return p
}

func (g generator) below() string {
	return pick(g,
		"proxy/v3/services", "proxy/v2", "proxy/v3/services/1", "proxy/v3/members", "proxy/v3/services/1/endpoints",
		"proxy/v2/object.query", "proxy/v2/test.echo", "proxy/v3/services/", "proxy/v3/services/1;target-method-put",
		"proxy/v3/services/1;target-method-delete", "proxy/v3-method/put/services/1", "proxy/v3-method/delete/services/1",
		"proxy/v3-method/get/services", "proxy/v3/a+b*c", "proxy/v3/+",
	)
}

// rulePath turns the path of a call into one that may match it.
func (g generator) rulePath() string {
	parts := strings.Split("mash-creds/roles/"+pick(g, "demo", "billing")+"/"+g.below(), "/")
	for i := range parts {
		if g.chance(1) {
			parts[i] = "+"
		}
	}
	if g.chance(3) {
		parts = parts[:1+g.upTo(len(parts)-1)]
	}
	path := strings.Join(parts, "/")
	switch {
	case g.chance(3) && !strings.HasSuffix(path, "+"):
		path += pick(g, "", "/") + "*"
	case g.chance(2):
		path += "/"
	case g.chance(1):
		if cut := path[:g.upTo(len(path))]; !strings.HasSuffix(cut, "+") {
			path = cut + "*"
		}
	case g.rarely():
		path = "/" + path
	}
	return path
}

func (g generator) rule(path string) policyRule {
	r := policyRule{path: path, capabilities: []string{}}
	for _, name := range []string{"create", "read", "update", "delete", "list", "sudo", "patch"} {
		if !g.chance(3) {
			r.capabilities = append(r.capabilities, name)
		}
	}
	if g.chance(1) {
		r.capabilities = append(r.capabilities, "deny")
	}
	var more strings.Builder
	if g.chance(2) {
		fmt.Fprintf(&more, "  allowed_parameters = {\n%s  }\n", g.lists())
	}
	if g.chance(2) {
		fmt.Fprintf(&more, "  denied_parameters = {\n%s  }\n", g.lists())
	}
	if g.chance(1) {
		fmt.Fprintf(&more, "  required_parameters = [%q]\n", pick(g, "name", "Qps", "filter", "api"))
	}
	if g.rarely() {
		fmt.Fprintf(&more, "  %s = %q\n", pick(g, "min_wrapping_ttl", "max_wrapping_ttl"), pick(g, "1h", "500ms", "0"))
	}
	r.more = more.String()
	return r
}

func (g generator) lists() string {
	var text strings.Builder
	for _, name := range []string{"name", "qps", "Filter", "list", "method", "lease", "*"} {
		if g.chance(3) {
			fmt.Fprintf(&text, "    %q = %s\n", name, pick(g,
				`[]`, `["a"]`, `["a", "b*"]`, `["*"]`, `[1, 1.5]`, `[true]`, `[["a", "b"]]`, `["*.query", "a", "true"]`, `[""]`))
		}
	}
	return text.String()
}

var generatedQuestion = rapid.Custom(func(t *rapid.T) question {
	g := generator{t}
	q := question{target: "/v1/mash-creds/roles/" + pick(g, "demo", "billing", "demo", "nobody") + "/" + g.below()}
	switch {
	case g.rarely():
		q.method = pick(g, "post", "PATCH", "delete", "OPTIONS")
	case q.v2() && !g.rarely():
		q.method = "POST"
	case strings.Contains(q.target, "-method") && !strings.Contains(q.target, "v3-method/get"):
		q.method = pick(g, "POST", "PUT")
	default:
		q.method = pick(g, "GET", "POST", "PUT", "DELETE", "LIST", "POST", "GET", "HEAD")
	}
	if before, method, named := strings.Cut(q.target, "/proxy/v2/"); named && g.chance(1) {
		q.target = before + "/proxy/v2/" + strings.ToUpper(method)
	}
	if g.chance(1) {
		q.target = g.alias(q.target)
	}
	if g.chance(4) && !(q.v2() && g.chance(7)) {
		q.target += "?" + g.query()
	}
	if q.writes() || g.rarely() {
		q.body = g.body()
		q.header = append(q.header, g.bodyHeader()...)
	}
	if g.rarely() {
		q.header = append(q.header, pick(g,
			"X-Vault-Namespace: root", "X-Vault-Namespace: /", "X-Vault-Namespace: nowhere", "X-HTTP-Method-Override: DELETE",
			"X-Vault-Wrap-TTL: 60", "X-Vault-Policy-Override: true", "X-Vault-Token: hvs.of-somebody-else"))
	}
	return q
})

// alias is another spelling of a target, or one that somebody may take for it.
func (g generator) alias(target string) string {
	i := len("/v1/") + g.upTo(len(target)-len("/v1/")-1)
	slash := i + strings.Index(target[i:]+"/", "/")
	once := fmt.Sprintf("%%%02x", target[i])
	return pick(g,
		target[:i]+once+target[i+1:], target[:i]+strings.ToUpper(once)+target[i+1:], target[:i]+url.PathEscape(once)+target[i+1:],
		target[:slash]+"/"+target[slash:], target[:slash]+"/."+target[slash:], target[:slash]+"/x/.."+target[slash:],
		target[:slash]+";x"+target[slash:], target[:slash]+"%2F"+strings.TrimPrefix(target[slash:], "/"),
		target[:i]+strings.ToUpper(target[i:]), target+"/", target+"%20", target+"%3Fx=1", target+"%2Fx", target+"/é", target+"/%C2%AD", target+"%00",
		target+";target-method-delete", target+"%3btarget-method-delete", strings.Replace(target, "/v1/", "/v1/root/", 1),
	)
}

func (g generator) query() string {
	values := url.Values{}
	for range g.upTo(3) {
		values.Add(g.name(), pick(g, "a", "b", "bc", "1", "true", "a,b", "", "b,a c"))
	}
	if g.chance(2) {
		values.Add("list", pick(g, "true", "1", "T", "false", "0", "", "yes"))
	}
	query := values.Encode()
	if g.chance(1) {
		query += pick(g, "&", "&&a", "&name=a;qps=b", "&%6eame=a", "&name=%zz", "&l%69st=true", "&name", "&list", "&help=1", "?", "&n%00=1", "&%ff=1", "&read_snapshot_id=1")
	}
	return query
}

func (g generator) body() string {
	data := map[string]any{}
	for range g.upTo(3) {
		data[g.name()] = pick[any](g, "a", "b", "bc", 1, 1.5, true, nil, []any{"a", "b"}, []any{"a", 1}, []any{}, "a,b", "", map[string]any{"a": "b"})
	}
	if g.chance(3) {
		data["method"] = pick[any](g, "object.query", "test.echo", "a", 1, "Object.Query", "TEST.echo", "test.echo ", "object.query\x00")
	}
	text, _ := json.Marshal(data)
	if g.chance(7) {
		return string(text)
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(string(text), "{"), "}")
	return pick(g,
		"", " \n", "["+string(text)+"]", string(text)+string(text), string(text)+"x", `{"name":"a","name":"b"}`, `{"name":"b","n\u0061me":"a"}`,
		`{"Name":"b","name":"a"}`, `{"method":"test.echo","Method":"object.query"}`, "null", `"name"`, "name=a&qps=b", "{"+inner, "\ufeff"+string(text),
		"{\"name\":\"\xff\"}", `{"name":"\ud800"}`, " "+string(text)+" ", strings.Repeat(" ", 600)+string(text), `{"a":`+strings.Repeat("[", 310)+strings.Repeat("]", 310)+"}", "{name:1}", `{"name":1e999}`, `{"name":01}`,
	)
}

func (g generator) bodyHeader() []string {
	if !g.chance(2) {
		return []string{"Content-Type: application/json"}
	}
	return []string{pick(g,
		"Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json; charset=utf-16",
		"Content-Type: multipart/form-data; boundary=x", "Content-Encoding: gzip", "Content-Type: application/merge-patch+json", "Content-Type: application/json;;")}
}

func (g generator) name() string { return pick(g, "name", "qps", "Name", "filter") }
