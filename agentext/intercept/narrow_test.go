// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/agentext/localrules"
	"mashproxy/agentext/policy"
)

// localRules makes local rules of what a file says.
func localRules(t testing.TB, spec localrules.Spec) *localrules.Rules {
	t.Helper()
	spec.Place = func(string) string { return "here (proxy.hcl:7)" }
	rules, problems := localrules.New(spec)
	if problems != nil {
		t.Fatal(problems)
	}
	return rules
}

// of are the rules of one listener, or of one block after the other.
func of(rules ...*localrules.Rules) []*localrules.Rules { return rules }

// narrowed puts rules on a chain's listener or on its block.
func narrowed(rules *localrules.Rules, where string) func(*parts) {
	return func(p *parts) {
		if where == "listener" {
			p.local.Listeners = of(rules)
		} else {
			p.local.Mashery = of(rules)
		}
	}
}

const (
	byMashery = "mashery"
	byVault   = "vault" // or by whoever is next
)

func TestLocalRulesNarrowWhatIsServed(t *testing.T) {
	const echo = `{"method":"test.echo","params":["a"],"id":1}`
	const fetch = `{"method":"member.fetch","params":{"id":"a"},"id":1}`
	roles := localrules.Spec{Roles: []string{"demo", "billing-*"}}
	verbs := localrules.Spec{Methods: []string{"get", "POST"}}
	lists := localrules.Spec{Methods: []string{"LIST"}}
	paths := localrules.Spec{V3Paths: []string{"services", "services/+/endpoints"}}
	methods := localrules.Spec{V2Methods: []string{"test.*"}}
	arguments := localrules.Spec{V2Arguments: map[string]map[string][]string{"test.echo": {"key": {"abc*"}}}}
	const other = "/v1/mash-creds/roles/other/"
	for name, test := range map[string]struct {
		rules              localrules.Spec
		method, path, body string
		want               string // who answers, or a part of the refusal
	}{
		"a role that is named":                      {roles, "GET", "proxy/v3/services", "", byMashery},
		"another role":                              {roles, "GET", other + "proxy/v3/services", "", `the role "other" is not allowed here by the local rule roles of here (proxy.hcl:7)`},
		"another role's V2":                         {roles, "POST", other + "proxy/v2", echo, `the role "other"`},
		"another role itself":                       {roles, "GET", "/v1/mash-creds/roles/other", "", `the role "other"`},
		"another role, with a slash":                {roles, "GET", "/v1/mash-creds/roles/other/", "", `the role "other"`},
		"another role, escaped":                     {roles, "GET", "/v1/mash-creds/roles/%6fther", "", `the role "other"`},
		"another role behind an escaped slash":      {roles, "GET", "/v1/mash-creds/roles%2Fother", "", `the role "other"`},
		"another role's engine path":                {roles, "GET", other + "v3/services", "", `the role "other"`},
		"another role's proxy path that is none":    {roles, "GET", other + "proxy", "", `the role "other"`},
		"another role through a namespace":          {roles, "GET", "/v1/ns/mash-creds/roles/other", "", byVault}, // another mount
		"a role that is named, itself":              {roles, "GET", "/v1/mash-creds/roles/billing-eu", "", byVault},
		"the list of roles":                         {roles, "LIST", "/v1/mash-creds/roles", "", `"mash-creds/roles", which belongs to no role, is not allowed here by the local rule roles`},
		"the list of roles, with a slash":           {roles, "LIST", "/v1/mash-creds/roles/", "", "which belongs to no role"},
		"the check of the mount, for other roles":   {roles, "GET", "/v1/mash-creds/check?role=other", "", "which belongs to no role"},
		"what is not below the mount":               {roles, "GET", "/v1/secret/data/roles/other", "", byVault},
		"a verb that is named":                      {verbs, "GET", "proxy/v3/services", "", byMashery},
		"a verb that is not named":                  {verbs, "DELETE", "proxy/v3/services/1", "", "the method DELETE is not allowed here by the local rule methods"},
		"a HEAD":                                    {verbs, "HEAD", "proxy/v3/services", "", "HEAD"},
		"a LIST where GET is named":                 {verbs, "LIST", "proxy/v3/services", "", byMashery},
		"a verb that the path names":                {verbs, "POST", "proxy/v3-method/DELETE/services/1", "", "the method DELETE"},
		"a verb at the path's end":                  {verbs, "POST", "proxy/v3/services/1;target-method-delete", "", "the method DELETE"},
		"a request's verb before a path that names": {verbs, "PUT", "proxy/v3-method/POST/services", "{}", "the method PUT"},
		"a verb in small letters":                   {verbs, "delete", "proxy/v3/services/1", "", "the method DELETE"},
		"V2, which is POST":                         {verbs, "POST", "proxy/v2", echo, byMashery},
		"V2 where POST is not named":                {lists, "POST", "proxy/v2", echo, "the method POST"},
		"a LIST where only it is named":             {lists, "LIST", "proxy/v3/services", "", byMashery},
		"a GET for a list where only LIST is named": {lists, "GET", "proxy/v3/services?list=true", "", byMashery},
		"a plain GET where only LIST is named":      {lists, "GET", "proxy/v3/services?list=false", "", "the method GET"},
		"verbs are about calls, not about Vault":    {lists, "DELETE", "/v1/mash-creds/roles/demo", "", byVault},
		"the engine's own V3 path":                  {verbs, "GET", "v3/services", "", `the path "mash-creds/roles/demo/v3/services", by which the engine calls Mashery itself, is not allowed here by the local rule methods`},
		"the engine's own V2 path":                  {methods, "POST", "v2/member.fetch", "{}", `by which the engine calls Mashery itself, is not allowed here by the local rule v2_methods`},
		"the engine's V3 path, roles only":          {roles, "GET", "v3/services", "", byVault},
		"a V3 path that is named":                   {paths, "GET", "proxy/v3/services?limit=1", "", byMashery},
		"a V3 path with a segment in it":            {paths, "GET", "proxy/v3/services/1/endpoints", "", byMashery},
		"a V3 path below one that is named":         {paths, "GET", "proxy/v3/services/1", "", `the V3 path "services/1" is not allowed here by the local rule v3_paths`},
		"a V3 path behind a verb":                   {paths, "POST", "proxy/v3-method/PUT/services/1", "", `the V3 path "services/1"`},
		"a V3 path before a verb":                   {paths, "POST", "proxy/v3/services/1;target-method-put", "", `the V3 path "services/1"`},
		"a V3 path that is named, before a verb":    {paths, "POST", "proxy/v3/services;target-method-post", `{"name":"a"}`, byMashery},
		"a V3 path with an escaped slash":           {paths, "GET", "proxy/v3/services/1%2Fmembers/endpoints", "", "not every server reads alike"},
		"a V3 path with one parameter":              {paths, "GET", "proxy/v3/services/1;/endpoints", "", "not every server reads alike"},
		"a V3 path with a slash escaped twice":      {paths, "GET", "proxy/v3/services/1%252Fmembers/endpoints", "", "not every server reads alike"},
		"a V3 path with an escaped query":           {paths, "GET", "proxy/v3/services/1%3F/endpoints", "", "not every server reads alike"},
		"a V3 path that is escaped and named":       {paths, "GET", "proxy/v3/servic%65s", "", byMashery},
		"V2 beside V3 paths":                        {paths, "POST", "proxy/v2", echo, byMashery},
		"a V2 method in the body":                   {methods, "POST", "proxy/v2", echo, byMashery},
		"a V2 method in the path":                   {methods, "POST", "proxy/v2/test.echo", `{"params":["a"],"id":1}`, byMashery},
		"another V2 method in the body":             {methods, "POST", "proxy/v2", fetch, `the V2 method "member.fetch" is not allowed here by the local rule v2_methods`},
		"another V2 method in the path":             {methods, "POST", "proxy/v2/member.fetch", `{"id":1}`, `the V2 method "member.fetch"`},
		"another V2 method in the path, no body":    {methods, "POST", "proxy/v2/member.fetch", ``, `the V2 method "member.fetch"`},
		"no V2 method":                              {methods, "POST", "proxy/v2", `{"params":[]}`, `the V2 method ""`},
		"V3 beside V2 methods":                      {methods, "GET", "proxy/v3/services", "", byMashery},
		"a named argument":                          {arguments, "POST", "proxy/v2", `{"method":"test.echo","params":{"key":"abcd"},"id":1}`, byMashery},
		"a named argument, the method in the path":  {arguments, "POST", "proxy/v2/test.echo", `{"params":{"key":"abcd"},"id":1}`, byMashery},
		"an argument with another value":            {arguments, "POST", "proxy/v2", `{"method":"test.echo","params":{"key":"x"},"id":1}`, `a call of test.echo with this value of the argument "key" is not allowed here by the local rule v2_arguments`},
		"an argument of the method in the path":     {arguments, "POST", "proxy/v2/test.echo", `{"params":{"key":"x"},"id":1}`, `this value of the argument "key"`},
		"positional arguments":                      {arguments, "POST", "proxy/v2", echo, `without named arguments`},
		"one object among positional arguments":     {arguments, "POST", "proxy/v2", `{"method":"test.echo","params":[{"key":"abcd"}],"id":1}`, `without named arguments`},
		"no arguments":                              {arguments, "POST", "proxy/v2", `{"method":"test.echo","id":1}`, `without named arguments`},
		"a method whose arguments are not limited":  {arguments, "POST", "proxy/v2", `{"method":"test.hello","params":[],"id":1}`, byMashery},
		"the method in other letters":               {arguments, "POST", "proxy/v2", `{"method":"Test.Echo","params":["x"],"id":1}`, `without named arguments`},
	} {
		for _, where := range []string{"listener", "block"} {
			t.Run(name+", in the "+where, func(t *testing.T) {
				c := start(t, narrowed(localRules(t, test.rules), where))
				got := c.ask(test.method, test.path, test.body)
				c.wantNarrowed(got, test.want)
			})
		}
	}
}

