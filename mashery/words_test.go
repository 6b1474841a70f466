// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"encoding/base64"
	"html"
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsWithheldInEveryFormARequestHas(t *testing.T) {
	const secret = `a "b"/<c>+&\?=ü~`
	for name, form := range map[string]string{
		"as it is":                    secret,
		"in a form":                   url.QueryEscape(secret),
		"in a form, in small letters": strings.ToLower(url.QueryEscape(secret)),
		"in a path":                   url.PathEscape(secret),
		"in a page":                   html.EscapeString(secret),
		"in a string":                 `a \"b\"/<c>+&\\?=ü~`,
		"in base64":                   base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64 without its end":   base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"in base64 for addresses":     base64.URLEncoding.EncodeToString([]byte(secret)),
	} {
		if got := PlainWords("x="+form+".", NewSecret(`a "b"`), NewSecret(secret), Secret{}); got != "x=[redacted]." {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWhatIsWithheldIsNotRedactedTwice(t *testing.T) {
	if got := PlainWords("key and red", NewSecret("key"), NewSecret("red")); got != "[redacted] and [redacted]" {
		t.Error(got)
	}
}
