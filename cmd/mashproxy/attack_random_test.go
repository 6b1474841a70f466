// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// patchy allows about half of what [guesser] guesses.
const patchy = grants + `
path "mash-creds/roles/demo/proxy/v3/*"        { capabilities = ["read", "update"] }
path "mash-creds/roles/demo/proxy/v3/open"     { capabilities = ["update", "delete"] }
path "mash-creds/roles/demo/proxy/v3/services" { capabilities = ["read", "update"] allowed_parameters = { "name" = ["team-*"], "limit" = ["1"] } }
path "mash-creds/roles/demo/proxy/v3/members"  { capabilities = ["read", "update", "delete"] denied_parameters = { "passwd" = [] } }
path "mash-creds/roles/demo/proxy/v3/roles"    { capabilities = ["update"] required_parameters = ["reason"] }
path "mash-creds/roles/demo/proxy/v3/services/+/roles" { capabilities = ["deny"] }
path "mash-creds/roles/demo/proxy/v3-method/*" { capabilities = ["read", "update"] }
path "mash-creds/roles/demo/proxy/v3-method/delete/open" { capabilities = ["update", "delete"] }
path "mash-creds/roles/demo/proxy/v2"          { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v2/*"        { capabilities = ["update"] }
path "mash-creds/roles/demo/proxy/v2/member.delete" { capabilities = ["deny"] }
`

// generous are local rules that forbid about as much.
const generous = `
  roles      = ["demo"]
  methods    = ["GET", "POST"]
  v3_paths   = ["warm", "services*", "open"]
  v2_methods = ["test.echo"]
`

// guesser puts attacks together at random.
type guesser struct{ *rand.Rand }

func (g guesser) of(texts ...string) string { return texts[g.IntN(len(texts))] }

