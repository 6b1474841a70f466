// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"testing"
)

// asks is an attack that asks for a path.
func asks(name, target, want string, header ...string) attack {
	return attack{name: name, method: "GET", target: target, want: want, header: header}
}

func TestAPathThatClimbsIsRefused(t *testing.T) {
	t.Parallel()
	const refused = "bad_request"
	besieged(t, almighty).repels(t, []attack{
		asks("two dots", v3+"services/../../../grant", refused),
		asks("two dots that are the whole rest", v3+"..", refused),
		asks("two dots at the end", "/v1/sys/health/..", refused),
		asks("one dot", v3+"services/./x", refused),
		asks("an empty segment", v3+"services//x", refused),
		asks("two slashes at the end", v3+"/", refused),
		asks("dots escaped", v3+"%2e%2e/%2e%2e/grant", refused),
		asks("dots escaped in upper case", v3+"services/%2E%2E/x", refused),
		asks("one dot escaped and one not", v3+"services/.%2e/%2E./x", refused),
		asks("dots escaped twice", v3+"%252e%252e/grant", refused),
		asks("an escape that is escaped letter by letter", v3+"%25%32%65%25%32%65/grant", refused),
		asks("slashes escaped", v3+"..%2f..%2fgrant", refused),
		asks("slashes escaped twice", v3+"a%252f..%252fb", refused),
		asks("dots and slashes escaped", v3+"a%2f%2e%2e%2fb", refused),
		asks("an empty segment of escaped slashes", v3+"a%2F%2Fb", refused),
		asks("an empty segment of slashes escaped twice", v3+"a%252F%252Fb", refused),
		asks("a path parameter after the dots", v3+"services/..;/..;x=y/grant", refused),
		asks("an escaped path parameter after the dots", v3+"services/..%3b/grant", refused),
		asks("backslashes", v3+`services\..\..\grant`, refused),
		asks("backslashes escaped", v3+"services%5c..%5C..%5cgrant", refused),
		asks("backslashes escaped twice", v3+"services%255c..%255cgrant", refused),
		asks("overlong UTF-8 for dots", v3+"services/%c0%ae%c0%ae/x", refused),
		asks("overlong UTF-8 for slashes", v3+"services/..%c0%af..%C0%AFx", refused),
		asks("overlong UTF-8 for backslashes", v3+"services/..%c1%9c..%c1%9cx", refused),
		asks("overlong UTF-8 of three bytes", v3+"services/%e0%80%ae%e0%80%ae/x", refused),
		asks("overlong UTF-8 of four bytes", v3+"services/%f0%80%80%ae%f0%80%80%ae/x", refused),
		asks("overlong UTF-8 escaped twice", v3+"services/%25c0%25ae%25c0%25ae/x", refused),
		asks("a null byte after the dots", v3+"services/..%00/x", refused),
		asks("a tab after the dots", v3+"services/..%09/x", refused),
		asks("a space after the dots", v3+"services/..%20/x", refused),
		asks("a new line in the path", v3+"services/x%0d%0aX-Injected:%201", refused),
		asks("a new line escaped twice", v3+"services/x%250a", refused),
		asks("a new line in the role", "/v1/mash-creds/roles/de%0d%0amo/proxy/v3/services", refused),
		asks("a delete character", v3+"x%7f", refused),
		asks("a C1 control character", v3+"x%c2%85", refused),
		asks("an escape that is none", v3+"services/%u002e%u002e/x", byHTTP),
		asks("half an escape", v3+"services/%2/x", byHTTP),
	})
}

