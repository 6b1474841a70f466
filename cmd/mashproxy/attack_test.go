// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The files attack_*_test.go are the attacks on this program. Each is one test
// with a sentence for its name; docs/security.md says what they prove.

// An attack is a request that must come to nothing, whichever door it comes
// in by.
type attack struct {
	name                 string // what is tried
	method, target, body string
	want                 string // the code it is refused with, or byVault or byHTTP
	header               []string
}

// Who else may refuse an attack.
const (
	byVault = "Vault" // in its own words, as when it is asked directly
	byHTTP  = "HTTP"  // which cannot read it
)

// statusOf is the status that goes with a code.
func statusOf(code string) int {
	switch code {
	case "bad_request":
		return http.StatusBadRequest
	case "policy_denied", "guard_denied", "credential_withheld":
		return http.StatusForbidden
	case "method_not_allowed":
		return http.StatusMethodNotAllowed
	case "grant_refused":
		return http.StatusBadGateway
	case "too_large":
		return http.StatusRequestEntityTooLarge
	}
	return 0
}

// fortress is a world under attack. It knows every credential there is in it.
type fortress struct {
	*world
	vault   *door             // to Vault itself
	token   string            // the program's own
	secrets map[string]string // credentials, and what they are
	log     audit
}

// almighty is a policy with which Vault itself refuses next to nothing: what is
// refused all the same is refused here.
const almighty = `path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }`

// warmth lets through what [besieged] calls, and no more.
const warmth = grants + `
path "mash-creds/roles/demo/proxy/v3/warm"      { capabilities = ["read"] }
path "mash-creds/roles/demo/proxy/v2/test.echo" { capabilities = ["update"] }
`

// besieged opens a world whose token has a policy, and calls each API once, so
// that there are grants to steal. Its Mashery answers whatever it is asked.
func besieged(t *testing.T, policy string, edits ...edit) *fortress {
	t.Helper()
	sink := filepath.Join(shortDir(t), "sink")
	w := governed(t, policy, append(edits, sunk(sink))...)
	eventually(t, "a call is served", func() bool { return w.unix.get(t, v3+"warm").status == http.StatusOK })
	w.unix.send(t, "POST", v2+"/test.echo", echo).expect(t, http.StatusOK, "")
	eventually(t, "the sink is written", func() bool { return exists(sink) && read(t, sink) != "" })
	f := &fortress{
		world: w, token: read(t, sink), log: w.audited(t),
		vault: openDoor(t, "tcp", strings.TrimPrefix(w.Vault().Address(), "http://")),
		secrets: map[string]string{
			w.Vault().RootToken().Reveal():    "the root token",
			w.Credentials().APIKey.Reveal():   "the API key",
			w.Credentials().Secret.Reveal():   "the key's secret",
			w.Credentials().Password.Reveal(): "the password",
		},
	}
	f.secrets[f.token] = "the auto-auth token"
	w.secretsSeen(t, f.secrets)
	return f
}

// withAndWithoutCache tries something in two worlds: Vault's lease cache has
// ways of its own with tokens and leases.
func withAndWithoutCache(t *testing.T, policy string, try func(t *testing.T, f *fortress)) {
	for name, edits := range map[string][]edit{"without a cache": nil, "with a cache": {atTop("cache {}")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try(t, besieged(t, policy, edits...))
		})
	}
}

// repels makes every attack at both doors. None may reach Mashery, read a
// credential at Vault, or show one in its answer.
func (f *fortress) repels(t *testing.T, attacks []attack) {
	t.Helper()
	reads := f.credentialReads(t)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			before := len(f.Mashery().Requests())
			for _, d := range []*door{f.unix, f.tcp} {
				answer := d.send(t, a.method, a.target, a.body, a.header...)
				f.judges(t, a, answer)
			}
			if n := len(f.Mashery().Requests()) - before; n != 0 {
				t.Errorf("Mashery was asked %d times", n)
			}
		})
	}
	if n := f.credentialReads(t) - reads; n != 0 {
		t.Errorf("Vault was asked for a credential %d times", n)
	}
}

// judges tells whether an attack was refused as it should be.
func (f *fortress) judges(t *testing.T, a attack, answer answer) {
	t.Helper()
	f.keeps(t, answer)
	switch a.want {
	case byHTTP:
		if answer.status < 400 || answer.status >= 600 || answer.header.Get("X-Mashproxy-Source") != "" {
			t.Errorf("the answer is %d %v: %s", answer.status, answer.header, shortened(answer.body))
		}
	case byVault:
		own := f.vault.send(t, a.method, a.target, a.body, append([]string{"X-Vault-Token", f.token}, a.header...)...)
		if answer.status != own.status || answer.status < 400 || answer.code() != "" {
			t.Errorf("the answer is %d %q, and Vault's %d: %s", answer.status, answer.code(), own.status, shortened(answer.body))
		}
	default:
		if answer.status != statusOf(a.want) || answer.code() != a.want {
			t.Errorf("the answer is %d %q, want %q: %s", answer.status, answer.code(), a.want, shortened(answer.body))
		}
	}
}

// tokens are Vault's, whoever's they are.
var tokens = regexp.MustCompile(`hv[sbr]\.[A-Za-z0-9_-]{20,}`)

// keeps reports a credential in an answer.
func (f *fortress) keeps(t *testing.T, a answer) {
	t.Helper()
	text := a.body + fmt.Sprint(a.header)
	for secret, what := range f.secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the answer, %d, holds %s", a.status, what)
		}
	}
	if tokens.MatchString(text) {
		t.Errorf("the answer, %d, holds a token of Vault's", a.status)
	}
	for _, field := range []string{`"access_token":"`, `"sig":"`, `"api_key":"`, `"refresh_token":"`} {
		if strings.Contains(text, field) {
			t.Errorf("the answer, %d, has the field %s", a.status, field)
		}
	}
}

// credentialReads is how often Vault was asked for what must stay inside.
func (f *fortress) credentialReads(t *testing.T) (n int) {
	t.Helper()
	for _, path := range []string{"grant", "token", "export", "pem"} {
		n += f.log.count(t, "mash-creds/roles/demo/"+path)
	}
	return n + f.log.count(t, "auth/token/create")
}

// A disguise is a request that is meant to be taken for another. Vault allows
// it, and it is sent as what it was judged to be.
type disguise struct {
	name                       string
	method, target, body, sent string
	header                     []string
}

// serves makes requests that are disguised as others, at both doors, and tells
// whether what reached Mashery is what was judged.
func (f *fortress) serves(t *testing.T, disguises []disguise) {
	t.Helper()
	for _, a := range disguises {
		t.Run(a.name, func(t *testing.T) {
			for _, d := range []*door{f.unix, f.tcp} {
				own := f.vault.send(t, a.method, a.target, a.body, append([]string{"X-Vault-Token", f.token}, a.header...)...)
				if own.status == http.StatusForbidden {
					t.Errorf("Vault would have refused it: %s", own.body)
				}
				before := f.masheryCalls()
				answer := d.send(t, a.method, a.target, a.body, a.header...).expect(t, http.StatusOK, "")
				f.keeps(t, answer)
				sent := f.last(t)
				if got := sent.Method + " " + strings.TrimPrefix(sent.RequestURI, "/v3/rest/"); got != a.sent || f.masheryCalls() != before+1 {
					t.Errorf("%s was sent, want %s; %d calls", got, a.sent, f.masheryCalls()-before)
				}
			}
		})
	}
}