// spelt spells a text in another way, now and then.
func (g guesser) spelt(text string) string {
	if g.IntN(12) > 0 {
		return text
	}
	at := g.IntN(len(text))
	letter := text[at : at+1]
	switch g.IntN(4) {
	case 0:
		letter = fmt.Sprintf("%%%02x", letter)
	case 1:
		letter = fmt.Sprintf("%%25%02X", letter)
	case 2:
		letter = strings.ToUpper(letter)
	default:
		letter += g.of(";", "/", "//", "/./", "/../", "%2f", "%2F..%2f", `\`, ";x=y", ";target-method-delete", ".", "%20", "%3f", "%23", "%c0%ae", "%3b")
	}
	return text[:at] + letter + text[at+1:]
}

func (g guesser) target() string {
	var path strings.Builder
	for _, part := range []string{
		"v1", "mash-creds", "roles", "demo",
		g.of("proxy/v3", "proxy/v3", "proxy/v3", "proxy/v2", "proxy/v3-method/"+g.of("get", "put", "delete", "GET", "head"), "v3", "v2", "grant", "token"),
		g.of("services", "services/x", "services/x/roles", "members", "roles", "open", "test.echo", "member.delete"),
	} {
		path.WriteString("/" + g.spelt(part))
	}
	path.WriteString(g.of("", "", "", "", "/", ";target-method-delete", ";target-method-put"))
	return path.String() + g.of("", "", "", "", "?limit=1", "?limit=2", "?passwd=x", "?list=true", "?limit=1&limit=2", "?a;limit=2", "?reason=x", "?")
}

func (g guesser) header() []string {
	var header []string
	for range max(0, g.IntN(5)-2) {
		header = append(header, [][]string{
			{namespaceHeader, g.of("root", "/", "", "team", "mash-creds", "..")},
			{"X-HTTP-Method-Override", g.of("GET", "DELETE")}, {"Content-Type", g.of("application/json", "application/x-www-form-urlencoded", "text/plain")},
			{"Content-Encoding", g.of("identity", "gzip")}, {"Connection", g.of(namespaceHeader, "close")}, {"X-Original-URL", "/v1/sys/mounts"},
		}[g.IntN(6)]...)
	}
	return header
}

func (g guesser) attack() attack {
	a := attack{method: g.of("GET", "GET", "POST", "POST", "PUT", "DELETE", "LIST", "HEAD", "post", "delete", "PATCH"), target: g.target(), header: g.header()}
	if strings.EqualFold(a.method, "POST") || a.method == "PUT" || g.IntN(9) == 0 {
		a.body = g.of("{}", `{"name":"team-a"}`, `{"name":"other"}`, `{"NAME":"other"}`, `{"passwd":"x"}`, `{"reason":"x"}`, `{"method":"test.echo","params":["x"]}`,
			`{"method":"member.delete"}`, `{"method":"test.echo","Method":"member.delete"}`, `[{"method":"member.delete"}]`, `{"params":[1]}`, "name=other", "", "{")
	}
	if g.IntN(8) == 0 {
		a.divide(g)
	}
	return a
}

// divide puts what the path begins with into the header of the namespace.
func (a *attack) divide(g guesser) {
	parts := strings.SplitN(a.target, "/", 3+g.IntN(4))
	if last := len(parts) - 1; last > 2 {
		a.target = "/v1/" + parts[last]
		a.header = append(a.header, namespaceHeader, strings.Join(parts[2:last], "/"))
	}
}

// asVaultKnowsIt is a request as Vault would be asked: it refuses HEAD and
// verbs in lower case altogether, which are served here like the verbs they mean.
func (a attack) asVaultKnowsIt() attack {
	if a.method = strings.ToUpper(a.method); a.method == "HEAD" {
		a.method = "GET"
	}
	return a
}

// guesses are how many attacks are made, and who makes them: the same ones, if
// ATTACK_SEED says so.
func guesses(t *testing.T) (int, guesser) {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("ATTACK_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("ATTACK_SEED=%d", seed)
	tries, err := strconv.Atoi(os.Getenv("ATTACKS"))
	if err != nil {
		tries = 1000
	}
	return tries, guesser{rand.New(rand.NewPCG(seed, 0))}
}

// tries makes an attack at the unix socket.
func (f *fortress) tries(t *testing.T, a attack) answer {
	t.Helper()
	answer, err := f.unix.try(a.method, a.target, strings.NewReader(a.body), a.header...)
	if err != nil {
		t.Fatalf("%+v: %v", a, err)
	}
	return answer
}

func TestWhateverIsTriedVaultWouldHaveAllowedWhatIsServed(t *testing.T) {
	t.Parallel()
	f := besieged(t, patchy)
	served := 0
	tries, g := guesses(t)
	for range tries {
		a := g.attack()
		answer := f.tries(t, a)
		if f.keeps(t, answer); t.Failed() {
			t.Fatalf("it was %+v", a)
		}
		if answer.verdict() != "mashery" {
			continue
		}
		served++
		known := a.asVaultKnowsIt()
		own := f.vault.send(t, known.method, known.target, known.body, append([]string{"X-Vault-Token", f.token}, known.header...)...)
		if own.status == http.StatusForbidden {
			t.Fatalf("%+v was served; Vault says %s", a, own.body)
		}
	}
	t.Logf("%d of %d were served", served, tries)
	if served < tries/50 {
		t.Errorf("only %d of %d attacks were served: they prove little", served, tries)
	}
}

// lastCall is what Mashery was asked last: verb and path, and the method of V2.
func (w *world) lastCall(t *testing.T) string {
	t.Helper()
	sent := w.last(t)
	u, err := url.ParseRequestURI(sent.RequestURI)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(u.Path, "/v2/") {
		return sent.Method + " " + u.Path
	}
	var envelope struct{ Method string }
	if err := json.Unmarshal(sent.Body, &envelope); err != nil {
		t.Fatal(err)
	}
	return sent.Method + " " + u.Path + " " + envelope.Method
}

func TestWhateverIsTriedNothingLocalRulesForbidReachesMashery(t *testing.T) {
	t.Parallel()
	f := besieged(t, almighty, inMashery(generous))
	allowed := regexp.MustCompile(`^(GET|POST) /v3/rest/(services[^;%?#\\]*|open/?)$|^POST /v2/json-rpc/1042 test\.echo$`)
	served := 0
	tries, g := guesses(t)
	for range tries {
		a, before := g.attack(), f.masheryCalls()
		if g.IntN(10) == 0 {
			a.header = append(a.header, "X-Vault-Wrap-TTL", "60")
		}
		f.tries(t, a)
		if f.masheryCalls() == before {
			continue
		}
		served++
		if text := f.lastCall(t); !allowed.MatchString(text) {
			t.Fatalf("%+v made it to Mashery as %s", a, text)
		}
	}
	t.Logf("%d of %d were served", served, tries)
	if served < tries/100 {
		t.Errorf("only %d of %d attacks were served: they prove little", served, tries)
	}
}