func TestNoPathClimbsToACredential(t *testing.T) {
	t.Parallel()
	const refused = "bad_request"
	besieged(t, almighty).repels(t, []attack{
		asks("from a path of Vault's own", "/v1/sys/../mash-creds/roles/demo/grant", refused),
		asks("from above the API", "/v1/%2e%2e/v1/mash-creds/roles/demo/grant", refused),
		asks("from the program's own paths", "/proxy/../v1/mash-creds/roles/demo/grant", refused),
		asks("from another role", "/v1/mash-creds/roles/other/../demo/grant", refused),
		asks("from another mount", "/v1/other%2f..%2fmash-creds/roles/demo/grant", refused),
		asks("from a V2 call", v2+"/%2e%2e/../grant", refused),
		asks("from below itself", rolePath+"/grant/x/..", refused),
		asks("with two slashes before the mount", "/v1//mash-creds/roles/demo/grant", refused),
		asks("with two slashes before the role", "/v1/mash-creds/roles//demo/grant", refused),
		asks("with two slashes before itself", rolePath+"//grant", refused),
		asks("with two slashes at the end", rolePath+"/grant//", refused),
		asks("with an escaped slash at the end", rolePath+"/grant/%2f", refused),
		asks("with a dot before itself", rolePath+"/./grant", refused),
		asks("with a dot at the end", rolePath+"/grant/.", refused),
		asks("to make a token", "/v1/./auth/token/create", refused),
		asks("to the token itself", "/v1/auth/token/x/../lookup-self", refused),
		asks("to the token itself, with two slashes", "/v1/auth/token%2f%2flookup-self", refused),
	})
}

func TestAnAliasOfALocalPathIsNoWayRoundPolicyAndPacing(t *testing.T) {
	t.Parallel()
	const refused = "bad_request"
	f := besieged(t, almighty)
	f.repels(t, []attack{
		asks("a letter of the role escaped", "/v1/mash-creds/roles/de%6Do/proxy/v3/services", refused),
		asks("a letter of the mount escaped", "/v1/mash%2Dcreds/roles/demo/proxy/v3/services", refused),
		asks("a letter of the version escaped", "/%761/mash-creds/roles/demo/proxy/v3/services", refused),
		asks("the slash of the version escaped", "/v1%2Fmash-creds/roles/demo/proxy/v3/services", refused),
		asks("the slash of the mount escaped", "/v1/mash-creds%2Froles/demo/proxy/v3/services", refused),
		asks("all slashes escaped", "/v1/mash-creds/roles%2fdemo%2fproxy%2fv3%2fservices", refused),
		asks("the slash of the role escaped", rolePath+"%2Fproxy/v3/services", refused),
		asks("the slash of the API escaped", rolePath+"/proxy%2Fv3/services", refused),
		asks("the slash before the object escaped", rolePath+"/proxy/v3%2Fservices", refused),
		asks("a letter of proxy escaped", rolePath+"/prox%79/v3/services", refused),
		asks("a digit of the API escaped", rolePath+"/proxy/v%33/services", refused),
		asks("a letter of the verb escaped", rolePath+"/proxy/v3-method/g%65t/services", refused),
		asks("the slash of the verb escaped", rolePath+"/proxy/v3-method%2Fget/services", refused),
		{name: "the digit of V2 escaped", method: "POST", target: rolePath + "/proxy/v%32", body: echo, want: refused},
		{name: "the slash of V2 escaped", method: "POST", target: rolePath + "/proxy%2Fv2", body: echo, want: refused},
		{name: "the dot of a V2 method escaped", method: "POST", target: v2 + "/test%2Eecho", body: echo, want: refused},
		{name: "a slash after V2", method: "POST", target: v2 + "/", body: echo, want: refused},
		asks("a dot after the role", "/v1/mash-creds/roles/demo./proxy/v3/services", refused),
		asks("a space after the role", "/v1/mash-creds/roles/demo%20/proxy/v3/services", refused),
		asks("a path parameter after the role", "/v1/mash-creds/roles/demo;x/proxy/v3/services", refused),
		asks("a role that looks the same", "/v1/mash-creds/roles/d%D0%B5mo/proxy/v3/services", refused),
		asks("a role that looks the same, unescaped", "/v1/mash-creds/roles/d\u0435mo/proxy/v3/services", refused),
		asks("a role without a name", "/v1/mash-creds/roles/-/proxy/v3/services", refused),
		asks("the role in upper case", "/v1/mash-creds/roles/DEMO/proxy/v3/services", "grant_refused"),
		asks("the mount in upper case", "/v1/MASH-CREDS/roles/demo/proxy/v3/services", byVault),
		asks("a mount that looks the same", "/v1/mash\u2010creds/roles/demo/proxy/v3/services", byVault),
		asks("a path parameter after the mount", "/v1/mash-creds;x/roles/demo/proxy/v3/services", byVault),
		asks("roles in upper case", "/v1/mash-creds/Roles/demo/proxy/v3/services", byVault),
		asks("proxy in upper case", rolePath+"/PROXY/v3/services", byVault),
		asks("the API in upper case", rolePath+"/proxy/V3/services", byVault),
		asks("the version in upper case", "/V1/mash-creds/roles/demo/proxy/v3/services", byVault),
		asks("another version", "/v2/mash-creds/roles/demo/proxy/v3/services", byVault),
		asks("no version", "/mash-creds/roles/demo/proxy/v3/services", byVault),
		asks("another API", rolePath+"/proxy/v4/services", byVault),
		asks("the path below another", "/v1/x/mash-creds/roles/demo/proxy/v3/services", byVault),
	})
	t.Run("one slash at the end is the caller's own", func(t *testing.T) {
		f.tcp.get(t, v3+"services/").expect(t, http.StatusOK, "")
		if sent := f.last(t).RequestURI; sent != "/v3/rest/services/" {
			t.Errorf("sent was %s", sent)
		}
		f.tcp.send(t, "LIST", "/v1/mash-creds/roles/", "").expect(t, http.StatusOK, "")
	})
}

