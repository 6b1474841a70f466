// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"strings"
	"testing"
)

// narrow are local rules under which little is left of a token that may do
// everything.
const narrow = `
  roles      = ["demo", "billing-*"]
  methods    = ["GET", "POST"]
  v3_paths   = ["warm", "services", "services/+/endpoints"]
  v2_methods = ["test.echo", "oauth2.createAccessToken"]
  v2_arguments = {
    "oauth2.createAccessToken" = { service_key = ["abc*"] }
  }
`

// inListeners puts rules into every listener.
func inListeners(rules string) []edit {
	var edits []edit
	for _, kind := range []string{"tcp", "unix"} {
		begin := `listener "` + kind + `" {`
		edits = append(edits, edit{begin, begin + "\n" + rules})
	}
	return edits
}

// narrowed opens two worlds with the same rules: in the listeners, and in the
// mashery block.
func narrowed(t *testing.T, rules string, try func(t *testing.T, f *fortress)) {
	for where, edits := range map[string][]edit{"rules of the listeners": inListeners(rules), "rules of the block": {inMashery(rules)}} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			f := besieged(t, almighty, edits...)
			f.write(t, "mash-creds/roles/other", map[string]any{"area_nid": 1042, "api_key": "x", "secret": "y"})
			try(t, f)
		})
	}
}

func TestNoCallLeadsAroundALocalRule(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	wrapped := []string{"X-Vault-Wrap-TTL", "60"}
	post := func(name, target, want string, header ...string) attack {
		return attack{name, "POST", target, "{}", want, header}
	}
	narrowed(t, narrow, func(t *testing.T, f *fortress) {
		f.repels(t, []attack{
			asks("another role", "/v1/mash-creds/roles/other/proxy/v3/services", denied),
			asks("a role in other letters", "/v1/mash-creds/roles/Demo/proxy/v3/services", denied),
			asks("a role that begins as one that is allowed", "/v1/mash-creds/roles/demo2/proxy/v3/services", denied),
			asks("another role, its letters escaped", "/v1/mash-creds/roles/%6fther/proxy/v3/services", refused),
			asks("another path", v3+"members", denied), asks("a path below one that is allowed", v3+"services/x", denied),
			asks("a path further below one that is allowed", v3+"services/x/endpoints/y", denied),
			asks("a path in other letters", v3+"Services", denied),
			asks("two segments for one, by an escaped slash", v3+"services/a%2Fb/endpoints", denied),
			asks("two segments for one, by a slash escaped twice", v3+"services/a%252Fb/endpoints", denied),
			asks("a backslash", v3+`services/a\b/endpoints`, denied), asks("a path parameter", v3+"services;x/a/endpoints", denied),
			asks("a path parameter within one segment", v3+"services/a;b/endpoints", denied),
			asks("an escaped query", v3+"services/a%3Fb/endpoints", denied), asks("an escaped fragment", v3+"services/a%23/endpoints", denied),
			asks("a path that climbs", v3+"services/x/../../members", refused),
			asks("a path that climbs, escaped", v3+"services/%2e%2e/endpoints", refused),
			asks("overlong dots", v3+"services/%c0%ae%c0%ae/endpoints", refused),
			asks("another path, named with its verb", rolePath+"/proxy/v3-method/get/members", denied),
			{name: "another verb", method: "DELETE", target: v3 + "services", want: denied},
			{name: "another verb in lower case", method: "delete", target: v3 + "services", want: denied},
			{name: "HEAD where GET is allowed", method: "HEAD", target: v3 + "services", want: denied},
			post("another verb, in the path", rolePath+"/proxy/v3-method/delete/services", denied),
			post("another verb, behind the path", v3+"services;target-method-delete", denied),
			post("another verb, behind another path", v3+"members;target-method-post", denied),
			post("another verb, by a header", v3+"members", denied, "X-HTTP-Method-Override", "GET"),
		})
		t.Run("and left to Vault", func(t *testing.T) {
			f.repels(t, []attack{
				asks("another role by a wrapping", "/v1/mash-creds/roles/other/proxy/v3/services", denied, wrapped...),
				asks("another path by a wrapping", v3+"members", denied, wrapped...),
				asks("another path by a namespace", v3+"members", denied, namespaceHeader, "team"),
				asks("an allowed path by a namespace", v3+"services", denied, namespaceHeader, "team"),
				asks("another path by a namespace that holds the mount", "/v1/roles/demo/proxy/v3/members", denied, namespaceHeader, "mash-creds"),
				asks("another path by the engine's command line", rolePath+"/v3/members", denied),
				asks("an allowed path by the engine's command line", rolePath+"/v3/services", denied),
				asks("another role's description", "/v1/mash-creds/roles/other", denied),
				asks("another role's grant", "/v1/mash-creds/roles/other/grant", "credential_withheld"),
				asks("another role, its slash escaped", "/v1/mash-creds/roles%2Fother", denied),
				{name: "another verb by a wrapping", method: "DELETE", target: v3 + "services", want: denied, header: wrapped},
				{name: "another verb by a namespace", method: "DELETE", target: v3 + "services", want: denied, header: []string{namespaceHeader, "team"}},
				{name: "another role deleted", method: "DELETE", target: "/v1/mash-creds/roles/other", want: denied},
				post("V2 by the engine's command line", rolePath+"/v2/member.delete", denied),
				post("V2 by a wrapping", v2+"/member.delete", denied, wrapped...),
				post("V2 by a namespace", v2+"/member.delete", denied, namespaceHeader, "team"),
			})
		})
	})
}

