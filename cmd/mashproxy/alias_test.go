// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"testing"
)

func TestOtherSpellingsOfAPathAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	w.audited(t)
	for _, target := range []string{
		"/v1/mash-creds/roles/de%6Do/proxy/v3/services",
		"/v1/mash-creds%2Froles/demo/proxy/v3/services",
		"/v1/mash-creds/roles%2fdemo%2fproxy%2fv3%2fservices",
		"/v1/mash%2Dcreds/roles/demo/proxy/v3/services",
		rolePath + "/proxy%2Fv3/services",
		rolePath + "/prox%79/v3/services",
		rolePath + "/proxy/v3%2Fservices",
		rolePath + "/proxy/v%33/services",
		rolePath + "/proxy/v3-method/g%65t/services",
		rolePath + "/proxy/v3-method%2Fget/services",
		"/%761/mash-creds/roles/demo/proxy/v3/services",
		"/v1%2Fmash-creds/roles/demo/proxy/v3/services",
	} {
		answer := w.tcp.get(t, target)
		if answer.status != http.StatusBadRequest || answer.code() != "bad_request" {
			t.Errorf("%s: %d %q %s", target, answer.status, answer.code(), answer.body)
		}
	}
	for _, target := range []string{rolePath + "/proxy/v%32", rolePath + "/proxy%2Fv2", rolePath + "/proxy/v2/test%2Eecho", rolePath + "/proxy/v2/%2e%2e/v3/services"} {
		answer := w.tcp.send(t, "POST", target, `{"method":"test.echo","params":["x"]}`)
		if answer.status != http.StatusBadRequest || answer.code() != "bad_request" {
			t.Errorf("%s: %d %q %s", target, answer.status, answer.code(), answer.body)
		}
	}
	if n := w.masheryCalls(); n != 0 {
		t.Errorf("%d of them reached Mashery", n)
	}
}

func TestClimbingAndEmptySegmentsAreRefusedOnAnyPath(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	log := w.audited(t)
	for _, target := range []string{
		v3 + "../../grant", v3 + "services/../../../grant", v3 + "services/./x", v3 + "services//x", v3 + "//",
		v3 + "%2e%2e/%2e%2e/grant", v3 + "..%2f..%2fgrant", v3 + "%252e%252e/grant", v3 + "a%2f%2e%2e%2fb", v3 + "a%252f..%252fb",
		v3 + "a%2F%2Fb", v3 + "a%252F%252Fb", v3 + "services/..;x", v3 + "services/x%00", v3 + "services/x%0d%0a", v3 + "x%7f", v3 + "x%250a",
		"/v1/sys/../mash-creds/roles/demo/grant", "/v1/%2e%2e/v1/mash-creds/roles/demo/grant", "/v1//sys/health", "//v1/sys/health", "/v1/sys//health",
		"/v1/sys/health//", "/v1/sys/./health", "/v1/sys/%2e/health", "/v1/sys/%252e%252e/health", "/v1/auth/token%2f%2flookup-self",
		"/v1/sys/hea%0alth", "/v1/./auth/token/create", "/../v1/sys/health", "/proxy/../v1/sys/health", "/v1/sys/health/..",
	} {
		answer := w.unix.get(t, target)
		if answer.status != http.StatusBadRequest || answer.code() != "bad_request" {
			t.Errorf("%s: %d %q %s", target, answer.status, answer.code(), answer.body)
		}
	}
	if w.masheryCalls() != 0 || log.count(t, "mash-creds/roles/demo/grant") != 0 {
		t.Error("one of them was served")
	}
}

func TestAbsoluteTargetsAndFragmentsAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	for _, target := range []string{"http://localhost" + v3 + "services", "http://localhost/v1/sys/health", "*", "localhost:80", v3 + "services#x"} {
		method := "GET"
		if target == "*" {
			method = "OPTIONS"
		}
		answer := w.unix.raw(t, method+" "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if answer.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", target, answer.status, answer.body)
		}
	}
}

func TestOneTrailingSlashIsNoEmptySegment(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	if w.tcp.get(t, v3+"services/"); w.last(t).RequestURI != "/v3/rest/services/" {
		t.Errorf("sent was %s", w.last(t).RequestURI)
	}
	w.tcp.send(t, "LIST", "/v1/mash-creds/roles/", "").expect(t, http.StatusOK, "")
}

func TestANamespaceNeverMakesAPathAnother(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	// Without a namespace a request to root is local; in one it is not the block's mount.
	for _, namespace := range []string{"", "/"} {
		answer := w.tcp.get(t, v3+"services?limit=1", "X-Vault-Namespace", namespace).expect(t, http.StatusOK, "")
		if source := answer.header.Get("X-Mashproxy-Source"); source != "mashery" {
			t.Errorf("in namespace %q the source is %q", namespace, source)
		}
	}
	for _, namespace := range []string{"a//b", "..", "a%2fb"} {
		w.tcp.get(t, v3+"services?limit=1", "X-Vault-Namespace", namespace).expect(t, http.StatusBadRequest, "bad_request")
	}
	w.tcp.get(t, rolePath+"/grant", "X-Vault-Namespace", "team").expect(t, http.StatusForbidden, "credential_withheld")
}
