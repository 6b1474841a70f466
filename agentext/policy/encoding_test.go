// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"net/http"
	"strings"
	"testing"
)

func TestABodysBytesAreItsText(t *testing.T) {
	const ascii, more = `{"a":"b"}`, `{"a":"é"}`
	const inUTF8, uncompressed = "send it in UTF-8", "send it uncompressed"
	for name, test := range map[string]struct {
		types, codings []string
		text, want     string // part of the error; "": none
	}{
		"nothing is said":                    {nil, nil, more, ""},
		"headers that say nothing":           {[]string{""}, []string{""}, more, ""},
		"no charset":                         {[]string{"application/json"}, nil, more, ""},
		"UTF-8":                              {[]string{"application/json; charset=UTF-8"}, nil, more, ""},
		"UTF-8 in quotes":                    {[]string{`application/json; charset="utf-8"`}, nil, more, ""},
		"UTF-8 without the dash":             {[]string{"application/json; charset=utf8"}, nil, more, ""},
		"ASCII that is some":                 {[]string{"application/json; charset=us-ascii"}, nil, ascii, ""},
		"ASCII by its short name":            {[]string{"application/json; charset=ASCII"}, nil, ascii, ""},
		"ASCII that is none":                 {[]string{"application/json; charset=us-ascii"}, nil, more, inUTF8},
		"Latin 1":                            {[]string{"application/json; charset=iso-8859-1"}, nil, ascii, inUTF8},
		"UTF-7":                              {[]string{"application/json; charset=utf-7"}, nil, ascii, inUTF8},
		"UTF-16":                             {[]string{"application/json; charset=utf16"}, nil, ascii, inUTF8},
		"another charset in a second header": {[]string{"application/json", "text/plain; charset=utf-7"}, nil, ascii, inUTF8},
		"a charset without a name":           {[]string{"application/json; charset"}, nil, ascii, "with a Content-Type that is well formed"},
		"a coding that is none":              {nil, []string{"Identity"}, more, ""},
		"a coding":                           {nil, []string{"identity", "gzip"}, ascii, uncompressed},
	} {
		got := ""
		if err := CheckEncoding(http.Header{"Content-Type": test.types, "Content-Encoding": test.codings}, []byte(test.text)); err != nil {
			got = err.Error()
		}
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
