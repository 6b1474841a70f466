// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/helper/jsonutil"
)

func TestParseObject(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	entries := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`"%d":0`, i)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	elements := func(n int) string { return `{"a":[0` + strings.Repeat(",0", n-1) + "]}" }
	tests := map[string]struct {
		text string
		err  string // "" if it has one reading
	}{
		"an empty object":                    {`{}`, ""},
		"white space around":                 {" \n\t{ } \r\n", ""},
		"all kinds of values":                {`{"a":[1,-2.5e3,"x",true,false,null,{}],"b":{"a":1}}`, ""},
		"a surrogate pair":                   {`{"a":"\ud83d\ude00"}`, ""},
		"the same key at two levels":         {`{"a":{"a":1},"b":[{"a":1},{"a":2}]}`, ""},
		"as deep as allowed":                 {deep(100), ""},
		"as many entries as allowed":         {entries(10_000), ""},
		"as many elements as allowed":        {elements(10_000), ""},
		"nothing":                            {``, "one JSON value"},
		"no object":                          {`["a"]`, "not a JSON object"},
		"null":                               {`null`, "not a JSON object"},
		"a form":                             {`a=b`, "one JSON value"},
		"two objects":                        {`{}{}`, "one JSON value"},
		"something after it":                 {`{} x`, "one JSON value"},
		"a byte order mark":                  {"\ufeff{}", "one JSON value"},
		"a comma too many":                   {`{"a":1,}`, "one JSON value"},
		"a comment":                          {`{/**/}`, "one JSON value"},
		"a key twice":                        {`{"a":1,"a":1}`, "duplicate key"},
		"a key twice, escaped":               {`{"a":1,"\u0061":1}`, "duplicate key"},
		"a key twice, deep down":             {`{"b":[{"c":{"a":1,"a":2}}]}`, "duplicate key"},
		"a number no float can hold":         {`{"a":1e999}`, "number"},
		"a key twice, once as a pair":        {"{\"\\ud83d\\ude00\":1,\"\U0001f600\":2}", "occurs twice"},
		"bytes that are not UTF-8":           {"{\"a\":\"\xff\"}", "UTF-8"},
		"half a surrogate pair":              {`{"a":"\ud800"}`, "surrogate"},
		"half a surrogate pair in a key":     {`{"\udc00":1}`, "surrogate"},
		"the replacement character":          {"{\"a\":[\"\ufffd\"]}", "U+FFFD"},
		"one level too deep":                 {deep(101), "nesting"},
		"one level too deep, in an array":    {`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "nesting"},
		"one entry too many":                 {entries(10_001), "entry count"},
		"one element too many":               {elements(10_001), "element count"},
		"deeper than any parser should have": {deep(200_000), "one JSON value"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseObject([]byte(test.text))
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want %q", err, test.err)
			}
		})
	}
}

// FuzzParseObject holds what is read against Vault's own reading of the same
// bytes.
func FuzzParseObject(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":[1,{"b":null}],"c":"\u0041"}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `[{}]`, `{"a":1}x`, "{\"a\":\"\xff\"}", ` { "m" : -0.0e+1 } `,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseObject(text)
		if err != nil {
			return
		}
		var want map[string]any
		if err := jsonutil.DecodeJSONFromReader(bytes.NewReader(text), &want); err != nil {
			t.Fatalf("Vault cannot read it: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, Vault %#v", got, want)
		}
		for _, again := range []string{"", " "} {
			if same, err := ParseObject([]byte(again + string(text) + again)); err != nil || !reflect.DeepEqual(got, same) {
				t.Fatalf("white space around makes it %#v, error %v", same, err)
			}
		}
	})
}

func TestParseEnvelope(t *testing.T) {
	tests := map[string]struct {
		text   string
		method string
		has    bool
		err    string
	}{
		"a call":                          {`{"jsonrpc":"2.0","method":"object.query","params":["x"],"id":1}`, "object.query", true, ""},
		"a call without a method":         {`{"params":[]}`, "", false, ""},
		"a call with an empty method":     {`{"method":""}`, "", true, ""},
		"names in params are free":        {`{"method":"a","params":{"Method":1,"METHOD":2}}`, "a", true, ""},
		"a method that is null":           {`{"method":null}`, "", false, ""},
		"a method that is no text":        {`{"method":0}`, "", false, `"method" is not a string`},
		"a method in a list":              {`{"method":["a"]}`, "", false, `"method" is not a string`},
		"a key in another case":           {`{"Method":"a"}`, "", false, "differ in case"},
		"two keys that differ in case":    {`{"method":"a","x":1,"X":2}`, "", false, "differ in case"},
		"a key with a long s":             {`{"method":"a","param\u017f":1}`, "", false, "differ in case"},
		"two keys that differ by a sigma": {`{"\u03c3":1,"\u03c2":1}`, "", false, "differ in case"},
		"two keys that differ by kelvin":  {`{"k":1,"\u212a":1}`, "", false, "differ in case"},
		"a batch":                         {`[{"method":"a"}]`, "", false, "not a JSON object"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseEnvelope([]byte(test.text))
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got error %v, want %q", err, test.err)
			}
			if err == nil && (got.Method != test.method || got.HasMethod != test.has) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestWithMethodFillsInTheMethodAndNothingElse(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                        `{"method":"a.b"}`,
		" \n{ }":                    " \n" + `{"method":"a.b" }`,
		`{"id":1,  "params":["{"]}`: `{"method":"a.b","id":1,  "params":["{"]}`,
		`{"a":{"method":null}, "m\u0065thod": null , "b":null}`: `{"a":{"method":null}, "m\u0065thod": "a.b" , "b":null}`,
	} {
		envelope, err := ParseEnvelope([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := envelope.WithMethod("a.b")
		if string(got) != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if filled, err := ParseEnvelope(got); err != nil || filled.Method != "a.b" {
			t.Errorf("%s: %v", got, err)
		}
	}
	envelope, _ := ParseEnvelope([]byte(`{}`))
	if got := envelope.WithMethod(`a"b<`); !json.Valid(got) {
		t.Errorf("got %s", got)
	}
}