func TestNoV2CallLeadsAroundALocalRule(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	call := func(name, body, want string, header ...string) attack {
		return attack{name, "POST", v2, body, want, header}
	}
	below := func(name, params string) attack {
		return attack{name: name, method: "POST", target: v2 + "/oauth2.createAccessToken", body: `{"id":1,"params":` + params + `}`, want: denied}
	}
	create := func(params string) string {
		return `{"id":1,"method":"oauth2.createAccessToken","params":` + params + `}`
	}
	const evil = `{"method":"member.delete","params":[1]}`
	narrowed(t, narrow, func(t *testing.T, f *fortress) {
		f.repels(t, []attack{
			call("another method", evil, denied), call("another method, escaped", `{"method":"member\u002edelete"}`, denied),
			call("a method in other letters", `{"method":"TEST.echo","params":["x"]}`, denied),
			call("a method with a space", `{"method":"test.echo ","params":["x"]}`, denied),
			call("a method twice", `{"method":"test.echo","method":"member.delete"}`, refused),
			call("a method under a key in other letters", `{"method":"test.echo","METHOD":"member.delete"}`, refused),
			call("a batch", `[`+echo+`,`+evil+`]`, refused), call("two envelopes", echo+evil, refused), call("no method", `{"params":[1]}`, denied),
			call("a body that is packed", packed(echo), refused, "Content-Encoding", "gzip"), call("no body", "", refused),
			call("a form", "method=member.delete", refused, "Content-Type", "application/x-www-form-urlencoded"),
			call("a body of more than 1 MiB", `{"method":"test.echo","id":"`+strings.Repeat("x", 1<<20)+`"}`, "too_large"),
			call("arguments by position", create(`["abc1"]`), denied), call("arguments by position, one an object", create(`[{"service_key":"abc1"}]`), denied),
			call("no arguments", `{"method":"oauth2.createAccessToken"}`, denied), call("arguments that are nothing", create(`null`), denied),
			call("arguments as a text", create(`"{\"service_key\":\"abc1\"}"`), denied), call("without the argument", create(`{"client":{}}`), denied),
			call("another value", create(`{"service_key":"xyz"}`), denied), call("a value in other letters", create(`{"service_key":"ABC1"}`), denied),
			call("a value that holds an allowed one", create(`{"service_key":"xabc1"}`), denied),
			call("values as a list", create(`{"service_key":["abc1","xyz"]}`), denied), call("a value that is an object", create(`{"service_key":{"abc1":1}}`), denied),
			call("a value that is nothing", create(`{"service_key":null}`), denied),
			call("an argument twice", create(`{"service_key":"abc1","service_key":"xyz"}`), refused),
			call("an argument twice, once escaped", create(`{"service_key":"abc1","service\u005fkey":"xyz"}`), refused),
			call("an argument in other letters beside it", create(`{"service_key":"abc1","Service_Key":"xyz"}`), denied),
			call("an argument in other letters", create(`{"SERVICE_KEY":"abc1"}`), denied),
			call("an argument in letters that fold", create("{\"service_key\":\"abc1\",\"\u017fervice_key\":\"xyz\"}"), denied),
			call("arguments under a key in other letters", `{"method":"oauth2.createAccessToken","params":{"service_key":"abc1"},"Params":{"service_key":"xyz"}}`, refused),
			call("arguments twice", `{"method":"oauth2.createAccessToken","params":{"service_key":"abc1"},"params":{"service_key":"xyz"}}`, refused),
			call("another value by a wrapping", create(`{"service_key":"xyz"}`), denied, "X-Vault-Wrap-TTL", "60"),
			call("another value by a namespace", create(`{"service_key":"xyz"}`), denied, namespaceHeader, "team"),
			below("another value below the method", `{"service_key":"xyz"}`), below("arguments by position below the method", `["abc1"]`),
			{name: "another method in the path", method: "POST", target: v2 + "/member.delete", body: `{}`, want: denied},
			{name: "another method in the path, in other letters", method: "POST", target: v2 + "/OAuth2.createAccessToken", body: `{"params":["x"]}`, want: denied},
		})
		t.Run("what is allowed goes on", func(t *testing.T) {
			f.unix.get(t, v3+"services/x/endpoints").expect(t, http.StatusOK, "")
			answer := f.tcp.send(t, "POST", v2, create(`{"service_key":"abc1","client":{"client_id":"x"}}`))
			if answer.verdict() != "mashery" { // which knows no such key
				t.Errorf("the answer is %d %s: %s", answer.status, answer.verdict(), answer.body)
			}
		})
	})
}

