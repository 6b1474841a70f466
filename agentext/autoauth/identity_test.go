// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/logical"
)

func TestListenersAreToldOfChangesInTheirOrder(t *testing.T) {
	tests := map[string]struct {
		steps    func(*Identity)
		told     string
		token    string
		previous string
		invalid  int // how often auto-auth was told
	}{
		"nothing yet":                      {func(i *Identity) {}, "", "", "", 0},
		"a token":                          {func(i *Identity) { i.set("a") }, "1 changed to a, 2 changed to a,", "a", "", 0},
		"the same token again":             {func(i *Identity) { i.set("a"); i.set("a") }, "1 changed to a, 2 changed to a,", "a", "", 0},
		"the next token":                   {func(i *Identity) { i.set("a"); i.set("b") }, "1 changed to a, 2 changed to a, 1 changed to b, 2 changed to b,", "b", "a", 0},
		"a lost token":                     {func(i *Identity) { i.set("a"); i.Invalid("a") }, "1 changed to a, 2 changed to a, 1 lost a, 2 lost a,", "", "a", 1},
		"a token lost again":               {func(i *Identity) { i.set("a"); i.Invalid("a"); i.Invalid("a") }, "1 changed to a, 2 changed to a, 1 lost a, 2 lost a,", "", "a", 1},
		"late word of an older token":      {func(i *Identity) { i.set("a"); i.set("b"); i.Invalid("a") }, "1 changed to a, 2 changed to a, 1 changed to b, 2 changed to b,", "b", "a", 0},
		"word of a token never seen":       {func(i *Identity) { i.set("a"); i.Invalid("x") }, "1 changed to a, 2 changed to a,", "a", "", 0},
		"word of no token":                 {func(i *Identity) { i.set("a"); i.Invalid("") }, "1 changed to a, 2 changed to a,", "a", "", 0},
		"word before there is a token":     {func(i *Identity) { i.Invalid("a"); i.Invalid("") }, "", "", "", 0},
		"a new token after a lost one":     {func(i *Identity) { i.set("a"); i.Invalid("a"); i.set("b") }, "1 changed to a, 2 changed to a, 1 lost a, 2 lost a, 1 changed to b, 2 changed to b,", "b", "a", 1},
		"the same token after it was lost": {func(i *Identity) { i.set("a"); i.Invalid("a"); i.set("a") }, "1 changed to a, 2 changed to a, 1 lost a, 2 lost a, 1 changed to a, 2 changed to a,", "a", "a", 1},
		"two lost tokens, told while busy": {func(i *Identity) { i.set("a"); i.Invalid("a"); i.set("b"); i.Invalid("b") }, "1 changed to a, 2 changed to a, 1 lost a, 2 lost a, 1 changed to b, 2 changed to b, 1 lost b, 2 lost b,", "", "b", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			i, _, told := identity(t, nil)
			var d diary
			d.listen(i, "1")
			d.listen(i, "2")
			test.steps(i)
			if d.String() != test.told {
				t.Errorf("told %q, want %q", d.String(), test.told)
			}
			if i.Token() != test.token || i.Previous() != test.previous || len(told) != test.invalid {
				t.Errorf("token %q, previous %q, auto-auth told %d times", i.Token(), i.Previous(), len(told))
			}
			if test.invalid > 0 && !errors.Is(<-told, logical.ErrInvalidToken) {
				t.Error("auto-auth was told something else")
			}
		})
	}
}

func TestManyWhoLearnThatATokenIsLostTellItOnce(t *testing.T) {
	i, _, told := identity(t, nil)
	var d diary
	d.listen(i, "1")
	i.set("a")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { i.Invalid("a"); _ = i.Token() })
	}
	all.Wait()
	if d.String() != "1 changed to a, 1 lost a," || len(told) != 1 {
		t.Errorf("told %q, auto-auth %d times", d.String(), len(told))
	}
}

func TestTheLastWordIsThatOfTheLastChange(t *testing.T) {
	i, _, _ := identity(t, nil)
	last := ""
	i.Listen(Listener{Changed: func() { last = i.Token() }, Lost: func() { last = "" }})
	for range 200 {
		i.set("old")
		var both sync.WaitGroup
		both.Go(func() { i.Invalid("old") })
		both.Go(func() { i.set("new") })
		both.Wait()
		if last != i.Token() {
			t.Fatalf("listeners think it is %q, it is %q", last, i.Token())
		}
	}
}

