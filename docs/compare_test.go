// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// compare says how the output a page shows differs from what came out. Values
// are not compared, for most are another time. Compared are:
//
//   - of JSON, that every key shown is there;
//   - of a table "Key  Value", that the keys are these and no others;
//   - of headers, below "HTTP/1.1 …", the status and that every name is there;
//   - of anything else, every line, where … stands for any text.
func compare(shown block, got *outcome) error {
	lines := strings.Split(strings.TrimSpace(shown.text), "\n")
	switch first := strings.Fields(lines[0]); {
	case shown.language == "json":
		return compareJSON(shown.text, got.value)
	case slices.Equal(first, []string{"Key", "Value"}):
		return compareTable(lines[2:], got.table)
	case strings.HasPrefix(lines[0], "HTTP/"):
		return compareHeader(lines, got)
	}
	for _, line := range lines {
		if !like(line, got.text) {
			return fmt.Errorf("there is no %q", line)
		}
	}
	return nil
}

func compareJSON(shown string, got any) error {
	var want any
	if err := json.Unmarshal([]byte(shown), &want); err != nil {
		return err
	}
	return within(want, got, "it")
}

// within says which key of want is not in got.
func within(want, got any, where string) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is no object", where)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			value, ok := object[key]
			if !ok {
				return fmt.Errorf("%s has no %q", where, key)
			}
			if err := within(want[key], value, fmt.Sprintf("%q", key)); err != nil {
				return err
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) == 0 {
			return fmt.Errorf("%s is no list, or empty", where)
		}
		for _, one := range want {
			if err := within(one, list[0], "an element of "+where); err != nil {
				return err
			}
		}
	}
	return nil
}

func compareTable(rows []string, got map[string]any) error {
	if got == nil {
		return errors.New("no table came out")
	}
	shown := make(map[string]any)
	for _, row := range rows {
		name, _, _ := strings.Cut(row, "  ")
		shown[name] = true
		if _, ok := got[name]; !ok {
			return fmt.Errorf("there is no key %q; there are %q", name, slices.Sorted(maps.Keys(got)))
		}
	}
	for name := range got {
		if shown[name] == nil {
			return fmt.Errorf("the key %q is not shown", name)
		}
	}
	return nil
}

func compareHeader(lines []string, got *outcome) error {
	if !strings.Contains(lines[0], fmt.Sprintf(" %d", got.status)) {
		return fmt.Errorf("the status is %d", got.status)
	}
	for _, line := range lines[1:] {
		name, _, ok := strings.Cut(line, ": ")
		if !ok {
			return nil // the body
		}
		if got.header.Get(name) == "" {
			return fmt.Errorf("there is no header %s", name)
		}
	}
	return nil
}

// like tells whether the parts of line that … divides are in text, in order.
func like(line, text string) bool {
	for part := range strings.SplitSeq(strings.TrimSpace(line), "…") {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}

func TestWhatIsShownIsComparedByItsKeys(t *testing.T) {
	got := &outcome{
		status: 200, text: "Success! Data written to: a/b\n", header: map[string][]string{"Etag": {"x"}},
		table: map[string]any{"a key": 1, "b": 2}, value: map[string]any{"a": []any{map[string]any{"b": 1.0}}},
	}
	for shown, want := range map[block]string{
		{"json", `{"a": [{"b": 7}]}`, 1}:                         "",
		{"json", `{"a": [{"c": 7}]}`, 1}:                         `an element of "a" has no "c"`,
		{"json", `[]`, 1}:                                        "it is no list, or empty",
		{"text", "Key      Value\n---\na key    x\nb    y\n", 1}: "",
		{"text", "Key      Value\n---\nb    y\n", 1}:             `the key "a key" is not shown`,
		{"text", "Key  Value\n---\nc    y\n", 1}:                 `there is no key "c"; there are ["a key" "b"]`,
		{"text", "HTTP/1.1 200 OK\nEtag: …\n\n[]", 1}:            "",
		{"text", "HTTP/1.1 200 OK\nX-Total-Count: 1\n", 1}:       "there is no header X-Total-Count",
		{"text", "HTTP/1.1 403 Forbidden\n", 1}:                  "the status is 200",
		{"text", "Success! …: a/b", 1}:                           "",
		{"text", "Success! …: b/a", 1}:                           `there is no "Success! …: b/a"`,
	} {
		if err := compare(shown, got); fmt.Sprint(err) != want && !(err == nil && want == "") {
			t.Errorf("%q: the error is %v, want %s", shown.text, err, want)
		}
	}
}
