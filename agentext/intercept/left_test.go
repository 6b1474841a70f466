// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mashproxy/agentext/apierror"
)

func TestRolesThatAreVaultsByWhatTheyAreAreRemembered(t *testing.T) {
	c := start(t)
	c.ask("GET", "proxy/v3/services", "")
	if left := c.handler.Left(); len(left) != 0 {
		t.Errorf("served here, and left: %v", left)
	}
	naming(c, "v3", "https://mashery.example/v3/rest")
	c.handler.Grants.DropAll()
	c.ask("GET", "proxy/v3/services", "")
	want := map[Role]string{{Mount: c.mount.Mashery.Mount, Role: "demo"}: "endpoint_mismatch"}
	if left := c.handler.Left(); !maps.Equal(left, want) {
		t.Errorf("left: %v", left)
	}
}

func TestARoleThatIsServedHereAgainIsLeftNoMore(t *testing.T) {
	c := start(t)
	naming(c, "v3", "https://mashery.example/v3/rest")
	c.ask("GET", "proxy/v3/services", "")
	if left := c.handler.Left(); len(left) != 1 {
		t.Fatalf("left: %v", left)
	}
	naming(c, "v3", c.mount.V3Endpoint.String())
	c.handler.Grants.DropAll()
	c.ask("POST", "proxy/v2", `{"method":"test.echo"}`)
	if left := c.handler.Left(); len(left) != 1 {
		t.Errorf("after a call of the other API, left: %v", left)
	}
	c.ask("GET", "proxy/v3/services", "")
	if left := c.handler.Left(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestARoleWhoseForcedProxyModeEndedIsLeftNoMoreByEitherAPI(t *testing.T) {
	c := start(t)
	c.vault.answer = func(context.Context, string, url.Values) (map[string]any, error) {
		return nil, refusedBy(400, forcedText)
	}
	c.ask("POST", "proxy/v2", `{"method":"test.echo"}`)
	if left := c.handler.Left(); !slices.Equal(slices.Collect(maps.Values(left)), []string{"forced_proxy_mode"}) {
		t.Fatalf("left: %v", left)
	}
	c.vault.answer = nil
	c.ask("GET", "proxy/v3/services", "")
	if left := c.handler.Left(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestEveryCallIsObservedWithWhoseAnswerItGot(t *testing.T) {
	var seen []string
	c := start(t)
	c.handler.Observe = func(source, code string) { seen = append(seen, source+" "+code) }
	c.ask("GET", "proxy/v3/services", "")
	c.ask("GET", "proxy/v2", "")
	naming(c, "v3", "https://mashery.example/v3/rest")
	c.handler.Grants.DropAll()
	c.ask("GET", "proxy/v3/services", "")
	if want := []string{"mashery ", "mashproxy method_not_allowed", "vault "}; !slices.Equal(seen, want) {
		t.Errorf("observed %q", strings.Join(seen, ", "))
	}
}

func TestACallWhoseCallerHasLeftIsNotObserved(t *testing.T) {
	for name, roles := range map[string][]string{"served here": nil, "left to Vault": {"*"}} {
		t.Run(name, func(t *testing.T) {
			c := start(t, func(p *parts) { p.block.ForwardRoles = roles })
			c.handler.Observe = func(source, code string) { t.Errorf("observed %q, %q", source, code) }
			c.handler.Vault = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(apierror.SourceHeader, apierror.FromMashproxy)
				apierror.Write(w, unavailable("the request was ended before Vault answered"))
			})
			gone, leave := context.WithCancel(t.Context())
			leave()
			defer func() {
				if why := recover(); why != nil && why != http.ErrAbortHandler {
					t.Error(why)
				}
			}()
			call := request(t, "GET "+rolePath+"proxy/v3/services").WithContext(gone)
			c.handler.Before(&Listener{}, c.next).ServeHTTP(httptest.NewRecorder(), call)
		})
	}
}
