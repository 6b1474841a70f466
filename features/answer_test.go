// SPDX-License-Identifier: MPL-2.0

package features

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/cucumber/godog"
)

// answer is what Vault answered.
type answer struct {
	status int
	header http.Header
	raw    []byte
	value  any // of the JSON in it; nil for none
}

func newAnswer(status int, header http.Header, raw []byte) *answer {
	a := &answer{status: status, header: header, raw: raw}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&a.value) // what is no JSON stays none
	return a
}

func (a *answer) String() string { return fmt.Sprintf("%d %s", a.status, bytes.TrimSpace(a.raw)) }

// refusal are the errors of an answer in Vault's shape.
func (a *answer) refusal() string {
	var said struct{ Errors []string }
	_ = json.Unmarshal(a.raw, &said)
	return strings.TrimSpace(strings.Join(said.Errors, "; "))
}

// field finds a field: in Vault's data, or at the top of what Mashery answered.
// A dot leads into an object.
func (a *answer) field(name string) (any, bool) {
	top, _ := a.value.(map[string]any)
	data, wrapped := top["data"].(map[string]any)
	if !wrapped {
		data = top
	}
	if value, ok := data[name]; ok {
		return value, true
	}
	if value, ok := top[name]; ok {
		return value, true
	}
	value := any(data)
	for part := range strings.SplitSeq(name, ".") {
		object, _ := value.(map[string]any)
		var ok bool
		if value, ok = object[part]; !ok {
			return nil, false
		}
	}
	return value, true
}

func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number, bool:
		return fmt.Sprint(value)
	}
	encoded, _ := json.Marshal(value) // it was decoded from JSON
	return string(encoded)
}

// like compares with a pattern, in which * is anything but nothing.
func like(pattern, text string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `(?s:.+)`)
	return regexp.MustCompile("^" + quoted + "$").MatchString(text)
}

// defineAnswers defines what is said of the last answer.
func (w *world) defineAnswers(s *godog.ScenarioContext) {
	s.Step(`^it works$`, w.itWorks)
	s.Step(`^it says$`, w.itSays)
	s.Step(`^it does not tell "([^"]*)"$`, w.itDoesNotTell)
	s.Step(`^it tells no credential$`, w.itTellsNoCredential)
	s.Step(`^it warns: (.*)$`, w.itWarns)
	s.Step(`^it is refused \((\d+)\): (.*)$`, w.itIsRefused)
	s.Step(`^its status is (\d+)$`, w.itsStatusIs)
	s.Step(`^its header "([^"]*)" is "([^"]*)"$`, w.itsHeaderIs)
	s.Step(`^it is a list of (\d+)$`, w.itIsAListOf)
	s.Step(`^I remember "([^"]*)" as \{(\w+)\}$`, w.remember)
	s.Step(`^"([^"]*)" is (the same as|another than) \{(\w+)\}$`, w.compare)
}

func (w *world) itWorks() error {
	if w.last.status >= http.StatusBadRequest {
		return fmt.Errorf("it was refused: %v", w.last)
	}
	return nil
}

func (w *world) itSays(table *godog.Table) error {
	if err := w.itWorks(); err != nil {
		return err
	}
	for name, want := range w.fields(table) {
		value, ok := w.last.field(name)
		if !ok {
			return fmt.Errorf("there is no %s in %v", name, w.last)
		}
		if got := text(value); !like(want.(string), got) {
			return fmt.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	return nil
}

func (w *world) itDoesNotTell(name string) error {
	if value, ok := w.last.field(name); ok {
		return fmt.Errorf("%s is told: %s", name, text(value))
	}
	return w.itWorks()
}

func (w *world) itTellsNoCredential() error {
	for name, secret := range w.secrets() {
		if bytes.Contains(w.last.raw, []byte(secret)) {
			return fmt.Errorf("the %s is in the answer", name)
		}
	}
	return w.itWorks()
}

func (w *world) itWarns(want string) error {
	warnings, _ := w.last.field("warnings")
	if got := text(warnings); !strings.Contains(got, want) {
		return fmt.Errorf("the warnings are %s", got)
	}
	return w.itWorks()
}

func (w *world) itIsRefused(status int, want string) error {
	if w.last.status != status || !like(w.expand(want), w.last.refusal()) {
		return fmt.Errorf("got %v", w.last)
	}
	return nil
}

func (w *world) itsStatusIs(status int) error {
	if w.last.status != status {
		return fmt.Errorf("got %v", w.last)
	}
	return nil
}

func (w *world) itsHeaderIs(name, want string) error {
	if got := w.last.header.Get(name); !like(want, got) {
		return fmt.Errorf("%s is %q; the status is %d", name, got, w.last.status)
	}
	return nil
}

func (w *world) itIsAListOf(n int) error {
	if list, ok := w.last.value.([]any); !ok || len(list) != n {
		return fmt.Errorf("got %v", w.last)
	}
	return nil
}

func (w *world) remember(field, name string) error {
	value, ok := w.last.field(field)
	if !ok {
		return fmt.Errorf("there is no %s in %v", field, w.last)
	}
	w.known[name] = text(value)
	return nil
}

func (w *world) compare(field, how, name string) error {
	want, known := w.known[name]
	value, ok := w.last.field(field)
	if !ok || !known {
		return fmt.Errorf("there is no %s in %v, or no {%s}", field, w.last, name)
	}
	if same := text(value) == want; same != (how == "the same as") {
		return fmt.Errorf("%s is %s", field, text(value))
	}
	return nil
}