// wantNarrowed checks who has answered; a refusal has reached nobody.
func (c *chain) wantNarrowed(got reply, want string) {
	c.t.Helper()
	switch want {
	case byMashery:
		if source := got.Header.Get(apierror.SourceHeader); source != "mashery" {
			c.t.Fatalf("status %d from %q: %s", got.StatusCode, source, got.body)
		}
	case byVault:
		if got.StatusCode != http.StatusAccepted {
			c.t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
	default:
		if got.Request.Method == http.MethodHead {
			c.wantStatus(got, 403, "mashproxy")
		} else {
			c.wantError(got, 403, apierror.PolicyDenied, "mashproxy", want)
		}
		c.wantNothingSent()
	}
}

// wantNothingSent tells that nobody was asked anything, not even for a grant.
func (c *chain) wantNothingSent() {
	c.t.Helper()
	if n := len(c.calls()); n+len(c.vault.requests())+c.engine.count()+c.next.count() > 0 {
		c.t.Errorf("sent: %d calls to Mashery, %v to Vault, %d to the engine, %d passed on", n, c.vault.requests(), c.engine.count(), c.next.count())
	}
}

func TestLocalRulesNarrowWhatIsForwarded(t *testing.T) {
	paths := localrules.Spec{VaultPaths: []string{"mash-creds/roles/+", "secret/metadata/team/", "team/secret/*", "sys/health", "ui/*"}}
	for name, test := range map[string]struct {
		method, path, header string
		want                 string
	}{
		"a path that is named":                     {"GET", "/v1/sys/health", "", byVault},
		"a path that is named, with a query":       {"GET", "/v1/sys/health?standbyok=true", "", byVault},
		"a path that is named, with a slash":       {"GET", "/v1/mash-creds/roles/demo/", "", byVault},
		"another path":                             {"GET", "/v1/sys/mounts", "", `the path "sys/mounts" is not allowed here by the local rule vault_paths of here (proxy.hcl:7)`},
		"a path below one that is named":           {"GET", "/v1/sys/health/x", "", `the path "sys/health/x"`},
		"a path that is named, escaped":            {"GET", "/v1/sys/h%65alth", "", byVault},
		"another path, escaped":                    {"GET", "/v1/sys%2Fmounts", "", `the path "sys/mounts"`},
		"a segment with an escaped slash":          {"GET", "/v1/mash-creds/roles/a%2Fb", "", `the path "mash-creds/roles/a/b"`},
		"a list that is named":                     {"LIST", "/v1/secret/metadata/team", "", byVault},
		"a list that is named, with its slash":     {"LIST", "/v1/secret/metadata/team/", "", byVault},
		"a list that is named, as a GET":           {"GET", "/v1/secret/metadata/team?list=true", "", byVault},
		"a read where a list is named":             {"GET", "/v1/secret/metadata/team/", "", `the path "secret/metadata/team"`},
		"a list where one segment is named":        {"LIST", "/v1/mash-creds/roles/", "", `the path "mash-creds/roles"`},
		"a namespace in the path":                  {"GET", "/v1/team/secret/a", "", byVault},
		"a namespace that makes a path of it":      {"GET", "/v1/health", "X-Vault-Namespace: sys", `the path "health"`},
		"a namespace before a path that is named":  {"GET", "/v1/sys/health", "X-Vault-Namespace: other", `the path "other/sys/health"`},
		"a namespace before one that is named too": {"GET", "/v1/secret/a", "X-Vault-Namespace: team", `the path "secret/a"`},
		"Vault's pages":                            {"GET", "/ui/vault", "", byVault},
		"other paths that are none of the API":     {"GET", "/secret/a", "", `the path "secret/a"`},
		"the root":                                 {"GET", "/", "", `the path ""`},
		"the API's begin alone":                    {"GET", "/v1", "", `the path "v1"`},
		"metrics, which this program tells":        {"GET", "/proxy/v1/metrics", "", byVault}, // by the one who is next
		"its status":                               {"GET", "/proxy/v1/status", "", byVault},
		"its cache":                                {"POST", "/proxy/v1/cache-clear", "", byVault},
		"its end":                                  {"POST", "/proxy/v1/quit", "", byVault},
		"what is beside these, which Vault gets":   {"POST", "/proxy/v1/nope", "", `the path "proxy/v1/nope"`},
		"what is below these":                      {"GET", "/proxy/v1/metrics/", "", `the path "proxy/v1/metrics"`},
		"the folder of these":                      {"GET", "/proxy/v1/", "", `the path "proxy/v1"`},
		"these, as paths of Vault's API":           {"GET", "/v1/proxy/v1/metrics", "", `the path "proxy/v1/metrics"`},
		"calls to Mashery are not Vault's paths":   {"GET", "/v1/mash-creds/roles/demo/proxy/v3/services", "", byMashery},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, narrowed(localRules(t, paths), "listener"))
			var headers []string
			if test.header != "" {
				headers = []string{test.header}
			}
			c.wantNarrowed(c.ask(test.method, test.path, "", headers...), test.want)
		})
	}
}