func TestReadAsksOnceWithTheCurrentToken(t *testing.T) {
	i, v, _ := identity(t, func(*http.Request) (int, string) {
		return 200, `{"lease_duration": 60, "data": {"qps": 2.50}}`
	})
	i.set("hvs.current")
	secret, header, err := i.Read(t.Context(), "team/", "mash-creds/roles/demo/grant", url.Values{"api": {"3"}})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(secret.Data["qps"]) != "2.50" || secret.LeaseDuration != 60 || header.Get("Date") == "" {
		t.Errorf("%+v, header %v", secret, header)
	}
	r := v.seen[0]
	if r.Method != "GET" || r.URL.String() != "http://vault/v1/mash-creds/roles/demo/grant?api=3" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	for name, want := range map[string]string{"X-Vault-Token": "hvs.current", "X-Vault-Namespace": "team/", "X-Vault-Request": "true"} {
		if r.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, r.Header.Get(name), want)
		}
	}
	if _, _, err = i.Read(t.Context(), "", "sys/health", nil); err != nil || v.seen[1].Header.Get("X-Vault-Namespace") != "" {
		t.Errorf("namespace %q, %v", v.seen[1].Header.Get("X-Vault-Namespace"), err)
	}
}

func TestReadWithoutATokenAsksNobody(t *testing.T) {
	i, v, _ := identity(t, nil)
	for _, path := range []string{"sys/health", lookupSelf} {
		if _, _, err := i.Read(t.Context(), "", path, nil); !errors.Is(err, ErrNoToken) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if v.requests() != 0 {
		t.Errorf("%d requests", v.requests())
	}
}

func TestWriteAndDeleteAskOnceWithTheCurrentToken(t *testing.T) {
	i, v, _ := identity(t, func(r *http.Request) (int, string) {
		if r.Method == http.MethodDelete {
			return 204, ""
		}
		return 200, `{"lease_duration": 40}`
	})
	i.set("hvs.current")
	secret, err := i.Write(t.Context(), "team/", "sys/leases/renew", map[string]any{"lease_id": "l", "increment": 60})
	if err != nil || secret.LeaseDuration != 40 {
		t.Errorf("%+v, %v", secret, err)
	}
	body, err := io.ReadAll(v.seen[0].Body)
	if err != nil || string(body) != `{"increment":60,"lease_id":"l"}` {
		t.Errorf("body %s, %v", body, err)
	}
	if err := i.Delete(t.Context(), "team/", "mash-creds/roles/demo/token", url.Values{"sha256": {"5f"}}); err != nil {
		t.Error(err)
	}
	for n, want := range []string{"PUT http://vault/v1/sys/leases/renew", "DELETE http://vault/v1/mash-creds/roles/demo/token?sha256=5f"} {
		r := v.seen[n]
		if got := r.Method + " " + r.URL.String(); got != want || r.Header.Get("X-Vault-Token") != "hvs.current" || r.Header.Get("X-Vault-Namespace") != "team/" {
			t.Errorf("%s, header %v; want %s", got, r.Header, want)
		}
	}
	if v.requests() != 2 {
		t.Errorf("%d requests", v.requests())
	}
}

// As it comes through many a load balancer.
func TestAnAnswerMayComeLaterThanItsHeader(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-time.After(50 * time.Millisecond)
		_, _ = io.WriteString(w, `{"request_id":"1","lease_duration":40}`)
	}))
	defer server.Close()
	i := newIdentity(clientOf(t, server.URL), &renewals{}, make(chan error, 1))
	i.set("hvs.current")
	if secret, err := i.Write(t.Context(), "", "sys/leases/renew", nil); err != nil || secret.LeaseDuration != 40 {
		t.Errorf("write: %+v, %v", secret, err)
	}
	if secret, _, err := i.Read(t.Context(), "", "mash-creds/roles/demo/grant", nil); err != nil || secret.LeaseDuration != 40 {
		t.Errorf("read: %+v, %v", secret, err)
	}
	if err := i.Delete(t.Context(), "", "mash-creds/roles/demo/token", nil); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func TestAWriteThatIsAnsweredWithNothingGivesNoSecret(t *testing.T) {
	i, _, _ := identity(t, func(*http.Request) (int, string) { return 204, "" })
	i.set("hvs.current")
	if secret, err := i.Write(t.Context(), "", "sys/leases/renew", nil); err != nil || secret != nil {
		t.Errorf("%+v, %v", secret, err)
	}
}

