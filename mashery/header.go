// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// hopByHop tells the headers of one connection, not of the message
// [RFC 9110, 7.6.1], and Expect, which the server has already answered. Names
// are canonical here and below.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect":
		return true
	}
	return false
}

// private tells a caller's headers that are none of Mashery's business: its
// identity, where it came from, and what would change the verb or the path.
// Some servers take _ for -.
func private(name string) bool {
	if strings.Contains(name, "_") {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	}
	switch name {
	case "Authorization", "Cookie", "Origin", "Referer", "Via", "Forwarded",
		"X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
		"X-Original-Url", "X-Rewrite-Url":
		return true
	}
	return strings.HasPrefix(name, "X-Vault-") || strings.HasPrefix(name, "X-Forwarded-")
}

// cleanRequestHeader returns the part of a caller's header that goes to
// Mashery, under canonical names. The values are shared with h.
func cleanRequestHeader(h http.Header) http.Header {
	out := make(http.Header, len(h)+2) // and what signs it
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		if private(name) {
			continue
		}
		if others := out[name]; others != nil { // a name spelt twice
			values = slices.Concat(others, values)
		}
		out[name] = values
	}
	dropHopByHop(out)
	if values, named := out["Idempotency-Key"]; named {
		// Or net/http would send a POST twice by itself, as nobody said that
		// Mashery knows this header. On the wire the spelling makes no difference.
		delete(out, "Idempotency-Key")
		out["idempotency-key"] = values
	}
	if values, named := out["X-Idempotency-Key"]; named {
		delete(out, "X-Idempotency-Key")
		out["x-idempotency-key"] = values
	}
	if _, named := out["User-Agent"]; !named {
		out["User-Agent"] = []string{""} // or net/http would add its own
	}
	return out
}

// cleanAnswerHeader removes from Mashery's answer what is not for the caller, such
// as what repeats the address of a V2 call, and with it the signature, and adds
// Mashery's clock under a name that no server replaces.
func cleanAnswerHeader(g *Grant, h http.Header) {
	dropHopByHop(h)
	delete(h, "Set-Cookie")
	if g.API == V2 {
		delete(h, "Location")
	}
	for name, values := range h {
		if slices.ContainsFunc(values, g.in) {
			delete(h, name)
		}
	}
	if date := h["Date"]; len(date) > 0 {
		h["X-Server-Date"] = date
	}
}

// first is the first value of a header whose name is canonical already.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func dropHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for name := range h {
		if hopByHop(name) {
			delete(h, name)
		}
	}
}
