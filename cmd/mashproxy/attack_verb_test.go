// SPDX-License-Identifier: MPL-2.0

package main_test

import "testing"

// writesNothing lets services be read, and posted to one of them.
const writesNothing = warmth + `
path "mash-creds/roles/demo/proxy/v3/services*" { capabilities = ["read"] }
path "mash-creds/roles/demo/proxy/v3/open*"     { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v3-method/delete/open" { capabilities = ["update"] }
`

func TestNoVerbBecomesAnother(t *testing.T) {
	t.Parallel()
	const denied, unknown, refused = "policy_denied", "method_not_allowed", "bad_request"
	override := func(header string) attack {
		return attack{"POST to be taken for GET by " + header, "POST", v3 + "services", "", denied, []string{header, "GET"}}
	}
	call := func(name, method, target, want string) attack {
		return attack{name: name, method: method, target: target, want: want}
	}
	method := rolePath + "/proxy/v3-method/"
	besieged(t, writesNothing).repels(t, []attack{
		override("X-HTTP-Method-Override"), override("X-Http-Method"), override("X-Method-Override"), override("X_HTTP_Method_Override"),
		call("POST to be taken for GET by the query", "POST", v3+"services?_method=GET", denied),
		{name: "POST to be taken for GET by a form", method: "POST", target: v3 + "services", body: "_method=GET", want: denied, header: []string{"Content-Type", "application/x-www-form-urlencoded"}},
		call("a verb in lower case is that verb", "delete", v3+"services/x", denied),
		call("a verb in mixed case is that verb", "pOsT", v3+"services", denied),
		call("GET becomes LIST by the query", "GET", v3+"services?list=true", denied),
		call("GET becomes LIST by an escaped query", "GET", v3+"services?l%69st=1", denied),
		call("GET becomes LIST by the first of two", "GET", v3+"services?list=t&list=false", denied),
		call("a list that is neither true nor false", "GET", v3+"services?list=perhaps", refused),
		call("LIST needs list", "LIST", v3+"services", denied),
		call("PATCH", "PATCH", v3+"services/x", unknown), call("TRACE", "TRACE", v3+"services", unknown),
		call("OPTIONS", "OPTIONS", v3+"services", unknown), call("a verb nobody knows", "PURGE", v3+"services", unknown),
		call("Vault's verb to scan", "SCAN", v3+"services", unknown), call("CONNECT to a path", "CONNECT", v3+"services", unknown),
		call("a verb with a semicolon in the path needs that right, too", "POST", v3+"open;target-method-delete", denied),
		call("a verb in upper case in the path needs that right, too", "POST", v3+"open;target-method-DELETE", denied),
		call("a verb before a query in the path needs that right, too", "PUT", v3+"open;target-method-delete?fields=id", denied),
		call("a verb named twice needs the right to the last", "POST", v3+"open;target-method-put;target-method-delete", denied),
		call("a verb in the middle of the path needs that right, too", "POST", method+"delete/open", denied),
		call("a verb in the path and one after it", "POST", method+"put/open;target-method-delete", refused),
		call("the semicolon of a verb escaped", "POST", v3+"open%3Btarget-method-delete", refused),
		call("the semicolon of a verb escaped in lower case", "POST", v3+"open%3btarget-method-delete", refused),
		call("a dash of a verb escaped", "POST", v3+"open;target%2Dmethod-delete", refused),
		call("a letter of a verb escaped", "POST", v3+"open;target-method-d%65lete", refused),
		call("a space after a verb", "POST", v3+"open;target-method-delete%20", refused),
		call("a null byte after a verb", "POST", v3+"open;target-method-delete%00", refused),
		call("a query after a verb, escaped", "POST", v3+"open;target-method-delete%3Fx", refused),
		call("a slash after a verb", "POST", v3+"open;target-method-delete/", refused),
		call("a verb that Mashery does not have", "POST", v3+"open;target-method-patch", refused),
		call("no verb where one is announced", "POST", v3+"open;target-method-", refused),
		call("a read that is asked for by a write", "POST", v3+"open;target-method-get", refused),
		call("a write that is asked for by a read", "GET", v3+"services;target-method-delete", unknown),
		call("a write that is asked for by a read of the path", "GET", method+"delete/services/x", unknown),
		call("a write that is asked for by HEAD", "HEAD", method+"delete/services/x", unknown),
		call("a write that is asked for by LIST", "LIST", method+"delete/services/x", unknown),
		call("a delete that is asked for by a delete", "DELETE", method+"delete/services/x", unknown),
		call("a read of the path that is asked for by a write", "POST", method+"get/services", unknown),
		call("V2 by GET", "GET", v2, unknown), call("V2 by PUT", "PUT", v2+"/test.echo", unknown),
		call("V2 with a query", "POST", v2+"/test.echo?method=member.delete", refused),
		call("V2 with an empty query", "POST", v2+"/test.echo?", refused),
	})
}

func TestADisguisedVerbIsSentAsItWasJudged(t *testing.T) {
	t.Parallel()
	get := func(name, target, sent string, header ...string) disguise {
		return disguise{name, "GET", v3 + target, "", "GET " + sent, header}
	}
	post := func(name, target, sent, body string, header ...string) disguise {
		return disguise{name, "POST", v3 + target, body, "POST " + sent, header}
	}
	f := besieged(t, writesNothing)
	f.serves(t, []disguise{
		get("GET to be taken for DELETE by a header", "services/x", "services/x", "X-HTTP-Method-Override", "DELETE"),
		get("GET to be taken for DELETE by a header with underlines", "services/x", "services/x", "X_HTTP_Method_Override", "DELETE"),
		get("GET to be taken for another path by a header", "services/x", "services/x", "X-Original-URL", "/v3/rest/members", "X-Rewrite-URL", "/v3/rest/members"),
		get("GET to be taken for that of another host", "services/x", "services/x", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example"),
		get("GET to be taken for LIST by the second of two", "services?list=false&list=true", "services?list=false&list=true"),
		get("GET to be taken for LIST by other letters", "services?LIST=true", "services?LIST=true"),
		post("POST with a verb in other letters", "open;Target-Method-Delete", "open;Target-Method-Delete", `{}`),
		post("POST with a verb in the middle", "open;target-method-delete/x", "open;target-method-delete/x", `{}`),
	})
	t.Run("no header that means a verb or a path is sent", func(t *testing.T) {
		for _, r := range f.Mashery().Requests() {
			for name := range r.Header {
				switch name {
				case "Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "User-Agent":
				default:
					t.Errorf("%s was sent", name)
				}
			}
		}
	})
	t.Run("GET has no body", func(t *testing.T) {
		f.unix.send(t, "GET", v3+"services", `{"name":"x"}`).expect(t, 200, "")
		if sent := f.last(t); len(sent.Body) != 0 || sent.ContentLength != 0 {
			t.Errorf("%q was sent", sent.Body)
		}
	})
}
