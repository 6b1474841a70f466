// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"
)

// restarted is a program that whoever watches over it starts again and again. It
// runs in a bubble, by whose clock its files are dated, too.
type restarted struct {
	t       *testing.T
	config  Config
	secret  string // the file with the credentials
	written time.Time
	status  int    // of what Vault answers
	kind    string // and its type

	logins int
	said   strings.Builder
}

func newRestarted(t *testing.T) *restarted {
	dir := t.TempDir()
	t.Setenv("STATE_DIRECTORY", filepath.Join(dir, "state"))
	p := &restarted{t: t, written: time.Unix(0, 0), secret: filepath.Join(dir, "secret-id"), status: 400, kind: "application/json"}
	p.config = Config{VaultAddress: "http://vault", Waited: true, AutoAuth: &proxyconfig.AutoAuth{Method: &proxyconfig.Method{
		Type: "approle", MountPath: "auth/approle", Config: map[string]any{"secret_id_file_path": p.secret, "role": 7},
	}}}
	p.write("wrong")
	return p
}

// write puts credentials into the file.
func (p *restarted) write(text string) {
	p.t.Helper()
	p.written = p.written.Add(time.Hour)
	if err := os.WriteFile(p.secret, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chtimes(p.secret, p.written, p.written); err != nil {
		p.t.Fatal(err)
	}
}

// start starts the program for as long, and ends it without a warning. It has a
// login as soon as it may, and no other.
func (p *restarted) start(lives time.Duration) {
	p.t.Helper()
	end := time.Now().Add(lives)
	r := newRefusals(p.config, hclog.New(&hclog.LoggerOptions{Output: &p.said, Level: hclog.Warn}))
	if next := r.next(); next.Before(end) {
		time.Sleep(time.Until(next))
		r.expect("auth/approle/login")
		p.logins++
		for _, path := range []string{"/v1/auth/approle/login", "/v1/sys/health"} {
			request, err := http.NewRequest(http.MethodPut, "http://vault"+path, nil)
			if err != nil {
				p.t.Fatal(err)
			}
			answer, err := r.over(roundTrip(p.answer)).RoundTrip(request)
			if err != nil {
				p.t.Fatal(err)
			}
			answer.Body.Close()
		}
	}
	time.Sleep(time.Until(end))
}

func (p *restarted) answer(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: p.status, Header: http.Header{"Content-Type": {p.kind}}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const restart = 600 * time.Millisecond

func TestAHundredStartsInAMinuteWithCredentialsThatAreRefusedMakeFiveLoginsAtMost(t *testing.T) {
	p := newRestarted(t)
	synctest.Test(t, func(*testing.T) {
		for range 100 {
			p.start(restart)
		}
	})
	if p.logins < 3 || p.logins > 5 {
		t.Errorf("%d logins", p.logins)
	}
	if said := p.said.String(); !strings.Contains(said, "refused=") || !strings.Contains(said, "next_login_in=") || !strings.Contains(said, "refused-login-") {
		t.Errorf("it does not say why it waits: %s", said)
	}
}

func TestWhatIsNoRefusalOfTheSameCredentialsKeepsNobodyWaiting(t *testing.T) {
	later := func(p *restarted, status int, kind string) {
		time.Sleep(2 * mostRefusedPause)
		p.status, p.kind = status, kind
		p.start(restart)
	}
	for name, change := range map[string]func(p *restarted){
		"other credentials":           func(p *restarted) { p.write("other") },
		"another Vault":               func(p *restarted) { p.config.VaultAddress = "http://other" },
		"a long time ago":             func(*restarted) { time.Sleep(2 * mostRefusedPause) },
		"Vault accepted them":         func(p *restarted) { later(p, 200, "application/json") },
		"Vault was sealed":            func(p *restarted) { later(p, 503, "application/json") },
		"too many asked":              func(p *restarted) { later(p, 429, "application/json") },
		"a page was in Vault's place": func(p *restarted) { later(p, 403, "text/html") },
		"the file was removed":        func(p *restarted) { p.keep("") },
		"the file was broken":         func(p *restarted) { p.keep("{") },
		"the clock was wrong":         func(p *restarted) { p.keep(strings.Replace(p.kept(), `"2000-`, `"2100-`, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newRestarted(t)
			synctest.Test(t, func(*testing.T) {
				for range 20 {
					p.start(restart)
				}
				p.logins = 0
				if p.start(restart); p.logins != 0 {
					t.Error("it does not wait even without that")
				}
				change(p)
				p.logins = 0
				p.start(restart)
			})
			if p.logins != 1 {
				t.Errorf("%d logins", p.logins)
			}
		})
	}
}

// file is where the program keeps what it knows.
func (p *restarted) file() string {
	p.t.Helper()
	found, err := filepath.Glob(filepath.Join(os.Getenv("STATE_DIRECTORY"), "*"))
	if err != nil || len(found) != 1 {
		p.t.Fatalf("what is kept: %v, %v", found, err)
	}
	return found[0]
}

func (p *restarted) kept() string {
	p.t.Helper()
	text, err := os.ReadFile(p.file())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// keep has it know something else; "": nothing.
func (p *restarted) keep(text string) {
	p.t.Helper()
	file := p.file()
	err := os.Remove(file)
	if text != "" {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestWhereNothingIsKeptLoginsAreAsEver(t *testing.T) {
	for name, change := range map[string]func(p *restarted){
		"there is no place for it": func(p *restarted) { p.t.Setenv("STATE_DIRECTORY", p.secret) },
		"no calls wait for logins": func(p *restarted) { p.config.Waited = false },
	} {
		t.Run(name, func(t *testing.T) {
			p := newRestarted(t)
			change(p)
			synctest.Test(t, func(*testing.T) {
				for range 5 {
					p.start(restart)
				}
			})
			if p.logins != 5 || p.said.Len() > 0 {
				t.Errorf("%d logins; it says %s", p.logins, &p.said)
			}
		})
	}
}
