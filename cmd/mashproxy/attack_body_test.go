// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"strings"
	"testing"
)

// particular looks at parameters, and at the methods of V2.
const particular = warmth + `
path "mash-creds/roles/demo/proxy/v3/services" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "name" = ["team-*"], "limit" = ["1"] }
}
path "mash-creds/roles/demo/proxy/v3/members" {
  capabilities      = ["read", "update", "delete"]
  denied_parameters = { "passwd" = [], "key" = [] }
}
path "mash-creds/roles/demo/proxy/v3/roles" {
  capabilities        = ["update", "delete"]
  required_parameters = ["reason"]
}
path "mash-creds/roles/demo/proxy/v2"               { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v2/member.delete" { capabilities = ["deny"] }
path "mash-creds/roles/demo/proxy/v2/key.*"         { capabilities = ["deny"] }
`

// packed is a text as gzip packs it.
func packed(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}

func deflated(text string) string {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestSpeed)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}

func TestABodyHasOneReadingWhereARuleLooksAtIt(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	post := func(name, body, want string, header ...string) attack {
		return attack{name, "POST", v3 + "services", body, want, header}
	}
	const good, evil = `{"name":"team-a"}`, `{"name":"other"}`
	besieged(t, particular).repels(t, []attack{
		post("a value that is not allowed", evil, denied),
		post("a value that is not allowed beside one that is", `{"name":["team-a","other"]}`, denied),
		post("a parameter that is not allowed", `{"name":"team-a","x":1}`, denied),
		post("a key in other letters", `{"NAME":"other"}`, denied),
		post("a key escaped", `{"n\u0061me":"other"}`, denied),
		post("a key twice", `{"name":"team-a","name":"other"}`, refused),
		post("a key twice, once escaped", `{"name":"team-a","n\u0061me":"other"}`, refused),
		post("a key twice, further down", `{"name":"team-a","limit":{"a":1,"a":2}}`, refused),
		post("two objects", good+evil, refused), post("two objects in two lines", good+"\n"+evil, refused),
		post("an array", `[`+evil+`]`, refused), post("a string", `"team-a"`, refused), post("half an object", `{"name":"team-a"`, refused),
		post("a comment", `{"name":"team-a"/*,"name":"other"*/}`, refused), post("a comma too many", `{"name":"team-a",}`, refused),
		post("quotes of another kind", `{'name':'other'}`, refused),
		post("a byte order mark", "\ufeff"+evil, refused), post("a null byte", "\x00"+evil, refused), post("UTF-16", "{\x00\"\x00n\x00", refused),
		post("bytes that are not UTF-8", "{\"name\":\"team-\xff\"}", refused), post("half a surrogate pair", `{"name":"team-\ud800"}`, refused),
		post("nested 200 deep", `{"limit":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}`, refused),
		post("a body of 1 MiB and a byte", `{"name":"team-`+strings.Repeat("x", 1<<20-15)+`"}`, "too_large"),
		post("gzip", packed(evil), refused, "Content-Encoding", "gzip"),
		post("gzip without saying so", packed(evil), refused),
		post("gzip in other letters", packed(evil), refused, "Content-Encoding", "GZip"),
		post("gzip by its old name", packed(evil), refused, "Content-Encoding", "x-gzip"),
		post("gzip in a second line", packed(evil), refused, "Content-Encoding", "identity", "Content-Encoding", "gzip"),
		post("gzip in a list", packed(evil), refused, "Content-Encoding", "identity, gzip"),
		post("deflate", deflated(evil), refused, "Content-Encoding", "deflate"),
		post("an encoding nobody knows", good, refused, "Content-Encoding", "rot13"),
		post("a form", "name=other", refused, "Content-Type", "application/x-www-form-urlencoded"),
		post("a form that begins as an object", good+"&name=other", refused, "Content-Type", "application/x-www-form-urlencoded"),
		post("a form in a second line", "name=other", refused, "Content-Type", "application/json", "Content-Type", "application/x-www-form-urlencoded"),
		post("a form of several parts", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nother\r\n--x--", refused, "Content-Type", "multipart/form-data; boundary=x"),
		post("another charset", good, refused, "Content-Type", "application/json; charset=utf-7"),
		post("a type that cannot be read", good, refused, "Content-Type", "application/json; charset"),
		{name: "a denied key in other letters", method: "POST", target: v3 + "members", body: `{"PassWd":"x"}`, want: denied},
		{name: "a denied key with a letter that is lower case elsewhere", method: "POST", target: v3 + "members", body: "{\"\u212aey\":\"x\"}", want: denied},
		{name: "a required parameter that is in the query of a write", method: "POST", target: v3 + "roles?reason=x", body: `{}`, want: denied},
		{name: "no body where one is required", method: "PUT", target: v3 + "roles", want: denied},
		{name: "spaces where a body is required", method: "PUT", target: v3 + "roles", body: "  \n", want: denied},
	})
}

func TestAQueryHasOneReadingWhereARuleLooksAtIt(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	besieged(t, particular).repels(t, []attack{
		asks("a value that is not allowed", v3+"services?limit=2", denied),
		asks("a parameter twice", v3+"services?limit=1&limit=2", denied),
		asks("a parameter twice, both allowed", v3+"services?limit=1&limit=1", denied),
		asks("a parameter twice, once escaped", v3+"services?limit=1&lim%69t=2", denied),
		asks("a parameter in other letters", v3+"services?LIMIT=2", denied),
		asks("a parameter as a list", v3+"services?limit=1&limit[]=2", denied),
		asks("what Vault would answer its help for", v3+"services?help=1", denied),
		asks("what Vault would answer its help for, beside what is allowed", v3+"services?limit=1&help=1", denied),
		asks("a semicolon", v3+"services?limit=1;limit=2", refused),
		asks("a semicolon before all", v3+"services?a;limit=2", refused),
		asks("an escaped semicolon is a value", v3+"services?limit=1%3Blimit=2", denied),
		asks("half an escape", v3+"services?limit=1&a=%z", refused),
		asks("an escaped ampersand is a value", v3+"services?limit=1%26limit=2", denied),
		asks("a null byte", v3+"services?limit=1%00", denied),
		asks("a denied parameter", v3+"members?passwd=x", denied),
		asks("a denied parameter without a value", v3+"members?passwd", denied),
		asks("a denied parameter in other letters", v3+"members?PASSWD=x", denied),
		asks("a denied parameter with a letter that is lower case elsewhere", v3+"members?%E2%84%AAey=x", denied),
		asks("a denied parameter beside others", v3+"members?"+strings.Repeat("a=b&", 500)+"passwd=x", denied),
		{name: "a denied parameter of HEAD", method: "HEAD", target: v3 + "members?passwd=x", want: denied},
		{name: "a value that is not allowed in lower case", method: "get", target: v3 + "services?limit=2", want: denied},
	})
}

func TestWhatVaultOverlooksIsOverlookedHereToo(t *testing.T) {
	t.Parallel()
	besieged(t, particular).serves(t, []disguise{
		{name: "an empty value is any value", method: "GET", target: v3 + "services?limit=", sent: "GET services?limit="},
		{name: "parameters of DELETE", method: "DELETE", target: v3 + "members?passwd=x", sent: "DELETE members?passwd=x"},
		{name: "what DELETE would have to name", method: "DELETE", target: v3 + "roles", sent: "DELETE roles"},
		{name: "the query of a write", method: "POST", target: v3 + "members?passwd=x", body: `{"name":"x"}`, sent: "POST members?passwd=x"},
		{name: "what is below a parameter", method: "POST", target: v3 + "members", body: `{"name":{"passwd":"x"}}`, sent: "POST members"},
	})
}

func TestAV2MethodThatIsDeniedHasNoOtherName(t *testing.T) {
	t.Parallel()
	const denied, refused = "policy_denied", "bad_request"
	call := func(name, body, want string, header ...string) attack {
		return attack{name, "POST", v2, body, want, header}
	}
	below := func(name, method, body, want string) attack {
		return attack{name: name, method: "POST", target: v2 + "/" + method, body: body, want: want}
	}
	const evil = `{"method":"member.delete","params":[1]}`
	besieged(t, particular).repels(t, []attack{
		call("as it is", evil, denied), call("by a rule for several", `{"method":"key.create"}`, denied),
		call("escaped", `{"method":"member\u002edelete"}`, denied), call("under a key that is escaped", `{"m\u0065thod":"member.delete"}`, denied),
		call("in capitals", `{"method":"MEMBER.DELETE"}`, denied), call("in some capitals", `{"method":"Member.Delete"}`, denied),
		call("in capitals, by a rule for several", `{"method":"Key.create"}`, denied),
		call("with a blank behind it", `{"method":"member.delete "}`, refused), call("with a blank before it", `{"method":" member.delete"}`, refused),
		call("with a null byte", `{"method":"member.delete\u0000"}`, refused), call("with a slash", `{"method":"member.delete/"}`, refused),
		call("with a letter that looks alike", `{"method":"mem\u042cer.delete"}`, refused), call("in letters that fold", `{"method":"\u212aey.create"}`, refused),
		call("twice", `{"method":"test.echo","method":"member.delete"}`, refused),
		call("twice, once escaped", `{"method":"test.echo","m\u0065thod":"member.delete"}`, refused),
		call("under a key in other letters", `{"method":"test.echo","Method":"member.delete"}`, refused),
		call("only under a key in other letters", `{"METHOD":"member.delete"}`, refused),
		call("beside a parameter in letters that fold", "{\"method\":\"test.echo\",\"param\u017f\":[1]}", refused),
		call("in a batch", `[`+evil+`]`, refused), call("in a batch behind one that is allowed", `[`+echo+`,`+evil+`]`, refused),
		call("in a second envelope", echo+evil, refused), call("in a second line", echo+"\n"+evil, refused),
		call("as a list", `{"method":["member.delete"]}`, refused), call("as an object", `{"method":{"name":"member.delete"}}`, refused),
		call("as nothing", `{"method":null}`, refused), call("not at all", `{"params":[1]}`, refused), call("without a body", ``, refused),
		call("in gzip", packed(evil), refused, "Content-Encoding", "gzip"), call("in gzip without saying so", packed(evil), refused),
		call("in deflate", deflated(evil), refused, "Content-Encoding", "deflate"),
		call("in UTF-16", "\xfe\xff\x00{", refused), call("in UTF-7", evil, refused, "Content-Type", "application/json; charset=utf-7"),
		call("as a form", "method=member.delete", refused, "Content-Type", "application/x-www-form-urlencoded"),
		call("after 1 MiB", `{"id":"`+strings.Repeat("x", 1<<20)+`","method":"member.delete"}`, "too_large"),
		below("in the path", "member.delete", `{}`, denied), below("in the path, and another in the body", "test.echo", evil, refused),
		below("in the body, and another in the path", "member.delete", echo, denied),
		below("in the path, in capitals", "MEMBER.delete", `{}`, denied), below("in the path, with a parameter", "member.delete;x", `{}`, denied),
		below("in the path, a letter escaped", "memb%65r.delete", `{}`, refused),
		below("in the path, a dot escaped", "member%2Edelete", `{}`, refused),
		below("in the path, a slash after it", "member.delete/", `{}`, refused),
		below("in the path, an empty one before it", "/member.delete", `{}`, refused),
		below("in a batch below another", "test.echo", `[`+evil+`]`, refused),
		below("in a key in other letters below another", "test.echo", `{"Method":"member.delete"}`, refused),
		below("in gzip below another", "test.echo", packed(evil), refused),
		below("in a body of 1 MiB and more below another", "test.echo", `{"id":"`+strings.Repeat("x", 1<<20)+`"}`, "too_large"),
	})
}