func TestNoSpellingLeadsAroundVaultPaths(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	f := besieged(t, almighty, inListeners(`  vault_paths = ["auth/token/lookup-self", "sys/internal/ui/mounts/+", "cubbyhole/app/*"]`)...)
	f.repels(t, []attack{
		asks("another path", "/v1/sys/mounts", denied), asks("the role", rolePath, denied), asks("the mount's configuration", "/v1/mash-creds/config", denied),
		asks("another path, a letter escaped", "/v1/sys/m%6funts", denied), asks("another path, its slash escaped", "/v1/sys%2Fmounts", denied),
		asks("a path below one that is allowed", "/v1/auth/token/lookup-self/x", denied), asks("a path above one that is allowed", "/v1/auth/token", denied),
		asks("a path in other letters", "/v1/auth/token/LOOKUP-self", denied), asks("a path with a path parameter", lookup+";x", denied),
		asks("two segments for one", "/v1/sys/internal/ui/mounts/a/b", denied), asks("two segments for one, escaped", "/v1/sys/internal/ui/mounts/a%2fb", denied),
		asks("an allowed path in a namespace", "/v1/cubbyhole/app/x", denied, namespaceHeader, "team"),
		asks("a path that is allowed without its namespace", "/v1/token/lookup-self", denied, namespaceHeader, "auth"),
		asks("a path that climbs", "/v1/cubbyhole/app/../x", refused), asks("a path that climbs, escaped", "/v1/cubbyhole/app/%2e%2e/x", refused),
		asks("a path that climbs, escaped twice", "/v1/cubbyhole/app/%252e%252e/x", refused), asks("an empty segment", "/v1/cubbyhole/app//x", refused),
		asks("no path", "/v1/", denied), asks("nothing of the API", "/ui/", denied), asks("a path beside the API", "/v1x/sys/mounts", denied),
		asks("a credential", rolePath+"/grant", "credential_withheld"),
		{name: "a write", method: "POST", target: "/v1/sys/policies/acl/x", body: `{"policy":"x"}`, want: denied},
		{name: "a list of another path", method: "LIST", target: "/v1/sys/policies/acl", want: denied},
		{name: "a list of the folder above", method: "LIST", target: "/v1/cubbyhole", want: denied},
	})
	t.Run("what is allowed goes on", func(t *testing.T) {
		f.tcp.get(t, lookup).expect(t, http.StatusOK, "")
		f.tcp.send(t, "POST", "/v1/cubbyhole/app/x", `{"a":"b"}`).expect(t, http.StatusNoContent, "")
		f.tcp.get(t, v3+"services").expect(t, http.StatusOK, "")
	})
}
