// SPDX-License-Identifier: MPL-2.0

package hcl1_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"mashproxy/agentext/config/hcl1"
)

func parse(t *testing.T, src string) hcl.Body {
	t.Helper()
	file, diags := hcl1.Parse("test.hcl", []byte(src))
	if diags.HasErrors() {
		t.Fatalf("parse: %v", diags)
	}
	return file.Body()
}

// shown is a body's content as JSON, every key as an attribute.
func shown(t *testing.T, src string) string {
	t.Helper()
	attrs, diags := parse(t, src).JustAttributes()
	if diags.HasErrors() {
		t.Fatalf("attributes: %v", diags)
	}
	object := map[string]cty.Value{}
	for name, attr := range attrs {
		v, diags := attr.Expr.Value(nil)
		if diags.HasErrors() {
			t.Fatalf("value of %s: %v", name, diags)
		}
		object[name] = v
	}
	out, err := json.Marshal(ctyjson.SimpleJSONValue{Value: cty.ObjectVal(object)})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestValues(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"a text, a number, a fraction, a bool":   {`a = "x"` + "\nb = 5\nc = 1.5\nd = true", `{"a":"x","b":5,"c":1.5,"d":true}`},
		"negative, hexadecimal, octal":           {"a = -3\nb = 0x10\nc = 010", `{"a":-3,"b":16,"c":8}`},
		"a number beyond 64 bits":                {"a = 123456789012345678901234567890", `{"a":123456789012345678901234567890}`},
		"escapes and interpolation stay HCL 1's": {`a = "q\"\n${b "c"}"`, `{"a":"q\"\n${b \"c\"}"}`},
		"a here-document":                        {"a = <<EOF\nx\n y\nEOF\n", `{"a":"x\n y\n"}`},
		"an indented here-document":              {"a = <<-EOF\n  x\n   y\n  EOF\n", `{"a":"x\n y\n"}`},
		"lists, also nested and with objects":    {`a = ["x", 2, ["y"], { z = 1 }]`, `{"a":["x",2,["y"],{"z":1}]}`},
		"an empty list":                          {`a = []`, `{"a":[]}`},
		"an object with quoted keys":             {`a = { "b c" = 1, d = 2 }`, `{"a":{"b c":1,"d":2}}`},
		"a one-line block with two arguments":    {`a { b = 1  c = 2 }`, `{"a":{"b":1,"c":2}}`},
		"a block with labels":                    {`a "x" "y" { b = 1 }`, `{"a":{"x":{"y":{"b":1}}}}`},
		"repeated blocks":                        {`a { b = 1 } a { b = 2 }`, `{"a":[{"b":1},{"b":2}]}`},
		"Windows line ends":                      {"a = 1\r\nb = 2\r\n", `{"a":1,"b":2}`},
		"JSON":                                   {`{"a": "x", "b": [1, "y"], "c": null, "d": false}`, `{"a":"x","b":[1,"y"],"c":null,"d":false}`},
		"JSON with objects in objects":           {`{"a": {"b": {"c": {"d": 1}, "e": {"f": 2}}}}`, `{"a":{"b":{"c":{"d":1},"e":{"f":2}}}}`},
		"JSON with a list of objects":            {`{"a": [{"b": 1}, {"b": 2}]}`, `{"a":[{"b":1},{"b":2}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(t, tc.src); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

type house struct {
	Name   *string                   `hcl:"name,optional"`
	Floors int                       `hcl:"floors,optional"`
	Tags   []string                  `hcl:"tags,optional"`
	Keys   map[string]map[string]int `hcl:"keys,optional"`
	Rooms  []room                    `hcl:"room,block"`
	Rest   hcl.Body                  `hcl:",remain"`
}

type room struct {
	Label string   `hcl:"label,label"`
	Size  int      `hcl:"size,optional"`
	Doors []door   `hcl:"door,block"`
	Rest  hcl.Body `hcl:",remain"`
}

type door struct {
	Wide bool     `hcl:"wide,optional"`
	Rest hcl.Body `hcl:",remain"`
}

func (r room) String() string {
	text := r.Label + strings.Repeat("+", r.Size)
	for _, d := range r.Doors {
		text += map[bool]string{true: " wide", false: " narrow"}[d.Wide]
	}
	return text
}

func TestBlocksDecodeWithGohcl(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"two blocks, any case":                       {`Room "a" { SIZE = 1 } room "b" {}`, "a+,b"},
		"a quoted block type":                        {`"room" "a" { "size" = 2 }`, "a++"},
		"inner blocks":                               {`room "a" { door { wide = true } door {} }`, "a wide narrow"},
		"inner blocks as a list":                     {`room "a" { door = [{ wide = true }, {}] }`, "a wide narrow"},
		"JSON: labels are keys":                      {`{"room": {"a": {"size": 1}, "b": {}}}`, "a+,b"},
		"JSON: one object alone":                     {`{"room": {"a": {}}}`, "a"},
		"JSON: a list of blocks":                     {`{"room": [{"a": {"size": 1}}, {"b": {"size": 2}}]}`, "a+,b++"},
		"JSON: a list below the label":               {`{"room": {"a": [{"size": 1}, {"size": 2}]}}`, "a+,a++"},
		"JSON: lists and objects mixed":              {`{"room": {"a": {"size": 1}, "b": [{"size": 2}]}}`, "a+,b++"},
		"JSON: a block that holds only blocks":       {`{"room": {"a": {"door": {"wide": true}}}}`, "a wide"},
		"JSON: a block that holds only other blocks": {`{"room": {"a": {"door": {"wide": true}, "window": {"x": 1}}, "b": {}}}`, "a wide,b"},
	} {
		t.Run(name, func(t *testing.T) {
			var h house
			if diags := gohcl.DecodeBody(parse(t, tc.src), nil, &h); diags.HasErrors() {
				t.Fatal(diags)
			}
			var got []string
			for _, r := range h.Rooms {
				got = append(got, r.String())
			}
			if strings.Join(got, ",") != tc.want {
				t.Errorf("got %q, want %q", strings.Join(got, ","), tc.want)
			}
		})
	}
}

func TestWhatDoesNotDecodeIsSaidWithItsPlace(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"a wrong type":                       {"floors = \"many\"", `test.hcl:1,10-16: Unsuitable value type; Unsuitable value: a number is required`},
		"a list where a text belongs":        {"\n name = []", `test.hcl:2,9-11: Unsuitable value type; Unsuitable value: string required`},
		"a key set twice":                    {"floors = 1\nfloors = 2", `test.hcl:2,1-7: Key set twice; "floors" is already set in line 1.`},
		"a key set twice in JSON":            {"{\"floors\": 1,\n\"floors\": 2}", `test.hcl:2,1-9: Key set twice; "floors" is already set in line 1.`},
		"a key set twice, cases":             {"floors = 1 Floors = 2", `test.hcl:1,12-18: Key set twice; "floors" is already set in line 1.`},
		"a key set twice in a value":         {`keys = { a = { b = 1 }, a = { b = 1 } }`, `test.hcl:1,25-26: Key set twice; "a" is already set in line 1.`},
		"a key set twice in a value in JSON": {"{\"keys\": {\"a\": {\"b\": 1},\n\"a\": {\"c\": 1}}}", `test.hcl:2,1-4: Key set twice; "a" is already set in line 1.`},
		"an object set twice":                {"keys = { a = {} }\nkeys = { a = {} }", `test.hcl:2,1-5: Key set twice; "keys" is already set in line 1.`},
		"a label too many":                   {`room "a" "b" {}`, `test.hcl:1,10-13: Misplaced label; A room block has no such label; leave it out.`},
		"a block without its label":          {`room { size = 1 }`, `test.hcl:1,1-5: Label missing; A room block names its label: room "…" { … }.`},
		"JSON without the label":             {`{"room": {"size": 1}}`, `test.hcl:1,2-8: Label missing; A room block names its label: "room": {"…": {…}}.`},
		"a value for a block":                {`room = 5`, `test.hcl:1,1-5: Not a block; "room" is a block: write it with braces.`},
	} {
		t.Run(name, func(t *testing.T) {
			diags := gohcl.DecodeBody(parse(t, tc.src), nil, &house{})
			if len(diags) != 1 || diags[0].Error() != tc.want {
				t.Errorf("got  %v\nwant %s", diags, tc.want)
			}
		})
	}
}

func TestContentRefusesWhatTheSchemaDoesNotHave(t *testing.T) {
	_, diags := parse(t, "a = 1\nb = 2").Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "a"}, {Name: "c", Required: true}}})
	if len(diags) != 2 {
		t.Fatalf("got %v", diags)
	}
	for i, want := range []string{`test.hcl:1,1-1: Missing key; The key "c" is required here.`, `test.hcl:2,1-2: Unknown key; There is no key "b" here.`} {
		if diags[i].Error() != want {
			t.Errorf("got %s, want %s", diags[i].Error(), want)
		}
	}
}

func TestSyntaxErrorsNameThePlaceAndNeverQuoteTheText(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"a value without quotes":             {"password = hunter2", "1,12: A value is expected here"},
		"a forgotten sign":                   {"password \"hunter2\"\nb = 1", "2,3: A block with labels takes no"},
		"a key alone":                        {"a = 1\nhunter2", "2,9: The key before this has no value"},
		"a text without end":                 {"a = \"hunter2\nb = 1", "1,13: This text has no closing quote"},
		"a block without end":                {"a {\n b = 1\n", "3,2: A key or the closing"},
		"a list without comma":               {"a = [1 2]", "1,8: A comma or the closing"},
		"a bad escape":                       {`a = "\q"`, "1,7: This escape is not known"},
		"a here-document without end":        {"a = <<EOF\nhunter2\n", "3,1: This here-document has no end"},
		"a null character":                   {"a = 1\n\x00 b = hunter2\n", "2,1: Something that has no meaning"},
		"JSON without quotes":                {`{"password": hunter2}`, "1,20: Something that has no meaning"},
		"JSON with a key missing":            {`{"a": {: 5}}`, "1,8: A key in double quotes"},
		"JSON with null in a list":           {"{\"a\": [\"hunter2\",\n null]}", "2,2: Vault's parser takes texts"},
		"JSON with a list cut behind a null": {`{"a": [null, 1`, "1,14: A value or the closing"},
		"JSON with a list cut":               {`{"a": [1`, "1,8: A value or the closing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := hcl1.Parse("test.hcl", []byte(tc.src))
			if !diags.HasErrors() {
				t.Fatal("accepted")
			}
			at := diags[0].Subject.Start
			if got := fmt.Sprintf("%d,%d: %s", at.Line, at.Column, diags[0].Detail); !strings.HasPrefix(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if strings.Contains(diags.Error(), "hunter2") {
				t.Errorf("the message quotes the file: %v", diags)
			}
		})
	}
}
