// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"encoding/base64"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// longestWords is how much of what Mashery said is repeated, in characters.
const longestWords = 500

// PlainWords makes what Mashery said fit to be repeated in an error: one line,
// without what a terminal would obey, and not for ever; and without the secrets,
// as they are and as requests have them, for it might be the request.
func PlainWords(said string, secrets ...Secret) string {
	return plain(withhold(said, secrets))
}

func plain(said string) string {
	text := []rune(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, said))
	if len(text) > longestWords {
		text = append(text[:longestWords], '…')
	}
	return string(text)
}

// withhold takes the secrets out of what Mashery said.
func withhold(said string, secrets []Secret) string {
	var all []string
	for _, secret := range secrets {
		if !secret.IsZero() {
			all = append(all, forms(secret.Reveal())...)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // what holds another goes first
	pairs := make([]string, 0, 2*len(all))
	for _, form := range all {
		pairs = append(pairs, form, redacted)
	}
	return strings.NewReplacer(pairs...).Replace(said)
}

var percentEscape = regexp.MustCompile(`%[0-9A-F]{2}`)

// forms are the ways in which a request, and who repeats one, writes a text: as
// it is, escaped for a form, a path, a page or a string, or in base64.
func forms(text string) []string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	all := []string{text, quoted, html.EscapeString(text)}
	for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text)} {
		all = append(all, escaped, percentEscape.ReplaceAllStringFunc(escaped, strings.ToLower))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(text)))
	}
	return all
}
