// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net/http"
	"net/textproto"
	"strings"
)

// hopByHop are the headers of one connection, not of the message
// [RFC 9110, 7.6.1], and Expect, which the server has already answered.
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
}

// private are a caller's headers that are none of Mashery's business: its
// identity, where it came from, and what would change the verb.
var private = []string{
	"Authorization", "Cookie", "Origin", "Referer", "Via", "Forwarded",
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
}

// privatePrefixes are the families of such headers.
var privatePrefixes = []string{"X-Vault-", "X-Forwarded-"}

// cleanRequestHeader returns the part of a caller's header that goes to Mashery.
func cleanRequestHeader(h http.Header) http.Header {
	out := h.Clone()
	if out == nil {
		out = make(http.Header)
	}
	dropHopByHop(out)
	for _, name := range private {
		out.Del(name)
	}
	for name := range out {
		for _, prefix := range privatePrefixes {
			if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
				delete(out, name)
			}
		}
	}
	if _, named := out["User-Agent"]; !named {
		out["User-Agent"] = []string{""} // or net/http would add its own
	}
	return out
}

// cleanAnswerHeader removes from Mashery's answer what is not for the caller,
// and adds Mashery's clock under a name that no server replaces.
func cleanAnswerHeader(api API, h http.Header) {
	dropHopByHop(h)
	h.Del("Set-Cookie")
	if api == V2 {
		h.Del("Location") // might repeat the address, and with it the signature
	}
	if date := h.Get("Date"); date != "" {
		h.Set("X-Server-Date", date)
	}
}

func dropHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range hopByHop {
		h.Del(name)
	}
}
