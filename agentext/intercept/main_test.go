// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/mashery"
)

func TestMain(m *testing.M) {
	// Vault's own: started when its packages are loaded, or left by a core that
	// was shut down.
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"),
		goleak.IgnoreTopFunction("github.com/hashicorp/vault/vault.(*Core).setupCachedMFAResponseAuth.func1"),
	)
}

// request is a request as net/http's server would have read it; lines after the
// first are headers.
func request(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := readRequest(text)
	if err != nil {
		t.Fatalf("%q: %s", text, err)
	}
	return r
}

func readRequest(text string) (*http.Request, error) {
	line, headers, _ := strings.Cut(text, "\n")
	if headers != "" {
		headers = strings.ReplaceAll(headers, "\n", "\r\n") + "\r\n"
	}
	return http.ReadRequest(bufio.NewReader(strings.NewReader(line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n")))
}

// block is a mashery block for a mount, with its namespace before "|" if it has one.
func block(path string) *config.Mashery {
	namespace, mount, namespaced := strings.Cut(path, "|")
	if !namespaced {
		namespace, mount = "", path
	}
	return &config.Mashery{
		Mount: mount, Namespace: namespace, Policy: config.PolicyOff, MaxWait: 5 * time.Second,
		V2Endpoint: parse("http://localhost:1/v2/json-rpc"), V3Endpoint: parse("http://localhost:1/v3/rest"),
	}
}

func parse(raw string) *url.URL {
	u, err := mashery.ParseEndpoint(raw)
	if err != nil {
		panic(err)
	}
	return u
}

// recogniser is a handler that can recognise calls, and no more.
func recogniser(blocks ...*config.Mashery) *Handler {
	return New(settings(blocks...))
}

func settings(blocks ...*config.Mashery) Config {
	c := Config{Logger: hclog.NewNullLogger(), Version: "1.2.3"}
	for _, b := range blocks {
		c.Mounts = append(c.Mounts, &Mount{Mashery: b})
	}
	return c
}

// outcome tells what becomes of a request: how it is served, why it is refused,
// or that it is passed on.
func outcome(h *Handler, r *http.Request) string {
	c, refusal := h.read(&Listener{}, r)
	switch {
	case refusal != nil:
		text := fmt.Sprintf("%d %s: %s", refusal.Status, refusal.Code, refusal.Message)
		if allow := refusal.Header.Get("Allow"); allow != "" {
			text += " [Allow: " + allow + "]"
		}
		return text
	case c == nil:
		return passedOn
	case c.api == mashery.V2:
		return strings.TrimSpace(fmt.Sprintf("%s/%s: %s v2 %s", c.mount.Path(), c.role, c.verb, c.method))
	}
	named := ""
	if c.named {
		named = " for " + c.verb
	}
	return fmt.Sprintf("%s/%s: %s v3 %s (%s%s on %s)", c.mount.Path(), c.role, c.verb, c.tail, c.outer, named, c.below)
}

const (
	passedOn      = "passed on"
	refused       = "400 " + apierror.BadRequest + ": "
	withheld      = "403 " + apierror.CredentialWithheld + ": "
	notAllowed405 = "405 " + apierror.MethodNotAllowed + ": "
)

// wantOutcome checks an outcome: a refusal by a part of its text.
func wantOutcome(t *testing.T, h *Handler, text, want string) {
	t.Helper()
	got := outcome(h, request(t, text))
	if code, part, isRefusal := strings.Cut(want, ": …"); isRefusal {
		if !strings.HasPrefix(got, code+": ") || !strings.Contains(got, part) {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		return
	}
	if got != want {
		t.Errorf("%s\n got %s\nwant %s", text, got, want)
	}
}