func TestABlocksPathsAreWhatMayBeForwarded(t *testing.T) {
	inBlock := func(p *parts) {
		p.block.Mount, p.block.Namespace = "mash", "team/"
		p.local.Mashery = of(localRules(t, localrules.Spec{VaultPaths: []string{"mash/roles/+", "sys/health"}}))
	}
	for name, test := range map[string]struct{ path, header, want string }{
		"below the mount, named":             {"/v1/team/mash/roles/a", "", byVault},
		"below the mount, not named":         {"/v1/team/mash/config", "", `the path "mash/config" is not allowed here by the local rule vault_paths`},
		"the namespace in the header":        {"/v1/mash/roles/a", "X-Vault-Namespace: team", byVault},
		"in the header, not named":           {"/v1/mash/config", "X-Vault-Namespace: /team/", `the path "mash/config"`},
		"with a header that not all heed":    {"/v1/team/mash/config", "X-Vault-Namespace: other", `the path "other/team/mash/config"`},
		"the mount of the same name in root": {"/v1/mash/config", "", `the path "mash/config"`},
		"outside of the mount, named":        {"/v1/sys/health", "", byVault},
		"outside of the mount, not named":    {"/v1/sys/mounts", "", `the path "sys/mounts"`},
		"Vault's pages":                      {"/ui/vault", "", `the path "ui/vault"`},
		"the mount itself":                   {"/v1/team/mash", "", `the path "mash"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, inBlock)
			var headers []string
			if test.header != "" {
				headers = []string{test.header}
			}
			c.wantNarrowed(c.ask("GET", test.path, "", headers...), test.want)
		})
	}
}

func TestListenerAndBlockMustBothAllow(t *testing.T) {
	both := func(p *parts) {
		p.local.Listeners = of(localRules(t, localrules.Spec{Roles: []string{"demo", "a-*"}, V2Methods: []string{"test.*"}}))
		p.local.Mashery = of(localRules(t, localrules.Spec{Roles: []string{"demo", "*"}, Methods: []string{"POST"}, V2Methods: []string{"test.echo", "object.query"}}))
	}
	for name, test := range map[string]struct{ method, path, body, want string }{
		"both do":                {"POST", "proxy/v2", `{"method":"test.echo","params":["a"],"id":1}`, byMashery},
		"only the listener does": {"POST", "proxy/v2", `{"method":"test.hello","params":[],"id":1}`, `the V2 method "test.hello"`},
		"only the block does":    {"POST", "proxy/v2", `{"method":"object.query","params":[""],"id":1}`, `the V2 method "object.query"`},
		"another key of one":     {"GET", "proxy/v3/services", "", "the method GET"},
		"the listener's roles":   {"GET", "/v1/mash-creds/roles/b", "", `the role "b"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, both)
			c.wantNarrowed(c.ask(test.method, test.path, test.body), test.want)
		})
	}
}

