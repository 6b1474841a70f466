// SPDX-License-Identifier: MPL-2.0

package features

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/cucumber/godog"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// area is an emulated Mashery with one area.
type area struct {
	*httptest.Server
	credentials mashery.Credentials
	emulator    atomic.Pointer[emulator.Emulator]
	authority   *emulator.Authority // nil without TLS
}

// newArea makes one without limits.
func newArea() *area {
	a := &area{credentials: demoCredentials()}
	a.become(emulator.Options{})
	a.Server = httptest.NewServer(a)
	return a
}

// ServeHTTP implements http.Handler.
func (a *area) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.emulator.Load().ServeHTTP(w, r) }

// become makes it another Mashery at the same place.
func (a *area) become(options emulator.Options) {
	options.Credentials = a.credentials
	if options.QPS == 0 {
		options.QPS = -1
	}
	a.emulator.Store(emulator.New(options))
}

// secure moves it to an address with TLS.
func (a *area) secure() error {
	var err error
	if a.authority, err = emulator.NewAuthority(); err != nil {
		return err
	}
	config, err := a.authority.ServerConfig("127.0.0.1")
	if err != nil {
		return err
	}
	a.Server.Close()
	a.Server = httptest.NewUnstartedServer(a)
	a.Server.TLS = &tls.Config{Certificates: config.Certificates, NextProtos: config.NextProtos}
	a.Server.StartTLS()
	return nil
}

// endpoints are what a mount's configuration says of it.
func (a *area) endpoints() map[string]any {
	return map[string]any{
		"v2_endpoint": a.URL + "/v2/json-rpc", "v3_endpoint": a.URL + "/v3/rest", "v3_token_endpoint": a.URL + "/v3/token",
	}
}

// tokens is how many tokens it gave.
func (a *area) tokens() int {
	counts := a.emulator.Load().Counts()
	return counts.Password + counts.Refresh
}

// defineMashery defines how Mashery is, and what it was asked.
func (w *world) defineMashery(s *godog.ScenarioContext) {
	s.Step(`^Mashery gives (\d+) tokens? a second$`, func(n int) { w.mashery.become(emulator.Options{TokenQPS: n}) })
	s.Step(`^Mashery has the faults? "([^"]*)"$`, w.fails)
	s.Step(`^Mashery gave (\d+) tokens?$`, w.gave)
	s.Step(`^Mashery answered (\d+) calls? "([^"]*)"$`, w.answered)
	s.Step(`^Mashery got "(\S+) ([^"]*)"$`, w.got)
	s.Step(`^Mashery got the body (\{.*\})$`, w.gotBody)
}

func (w *world) fails(text string) error {
	fault, err := emulator.ParseFault(text)
	if err == nil {
		_, err = w.mashery.emulator.Load().AddFault(fault)
	}
	return err
}

func (w *world) gave(n int) error {
	if got := w.mashery.tokens(); got != n {
		return fmt.Errorf("it gave %d", got)
	}
	return nil
}

func (w *world) answered(n int, call string) error {
	if got := w.mashery.emulator.Load().Counts().Calls; got[call] != n {
		return fmt.Errorf("the calls are %v", got)
	}
	return nil
}

// request is the last one that was no token request.
func (w *world) request() (last emulator.Request) {
	for _, r := range w.mashery.emulator.Load().Requests() {
		if r.RequestURI != "/v3/token" {
			last = r
		}
	}
	return last
}

func (w *world) got(method, uri string) error {
	got := w.request()
	path, _, _ := strings.Cut(got.RequestURI, "?apikey=") // a V2 call's query signs it
	if got.Method != method || path != w.expand(uri) {
		return fmt.Errorf("it got %s %s; the answer was %v", got.Method, path, w.last)
	}
	return nil
}

func (w *world) gotBody(body string) error {
	if got := string(w.request().Body); got != w.expand(body) {
		return fmt.Errorf("it got %s", got)
	}
	return nil
}

// defineCertificates defines what Mashery shows, and what is known of it.
func (w *world) defineCertificates(s *godog.ScenarioContext) {
	s.Step(`^Mashery has a certificate of its own authority$`, func() error {
		if err := w.mashery.secure(); err != nil {
			return err
		}
		certificate, _ := pem.Decode(w.mashery.authority.PEM())
		sum := sha256.Sum256(certificate.Bytes)
		w.known["authority"] = string(w.mashery.authority.PEM())
		w.known["fingerprint"] = hex.EncodeToString(sum[:])
		return nil
	})
}