func TestWritesAndDeletesLoseATokenToo(t *testing.T) {
	for name, ask := range map[string]func(*Identity) error{
		"write": func(i *Identity) error {
			_, err := i.Write(t.Context(), "", "sys/leases/renew", nil)
			return err
		},
		"delete": func(i *Identity) error { return i.Delete(t.Context(), "", "some/path", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			i, v, told := identity(t, func(*http.Request) (int, string) { return 403, invalid })
			i.set("hvs.current")
			if err := ask(i); !IsInvalidToken(err) || i.Token() != "" || len(told) != 1 {
				t.Errorf("%v, token %q, auto-auth told %d times", err, i.Token(), len(told))
			}
			if err := ask(i); !errors.Is(err, ErrNoToken) || v.requests() != 1 {
				t.Errorf("without a token: %v, %d requests", err, v.requests())
			}
		})
	}
}

func TestWhatAnAnswerSaysOfTheToken(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		lost   bool
	}{
		"that it is invalid":                {403, invalid, true},
		"that it is invalid, as older ones": {403, `{"errors": ["invalid token"]}`, true},
		"that it may not do this":           {403, denied, false},
		"nothing, but a plugin's own words": {403, `{"errors": ["Mashery refuses: invalid token"]}`, false},
		"nothing, with another status":      {400, `{"errors": ["invalid token"]}`, false},
		"nothing, as Vault is sealed":       {503, `{"errors": ["Vault is sealed"]}`, false},
		"nothing, as Vault is behind":       {412, `{"errors": ["required index state not present"]}`, false},
		"nothing, as Vault limits the rate": {429, `{"errors": ["rate limit quota exceeded"]}`, false},
		"nothing, as there is nothing":      {404, `{"errors": []}`, false},
		"nothing, as it is no Vault":        {403, `<html>invalid token</html>`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			i, v, told := identity(t, func(*http.Request) (int, string) { return test.status, test.body })
			i.set("hvs.current")
			_, _, err := i.Read(t.Context(), "", "some/path", nil)
			var answer *api.ResponseError
			if !errors.As(err, &answer) || answer.StatusCode != test.status {
				t.Errorf("error %v", err)
			}
			if lost := i.Token() == ""; lost != test.lost || len(told) == 1 != test.lost || IsInvalidToken(err) != test.lost {
				t.Errorf("lost %t, auto-auth told %d times, IsInvalidToken %t", lost, len(told), IsInvalidToken(err))
			}
			if v.requests() != 1 {
				t.Errorf("asked %d times", v.requests())
			}
			if strings.Contains(err.Error(), "hvs.current") {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

func TestALateAnswerToAnOlderTokenDoesNotLoseTheNewOne(t *testing.T) {
	var i *Identity
	i, _, told := identity(t, func(*http.Request) (int, string) {
		i.set("new") // while the request is under way
		return 403, invalid
	})
	i.set("old")
	if _, _, err := i.Read(t.Context(), "", "some/path", nil); !IsInvalidToken(err) {
		t.Error(err)
	}
	if i.Token() != "new" || len(told) != 0 {
		t.Errorf("token %q, auto-auth told %d times", i.Token(), len(told))
	}
}

func TestNoTokenIsPrinted(t *testing.T) {
	i, _, _ := identity(t, nil)
	i.set("hvs.older")
	i.set("hvs.current")
	text := fmt.Sprintf("%v %+v %#v %s %q", i, i, i, i, i)
	if strings.Contains(text, "hvs.") {
		t.Error(text)
	}
	if i.String() != "logged in to Vault" || new(Identity).String() != "not logged in to Vault" {
		t.Error(i)
	}
}

func TestAwaitGivesAnotherToken(t *testing.T) {
	i, _, _ := identity(t, nil)
	awaited := make(chan string)
	for _, step := range []struct{ old, becomes, want string }{
		{"", "a", "a"},
		{"a", "b", "b"},
		{"a", "", "b"}, // there is one already
		{"", "", "b"},
	} {
		go func() { awaited <- i.Await(t.Context(), step.old) }()
		if step.becomes != "" {
			i.Invalid(i.Token())
			i.set(step.becomes)
		}
		if got := <-awaited; got != step.want {
			t.Errorf("other than %q: got %q, want %q", step.old, got, step.want)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	go func() { awaited <- i.Await(ctx, "b") }()
	leave()
	if got := <-awaited; got != "" {
		t.Errorf("who left got %q", got)
	}
}