func TestABodyThatLocalRulesLookAtHasOneReading(t *testing.T) {
	const good = `{"method":"test.echo","params":{"key":"abc"},"id":1}`
	for name, test := range map[string]struct {
		body, header string
		status       int
		code, part   string
	}{
		"a batch":                        {"[" + good + "]", "", 400, apierror.BadRequest, "it is not a JSON object"},
		"two envelopes":                  {good + good, "", 400, apierror.BadRequest, "not one JSON value"},
		"no body":                        {"", "", 400, apierror.BadRequest, "not one JSON value"},
		"a method twice":                 {`{"method":"test.echo","method":"member.delete","params":{"key":"abc"}}`, "", 400, apierror.BadRequest, `duplicate key 'method'`},
		"a method in other letters":      {`{"method":"test.echo","Method":"member.delete","params":{"key":"abc"}}`, "", 400, apierror.BadRequest, "differ in case only"},
		"params in other letters":        {`{"method":"test.echo","params":{"key":"abc"},"PARAMS":{"key":"x"}}`, "", 400, apierror.BadRequest, "differ in case only"},
		"an argument twice":              {`{"method":"test.echo","params":{"key":"abc","key":"x"}}`, "", 400, apierror.BadRequest, `duplicate key 'key'`},
		"an argument twice, deeper down": {`{"method":"test.echo","params":{"key":"abc","a":{"b":1,"b":2}}}`, "", 400, apierror.BadRequest, `duplicate key 'b'`},
		"an argument in other letters":   {`{"method":"test.echo","params":{"key":"abc","KEY":"x"}}`, "", 403, apierror.PolicyDenied, `another spelling of the argument "key"`},
		"a method that is no text":       {`{"method":["test.echo"],"params":{"key":"abc"}}`, "", 400, apierror.BadRequest, "not a string"},
		"a compressed body":              {good, "Content-Encoding: gzip", 400, apierror.BadRequest, "uncompressed"},
		"another charset":                {good, "Content-Type: application/json; charset=utf-16", 400, apierror.BadRequest, "in UTF-8"},
		"US-ASCII, that is none":         {`{"method":"test.echo","params":{"key":"abcé"}}`, "Content-Type: application/json; charset=us-ascii", 400, apierror.BadRequest, "in UTF-8"},
		"US-ASCII":                       {good, "Content-Type: application/json; charset=US-ASCII", 200, "", ""},
		"UTF-8, spelt as many do":        {`{"method":"test.echo","params":{"key":"abcé"}}`, "Content-Type: application/json; charset=utf8", 200, "", ""},
		"bytes that are not UTF-8":       {"{\"method\":\"test.echo\",\"params\":{\"key\":\"abc\xff\"}}", "", 400, apierror.BadRequest, "not valid UTF-8"},
		"a form":                         {"method=test.echo", "Content-Type: application/x-www-form-urlencoded", 400, apierror.BadRequest, "sent as a form"},
		"what may be read as a form":     {`{"method":"test.echo","params":{"key":"abc&method=x"}}`, "Content-Type: application/x-www-form-urlencoded", 400, apierror.BadRequest, "sent as a form"},
		"one byte more than 1 MiB":       {strings.Repeat(" ", policy.MaxWhole+1-len(good)) + good, "", 413, apierror.TooLarge, "at most 1 MiB"},
		"JSON, sent as curl -d does":     {good, "Content-Type: application/x-www-form-urlencoded", 200, "", ""},
		"exactly 1 MiB":                  {strings.Repeat(" ", policy.MaxWhole-len(good)) + good, "", 200, "", ""},
		"escapes that mean the same":     {`{"\u006dethod":"test\u002eecho","params":{"k\u0065y":"\u0061bc"},"id":1}`, "", 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, anyLength, narrowed(localRules(t, localrules.Spec{V2Arguments: map[string]map[string][]string{"test.echo": {"key": {"abc*"}}}}), "block"))
			var headers []string
			if test.header != "" {
				headers = []string{test.header}
			}
			got := c.ask("POST", "proxy/v2", test.body, headers...)
			if test.status == 200 {
				c.wantStatus(got, 200, "mashery")
				if sent := c.call(); int(sent.ContentLength) != len(test.body) {
					t.Errorf("%d bytes were sent of %d", sent.ContentLength, len(test.body))
				}
				return
			}
			c.wantError(got, test.status, test.code, "mashproxy", test.part)
			c.wantNothingSent()
		})
	}
	t.Run("a method in the path and another in the body", func(t *testing.T) {
		c := start(t, narrowed(localRules(t, localrules.Spec{V2Methods: []string{"test.*"}}), "listener"))
		c.wantError(c.ask("POST", "proxy/v2/test.echo", `{"method":"test.hello"}`), 400, apierror.BadRequest, "mashproxy", "leave one of them out")
		c.wantNothingSent()
	})
}

