// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestTheLogHoldsNoTokens(t *testing.T) {
	const (
		service = "hvs.CAESIAsoeFCJlKv7cxl0ivNii_6kO3VXYPvrFYlB"
		old     = "s.0123456789abcdefABCDEF01.ns123"
		chosen  = "a token that somebody chose"
	)
	tests := map[string]func(hclog.Logger){
		"in the message":         func(l hclog.Logger) { l.Error("no parent for " + service) },
		"in a value":             func(l hclog.Logger) { l.Info("m", "path", "x/"+old) },
		"in an error":            func(l hclog.Logger) { l.Warn("m", "error", errors.New("no "+service)) },
		"as a token":             func(l hclog.Logger) { l.Trace("m", "token", "short-"+"token") },
		"as what cache-clear is": func(l hclog.Logger) { l.Debug("m", "value", "short-"+"token") },
		"chosen by somebody":     func(l hclog.Logger) { l.Debug("m", "x", chosen) },
		"in a named logger":      func(l hclog.Logger) { l.Named("a").With("b", service).ResetNamed("c").Info("m", "x", service) },
		"by level":               func(l hclog.Logger) { l.Log(hclog.Info, service) },
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			var text logs
			r := newRedactor()
			r.learn(chosen)
			r.learn("tiny") // which would take half of every line along
			write(r.logger(text.logger()))
			for _, secret := range []string{service, old, chosen, "short-token"} {
				if strings.Contains(text.String(), secret) {
					t.Errorf("holds %q: %s", secret, text.String())
				}
			}
			if !strings.Contains(text.String(), redacted) {
				t.Errorf("nothing was taken out: %s", text.String())
			}
		})
	}
}

func TestTheLogKeepsAllElse(t *testing.T) {
	var text logs
	log := newRedactor().logger(text.logger())
	log.Info("forwarded", "path", "/v1/mash-creds/roles/demo", "status", 200, "host", "sub.s.example.com")
	for _, want := range []string{"forwarded", "path=/v1/mash-creds/roles/demo", "status=200", "host=sub.s.example.com"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("lost %q: %s", want, text.String())
		}
	}
	log.SetLevel(hclog.Info)
	log.Debug("hidden")
	if strings.Contains(text.String(), "hidden") {
		t.Error("logs below its level")
	}
}
