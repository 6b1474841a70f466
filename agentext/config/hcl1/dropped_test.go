// SPDX-License-Identifier: MPL-2.0

package hcl1_test

import (
	"testing"

	"mashproxy/agentext/config/hcl1"
)

func TestDroppedFindsWhatHCL1ForgetsSilently(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"a value missing in JSON":         {"{\"a\": 1,\n \"b\": }", "test:2,7-7: Not valid JSON"},
		"a bracket missing in JSON":       {`{"a": [1, }`, "test:1,11-11: Not valid JSON"},
		"a comma too many in JSON":        {`{"a": 1,}`, "test:1,9-9: Not valid JSON"},
		"text behind the end in JSON":     {`{"a": 1} {"b": 2}`, "test:1,10-10: Not valid JSON"},
		"a value cut off":                 {"a = 1\nb = # later\n", "test:2,3-4: Value missing"},
		"true in a list in JSON":          {"{\"a\": [\"x\",\n true]}", "test:2,2-6: Not for a list"},
		"a list in a list in JSON":        {`{"a": [["x"]]}`, "test:1,8-9: Not for a list"},
		"an empty list in a list in JSON": {`{"a": [[]], "b": 1}`, "test:1,8-9: Not for a list"},
		"true in an object in a list":     {`{"a": [{"b": true, "c": null}]}`, ""},
		"nothing in a whole file":         {"a = 1\nb = 2 # x\n", ""},
		"nothing in an empty file":        {"", ""},
		"nothing in a whole JSON file":    {`{"a": {"b": [1, "x", {"c": null}]}}`, ""},
		"nothing in an empty JSON file":   {"{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file, diags := hcl1.Parse("test", []byte(tc.src))
			if diags.HasErrors() {
				t.Fatalf("HCL 1 refuses it: %v", diags)
			}
			got := ""
			if d := file.Dropped(); d != nil {
				got = d.Subject.String() + ": " + d.Summary
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
