// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const hidden = "hunter2"

// nested holds secrets in every place fmt looks into, unexported ones too,
// whose methods it cannot call.
type nested struct {
	Open    Secret
	closed  Secret
	pointer *Secret
	list    []Secret
	array   [1]Secret
	byName  map[string]Secret
	asKey   map[Secret]int
	any     any
}

func nest() nested {
	s := NewSecret(hidden)
	return nested{
		Open: s, closed: s, pointer: &s, list: []Secret{s}, array: [1]Secret{s},
		byName: map[string]Secret{"a": s}, asKey: map[Secret]int{s: 1}, any: s,
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	s, n := NewSecret(hidden), nest()
	for name, value := range map[string]any{
		"a secret": s, "a pointer to one": &s, "a struct that holds some": n, "a pointer to that struct": &n,
		"a struct in a struct":  struct{ inner nested }{n},
		"a struct in an error":  fmt.Errorf("refused: %v", n),
		"credentials":           Credentials{APIKey: s, Secret: s, Password: s},
		"a grant":               &Grant{APIKey: s, Signature: s, AccessToken: s},
		"a token":               Token{Access: s, Refresh: s},
		"a list of credentials": []any{Credentials{Secret: s}, s},
	} {
		t.Run(name, func(t *testing.T) {
			for _, flags := range []string{"", "+", "#", " ", "-20", "020", ".3", "+.40"} {
				for verb := '!'; verb <= '~'; verb++ {
					if verb == '%' {
						continue
					}
					refuseSecret(t, "%"+flags+string(verb), fmt.Sprintf("%"+flags+string(verb), value))
				}
			}
			refuseSecret(t, "Sprint", fmt.Sprint(value))
			refuseSecret(t, "Sprintln", fmt.Sprintln(value))
		})
	}
}

func refuseSecret(t *testing.T, by, text string) {
	t.Helper()
	hex := fmt.Sprintf("%x", hidden)
	for _, form := range []string{hidden, hex, strings.ToUpper(hex), fmt.Sprintf("% x", hidden), fmt.Sprint([]byte(hidden))} {
		if strings.Contains(text, form) {
			t.Errorf("%s prints the secret: %s", by, text)
		}
	}
}

func TestASecretIsRedactedWhereItIsAskedFor(t *testing.T) {
	s := NewSecret(hidden)
	for name, got := range map[string]string{
		"String":       s.String(),
		"GoString":     s.GoString(),
		"%s":           fmt.Sprintf("%s", s),
		"%v":           fmt.Sprintf("%v", s),
		"%#v":          fmt.Sprintf("%#v", s),
		"%x":           fmt.Sprintf("%x", s),
		"of no secret": Secret{}.String(),
	} {
		if got != redacted {
			t.Errorf("%s gives %q, want %q", name, got, redacted)
		}
	}
}

func TestNothingEncodesASecret(t *testing.T) {
	encoded, err := json.Marshal(struct {
		A Secret
		B *Secret
		C []Secret
		D map[Secret]int
	}{NewSecret(hidden), &Secret{}, []Secret{NewSecret(hidden)}, map[Secret]int{NewSecret(hidden): 1}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"A":"[redacted]","B":"[redacted]","C":["[redacted]"],"D":{"[redacted]":1}}`; string(encoded) != want {
		t.Errorf("JSON is %s, want %s", encoded, want)
	}
	if text, err := NewSecret(hidden).MarshalText(); err != nil || string(text) != redacted {
		t.Errorf("as text it is %q, %v", text, err)
	}
	for name, handler := range map[string]func(*strings.Builder) slog.Handler{
		"text": func(b *strings.Builder) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *strings.Builder) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var log strings.Builder
		slog.New(handler(&log)).Info("bought", "secret", NewSecret(hidden), "error", errors.New("x"), "all", nest())
		refuseSecret(t, "the "+name+" log", log.String())
	}
}

func TestASecretRevealsAndComparesItsText(t *testing.T) {
	a, b := NewSecret(hidden), NewSecret(strings.Clone(hidden))
	switch {
	case a.Reveal() != hidden:
		t.Errorf("revealed %q", a.Reveal())
	case a != b:
		t.Error("two secrets of one text differ")
	case a == NewSecret("other"):
		t.Error("two secrets of different texts are equal")
	case a.IsZero():
		t.Error("a secret with a text is zero")
	case NewSecret("") != (Secret{}) || !NewSecret("").IsZero() || (Secret{}).Reveal() != "":
		t.Error("the empty text is not the absent secret")
	}
}