// TestCallsThatVaultDecidesPassTheLocalRulesFirst: they are judged as calls, by
// all keys but vault_paths.
func TestCallsThatVaultDecidesPassTheLocalRulesFirst(t *testing.T) {
	forwards := func(p *parts) {
		p.block.ForwardRoles = []string{"demo"}
		p.local.Mashery = of(localRules(t, localrules.Spec{
			Methods: []string{"GET", "POST"}, V3Paths: []string{"services"}, V2Methods: []string{"test.echo"}, VaultPaths: []string{},
		}))
	}
	for path, want := range map[string]bool{"GET proxy/v3/services": true, "POST proxy/v2/test.echo": true, "GET proxy/v3/members": false, "DELETE proxy/v3/services": false, "POST proxy/v2/test.hello": false} {
		c := start(t, forwards)
		method, path, _ := strings.Cut(path, " ")
		got := c.ask(method, path, `{"id":1}`)
		if !want {
			c.wantNarrowed(got, "is not allowed here by the local rule")
		} else if c.wantStatus(got, http.StatusAccepted, "vault"); c.engine.count() != 1 {
			t.Errorf("%s: not forwarded", path)
		}
	}
}

func TestARuleIsBrokenBeforeAPolicyIsRead(t *testing.T) {
	c := start(t, withRules(rulesFail{fmt.Errorf("Vault is away")}), narrowed(localRules(t, localrules.Spec{Roles: []string{}}), "listener"))
	c.wantNarrowed(c.ask("GET", "proxy/v3/services", ""), `the role "demo"`)
}

