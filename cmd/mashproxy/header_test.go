// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

func TestACallersHeadersThatAreNoneOfMasherysBusinessStayHere(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: everything(`{}`)})
	private := []string{
		"X-Vault-Token", "hvs.callers", "X-Vault-Request", "true", "X-Vault-Foo", "bar",
		"Authorization", "Bearer callers", "Cookie", "session=callers", "Origin", "http://evil.example", "Referer", "http://evil.example/x",
		"Via", "1.1 somewhere", "Forwarded", "for=10.0.0.1", "X-Forwarded-For", "10.0.0.1", "X-Forwarded-Host", "evil.example",
		"X-Http-Method-Override", "DELETE", "X-Method-Override", "DELETE", "X-Http-Method", "DELETE",
		"Connection", "X-Secret-Hop, Keep-Alive", "X-Secret-Hop", "1", "Keep-Alive", "5", "Proxy-Authorization", "Basic eDp5",
		"Proxy-Connection", "keep-alive", "Te", "trailers",
	}
	passed := []string{"Accept", "application/json", "Accept-Language", "de", "X-Custom", "kept", "User-Agent", "terraform/1", "Content-Type", "application/json", "If-Match", `"1"`}
	w.unix.send(t, "POST", v3+"services", `{}`, append(private, passed...)...).expect(t, http.StatusOK, "")
	sent := w.last(t).Header
	for i := 0; i < len(private); i += 2 {
		if name := private[i]; name != "Authorization" && len(sent[name]) > 0 {
			t.Errorf("%s was sent: %q", name, sent[name])
		}
	}
	for i := 0; i < len(passed); i += 2 {
		if got := sent.Values(passed[i]); len(got) != 1 || got[0] != passed[i+1] {
			t.Errorf("%s was sent as %q, want %q", passed[i], got, passed[i+1])
		}
	}
	if got := sent.Values("Authorization"); len(got) != 1 || strings.Contains(got[0], "callers") || !strings.HasPrefix(got[0], "Bearer ") {
		t.Error("Authorization is not the grant's alone")
	}
}

func TestHeadersAddNothingButWhatSigns(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: everything(`{}`)})
	// Only what HTTP needs: not even a User-Agent.
	w.unix.raw(t, "GET "+v3+"services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect(t, http.StatusOK, "")
	for name, values := range w.last(t).Header {
		switch name {
		case "Authorization", "Accept-Encoding":
			if name == "Authorization" && len(values) == 1 {
				continue
			}
			fallthrough
		default:
			t.Errorf("%s was added: %q", name, values)
		}
	}
}

func TestMasherysHeadersComeBackButForAFew(t *testing.T) {
	t.Parallel()
	route := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Total-Count", "7")
		h.Set("X-Custom-Answer", "kept")
		h["X-Mashery-Message-ID"] = []string{"5f"}
		h.Add("Warning", "one")
		h.Add("Warning", "two")
		h.Set("Content-Type", "text/weird; charset=utf-8")
		h.Set("Location", "http://127.0.0.1:1/elsewhere")
		h.Set("Set-Cookie", "a=b")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("X-Mashproxy-Error", "forged")
		h.Set("X-Mashproxy-Source", "forged")
		h.Set("X-Proxy-Mode", "forged")
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte("see there"))
	})
	w := open(t, setup{sandbox: sandbox.Options{Mashery: emulator.Options{Routes: map[string]http.Handler{
		"/v3/rest/moved": route, "/v2/json-rpc/": route,
	}}}})
	v3answer := w.tcp.get(t, v3+"moved").expect(t, http.StatusFound, "")
	v2answer := w.tcp.send(t, "POST", v2, `{"method":"test.echo"}`).expect(t, http.StatusFound, "")
	for _, answer := range []answer{v3answer, v2answer} {
		h := answer.header
		for name, want := range map[string]string{
			"X-Total-Count": "7", "X-Custom-Answer": "kept", "X-Mashery-Message-Id": "5f", "Content-Type": "text/weird; charset=utf-8",
			"X-Mashproxy-Source": "mashery", "Set-Cookie": "", "X-Hop": "", "Keep-Alive": "", "X-Mashproxy-Error": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if got := h["Warning"]; len(got) != 2 {
			t.Errorf("Warning is %q", got)
		}
		if got := h["X-Proxy-Mode"]; len(got) != 1 || !strings.HasPrefix(got[0], "mashproxy/") {
			t.Errorf("X-Proxy-Mode is %q", got)
		}
		if answer.body != "see there" {
			t.Errorf("the body is %q", answer.body)
		}
	}
	if got := v3answer.header.Get("Location"); got != "http://127.0.0.1:1/elsewhere" {
		t.Errorf("on V3 Location is %q", got)
	}
	if got, there := v2answer.header["Location"]; there {
		t.Errorf("on V2 Location is %q", got)
	}
}