func TestAnAliasOfACredentialIsNone(t *testing.T) {
	t.Parallel()
	const refused = "credential_withheld"
	besieged(t, almighty).repels(t, []attack{
		asks("a letter escaped", rolePath+"/gr%61nt", refused),
		asks("a letter of the role escaped", "/v1/mash-creds/roles/d%65mo/grant", refused),
		asks("a letter of the mount escaped", "/v1/%6dash-creds/roles/demo/grant", refused),
		asks("a letter of the version escaped", "/%761/mash-creds/roles/demo/grant", refused),
		asks("the slash before it escaped", rolePath+"%2Fgrant", refused),
		asks("all slashes escaped", "/v1%2fmash-creds%2froles%2fdemo%2fgrant", refused),
		asks("a slash at the end", rolePath+"/grant/", refused),
		asks("an escaped slash at the end", rolePath+"/grant%2f", refused),
		asks("a path below it", rolePath+"/grant/x", refused),
		asks("help about it", rolePath+"/grant?help=1", refused),
		asks("a role with an odd name", "/v1/mash-creds/roles/%20demo/grant", refused),
		asks("a role that looks the same", "/v1/mash-creds/roles/d\u0435mo/grant", refused),
		asks("the role in upper case", "/v1/mash-creds/roles/DEMO/token", refused),
		asks("a letter escaped twice", rolePath+"/gr%2561nt", byVault),
		asks("a query that is escaped", rolePath+"/grant%3Fapi=2", byVault),
		asks("a path parameter after it", rolePath+"/grant;x", byVault),
		asks("a dot after it", rolePath+"/grant.", byVault),
		asks("a space after it", rolePath+"/grant%20", byVault),
		asks("a word that looks the same", rolePath+"/gr\u0430nt", byVault),
		asks("upper case", rolePath+"/GRANT", byVault),
		asks("below proxy", rolePath+"/proxy/grant", byVault),
		asks("the mount in upper case", "/v1/Mash-Creds/roles/demo/grant", byVault),
		asks("a path parameter after the mount", "/v1/mash-creds;x/roles/demo/grant", byVault),
		{name: "another verb", method: "PATCH", target: rolePath + "/grant", want: refused},
		{name: "a verb that nobody knows", method: "SCAN", target: rolePath + "/grant", want: refused},
		{name: "a verb in lower case", method: "get", target: rolePath + "/token", want: refused},
		{name: "a list", method: "LIST", target: rolePath + "/token", want: refused},
	})
}