func TestACredentialIsWithheldWhateverTheRulesSay(t *testing.T) {
	c := start(t, narrowed(localRules(t, localrules.Spec{VaultPaths: []string{"*"}, Roles: []string{"*"}}), "listener"))
	c.wantError(c.ask("GET", "grant", ""), 403, apierror.CredentialWithheld, "mashproxy", "stays inside this proxy")
}

func TestARevealedCredentialIsNarrowedToo(t *testing.T) {
	c := start(t, func(p *parts) { p.block.Reveal = []string{"*"} }, narrowed(localRules(t, localrules.Spec{Roles: []string{"demo"}}), "block"))
	c.wantNarrowed(c.ask("GET", "grant", ""), byVault)
	c.wantNarrowed(c.ask("GET", "/v1/mash-creds/roles/demo/token", ""), byVault)
	if got := c.ask("GET", "/v1/mash-creds/roles/other/grant", ""); got.StatusCode != 403 || got.Header.Get(apierror.CodeHeader) != apierror.PolicyDenied {
		t.Errorf("status %d: %s", got.StatusCode, got.body)
	}
}

func TestRulesOfOneListenerDoNotNarrowAnother(t *testing.T) {
	c := settings(block("mash-creds"))
	c.LocalRules.Listeners = of(localRules(t, localrules.Spec{Roles: []string{"a"}}), nil)
	h := New(c)
	narrow, wide := &Listener{Name: "narrow"}, &Listener{Name: "wide", Number: 1}
	for l, want := range map[*Listener]bool{narrow: false, wide: true} {
		call, refusal := h.read(l, request(t, "GET /v1/mash-creds/roles/b/proxy/v3/services"))
		if refusal != nil {
			t.Fatal(refusal)
		}
		if got := call.narrow(request(t, "GET /v1/x"), nil) == nil; got != want {
			t.Errorf("%s: allowed is %v", l.Name, got)
		}
	}
}