func TestMasherysErrorsComeBackAsTheyAre(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	for _, test := range []struct {
		method, target, body, want string
		status                     int
	}{
		{"GET", v3 + "services/nosuch", "", `"errorCode"`, 404},
		{"GET", v3 + "nosuchthing", "", `"errorMessage"`, 404},
		{"POST", v3 + "services", `{}`, `"errors"`, 400},
		{"POST", v3 + "services", `no JSON`, `"errorMessage"`, 400},
	} {
		answer := w.tcp.send(t, test.method, test.target, test.body).expect(t, test.status, "")
		contains(t, "the body", answer.body, test.want)
		if source := answer.header.Get("X-Mashproxy-Source"); source != "mashery" {
			t.Errorf("%s: the source is %q", test.target, source)
		}
	}
}

// TestWhatThisProgramAnswersItselfSaysSo is about all answers that are made
// beside calls and forwarded requests.
func TestWhatThisProgramAnswersItselfSaysSo(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "metrics.sock")
	w := open(t, setup{edits: []edit{
		atTop("listener \"unix\" {\n  address = \"" + socket + "\"\n  role = \"metrics_only\"\n}"),
		{`listener "tcp" {`, "listener \"tcp\" {\n  require_request_header = true"},
	}})
	metrics := openDoor(t, "unix", socket)
	for _, test := range []struct {
		door           *door
		method, target string
		header         []string
		status         int
		source         string
	}{
		{w.unix, "GET", "/proxy/v1/status", nil, 200, "mashproxy"},
		{w.unix, "GET", "/proxy/v1/metrics", nil, 200, "mashproxy"},
		{w.unix, "POST", "/proxy/v1/metrics", nil, 405, "mashproxy"},
		{w.unix, "POST", "/proxy/v1/cache-clear", nil, 200, "mashproxy"},
		{w.unix, "POST", "/proxy/v1/quit", nil, 404, "mashproxy"},
		{w.unix, "GET", "/proxy/v1/nope", nil, 404, "vault"},
		{metrics, "GET", "/proxy/v1/metrics", nil, 200, "mashproxy"},
		{metrics, "GET", "/proxy/v1/status", nil, 404, "mashproxy"},
		{w.tcp, "GET", "/v1/sys/health", nil, 412, "mashproxy"},
		{w.tcp, "GET", "/v1/sys/health", []string{"X-Vault-Request", "true"}, 200, "vault"},
		{w.tcp, "GET", "/v1/sys/health", []string{"Origin", "http://evil.example"}, 403, "mashproxy"},
	} {
		answer := test.door.send(t, test.method, test.target, `{"type":"all"}`, test.header...)
		if source := answer.header["X-Mashproxy-Source"]; answer.status != test.status || len(source) != 1 || source[0] != test.source {
			t.Errorf("%s %s %q: %d from %q, want %d from %s", test.method, test.target, test.header, answer.status, source, test.status, test.source)
		}
	}
}
