// SPDX-License-Identifier: MPL-2.0

package hcl1_test

import (
	"testing"

	hclv1 "github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/parser"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"

	"mashproxy/agentext/config/hcl1"
)

// FuzzParse: what HCL 1 accepts is accepted, and nothing that is then asked of
// the body panics.
func FuzzParse(f *testing.F) {
	for _, src := range []string{
		`a = "x"`, `a { b = 1 c = 2 }`, `"a" "b" { }`, `a = [1, [2], { b = 3 }]`, "a = <<-E\n x\n E\n", "a = 0x10 b = -1.5e3",
		`{"a": {"b": {"c": 1}}}`, `{"a": [{"b": 1}, {"b": null}]}`, `{"room": {"x": [{"size": 1}]}}`, `room "x" { door = [{}] }`,
		"a = 1\na = 2", `{"a": [[1], true]`, `a = "${b "c"}"`, "a =", "# x", "", `{"0""0":1`, "A=0A=0A",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		file, diags := hcl1.Parse("fuzz", []byte(src))
		if accepts(src) == diags.HasErrors() {
			t.Fatalf("HCL 1 accepts it: %v; we: %v", accepts(src), diags)
		}
		if diags.HasErrors() {
			return
		}
		file.Dropped()
		walk(file.Body())
		gohcl.DecodeBody(file.Body(), nil, &house{})
	})
}

func accepts(src string) (ok bool) {
	defer func() { _ = recover() }()
	_, err := hclv1.Parse(src)
	if err != nil && hcl1.IsDuplicate(err) {
		_, err = parser.ParseDontErrorOnDuplicateKeys([]byte(src))
	}
	return err == nil
}

// walk asks for every value, and for every item as a block.
func walk(body hcl.Body) {
	attrs, _ := body.JustAttributes()
	schema := &hcl.BodySchema{}
	for name, attr := range attrs {
		attr.Expr.Value(nil)
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name})
	}
	content, _ := body.Content(schema)
	for _, block := range content.Blocks {
		walk(block.Body)
	}
}
