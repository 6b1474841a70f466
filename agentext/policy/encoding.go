// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// CheckEncoding refuses a body whose bytes may not be its text in UTF-8 to all who
// read it by its headers: Vault would not unpack it, Mashery might. The error is
// a phrase that says how to send it.
func CheckEncoding(header http.Header, text []byte) error {
	for _, value := range header["Content-Encoding"] {
		if value != "" && !strings.EqualFold(value, "identity") {
			return errors.New("send it uncompressed, without Content-Encoding")
		}
	}
	for _, value := range header["Content-Type"] {
		_, parameters, err := mime.ParseMediaType(value)
		switch {
		case value == "":
		case err != nil:
			return errors.New("send it in UTF-8, with a Content-Type that is well formed")
		case !isUTF8(parameters["charset"], text):
			return errors.New("send it in UTF-8, without another charset in Content-Type")
		}
	}
	return nil
}

// isUTF8 tells whether a text is the same in a charset as in UTF-8. That of ASCII
// is, but only within ASCII: to some, the name stands for windows-1252 [WHATWG,
// Encoding].
func isUTF8(charset string, text []byte) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8":
		return true
	case "us-ascii", "ascii":
		return !slices.ContainsFunc(text, func(c byte) bool { return c >= utf8.RuneSelf })
	}
	return false
}