func TestOtherRulesTakeThePlaceOfAllThatWereInForce(t *testing.T) {
	roles := func(names ...string) *localrules.Rules { return localRules(t, localrules.Spec{Roles: names}) }
	c := start(t, func(p *parts) {
		p.local = config.LocalRules{Listeners: of(roles("demo")), Mashery: of(localRules(t, localrules.Spec{Methods: []string{"GET"}}))}
	})
	const other = "/v1/mash-creds/roles/other/proxy/v3/services"
	for _, step := range []struct {
		name         string
		rules        config.LocalRules
		method, path string
		want         string
	}{
		{"a listener is narrowed", config.LocalRules{Listeners: of(roles("other"))}, "GET", "proxy/v3/services", `the role "demo"`},
		{"its block no longer is", config.LocalRules{Listeners: of(roles("other"))}, "LIST", other, byMashery},
		{"a block is narrowed", config.LocalRules{Listeners: of(nil), Mashery: of(roles("demo"))}, "GET", other, `the role "other"`},
		{"what is forwarded, too", config.LocalRules{Mashery: of(localRules(t, localrules.Spec{VaultPaths: []string{}}))}, "GET", "/v1/sys/health", `the path "sys/health"`},
		{"nothing is narrowed", config.LocalRules{}, "GET", "/v1/sys/health", byVault},
	} {
		c.handler.Narrow(step.rules)
		got := c.ask(step.method, step.path, "")
		if step.want != byMashery && step.want != byVault {
			c.wantError(got, 403, apierror.PolicyDenied, "mashproxy", step.want)
		} else if status := map[string]int{byMashery: 200, byVault: 202}[step.want]; got.StatusCode != status {
			t.Errorf("%s: status %d: %s", step.name, got.StatusCode, got.body)
		}
	}
}
