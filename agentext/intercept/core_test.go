// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/forward"
	"mashproxy/sandbox"
)

// TestNoSpellingOfACredentialReachesVault asks a real Vault, with a token that
// may do everything, for its credentials in many spellings. What Vault takes for
// equal must be refused here; what is passed on must be something else to Vault.
func TestNoSpellingOfACredentialReachesVault(t *testing.T) {
	proxy, box := beforeVault(t)
	ask := func(method, path, namespace string) (int, string) {
		r, err := http.NewRequest(method, proxy, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path // as it is
		if namespace != "" {
			r.Header.Set(headerNamespace, namespace)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	if status, text := ask("GET", "/v1/mash-creds/roles/demo", ""); status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	secrets := []string{"access_token", "client_token\":\"hvs", "wrap_info\":{", box.Credentials().APIKey.Reveal()}
	seen := map[int]int{}
	for _, call := range []string{"GET mash-creds/roles/demo/grant", "GET mash-creds/roles/demo/token", "POST auth/token/create", "POST auth/token/create-orphan"} {
		verb, path, _ := strings.Cut(call, " ")
		for _, spelling := range spellings(path) {
			for _, namespace := range []string{"", "root", "nowhere"} {
				for _, method := range []string{verb, "LIST", "POST", strings.ToLower(verb)} {
					status, text := ask(method, "/v1/"+spelling, namespace)
					seen[status]++
					for _, secret := range secrets {
						if strings.Contains(text, secret) {
							t.Errorf("%s %s (namespace %q): status %d, the answer holds %s", method, spelling, namespace, status, secret)
						}
					}
				}
			}
		}
	}
	t.Logf("statuses: %v", seen)
	if seen[404]+seen[405] == 0 || seen[403] == 0 {
		t.Error("nothing was passed on, or nothing refused: the test proves nothing")
	}
}

// spellings are ways to write a path that somebody might take for the same.
func spellings(path string) []string {
	all := []string{path, path + "/", path + "//", path + "?help=1", path + "?list=true", path + ";x", path + "%3Bx", path + "/.", path + "/x/..", path + "%2F", path + "%252F", path + "%20", path + "%00", path + "%23", path + "%3F", path + "?", path + "/%2e", "/" + path, "./" + path, "x/../" + path, "root/" + path, strings.ToUpper(path), strings.ReplaceAll(path, "/", "%2F"), strings.ReplaceAll(path, "/", "%252F"), strings.ReplaceAll(path, "/", `\`), strings.ReplaceAll(path, "/", "//")}
	for i := range len(path) {
		once := fmt.Sprintf("%%%02x", path[i])
		for _, escaped := range []string{once, url.PathEscape(once), url.PathEscape(url.PathEscape(once))} {
			all = append(all, path[:i]+escaped+path[i+1:])
		}
	}
	return all
}

// beforeVault puts a handler before the way to a real Vault, and gives its address.
func beforeVault(t *testing.T) (string, *sandbox.Sandbox) {
	t.Helper()
	box, err := sandbox.Start(t.Context(), sandbox.Options{QPS: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	client, err := box.Vault().Client()
	if err != nil {
		t.Fatal(err)
	}
	forwarder, err := forward.New(forward.Config{
		Client: client, APIProxy: &config.APIProxy{UseAutoAuthToken: true, ForceAutoAuthToken: true},
		Mashery: true, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	vault := forwarder.Handler(rootIdentity(box.Vault().RootToken().Reveal()))
	c := settings(block("mash-creds"))
	c.Vault = vault.Direct()
	proxy := httptest.NewServer(New(c).Before(&Listener{}, vault))
	t.Cleanup(func() {
		proxy.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if err := forwarder.Close(); err != nil {
			t.Error(err)
		}
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return proxy.URL, box
}

// rootIdentity is logged in with a token that may do everything.
type rootIdentity string

func (r rootIdentity) Token() string                      { return string(r) }
func (rootIdentity) Await(context.Context, string) string { return "" }
func (rootIdentity) Previous() string                     { return "" }
func (rootIdentity) Invalid(string)                       {}
