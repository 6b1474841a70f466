// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"fmt"
	"strings"
	"unicode"
)

// PathFlaw names what different servers would read differently in a path, as it
// is or with its escapes decoded; it is "" when there is nothing. One slash at
// each end is nothing.
func PathFlaw(path string) string {
	flaw := flawOf(path)
	if flaw == "" && strings.Contains(path, "%") {
		flaw = flawOf(unescape(path))
	}
	return flaw
}

// flawOf names what is wrong with one reading of a path.
func flawOf(path string) string {
	switch {
	case strings.ContainsFunc(path, unicode.IsControl):
		return "a control character"
	case isOverlong(path):
		return "a character in more bytes than UTF-8 has for it"
	}
	rest, more := strings.TrimPrefix(path, "/"), true
	for more {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch {
		case climbs(segment):
			return fmt.Sprintf("the segment %q", segment)
		case segment == "" && more:
			return "an empty segment"
		}
	}
	return ""
}

// climbs tells whether a segment is "." or "..", also for servers that take
// "\" for a slash, leave out what follows a ";" and spaces, or take an escaped "?"
// or "#" for the path's end.
func climbs(segment string) bool {
	for part := range strings.SplitSeq(segment, `\`) {
		if end := strings.IndexAny(part, ";?#"); end >= 0 {
			part = part[:end]
		}
		if name := strings.Trim(part, " "); name == "." || name == ".." {
			return true
		}
	}
	return false
}

// isOverlong tells whether a path holds a character in more bytes than it needs
// [RFC 3629, 3]. Some servers read C0 AE as a dot, and C0 AF as a slash.
func isOverlong(path string) bool {
	for i := 1; i < len(path); i++ {
		switch first, second := path[i-1], path[i]; {
		case second < 0x80 || second > 0xbf: // no character goes on with it
		case first == 0xc0, first == 0xc1, first == 0xe0 && second < 0xa0, first == 0xf0 && second < 0x90:
			return true
		}
	}
	return false
}

// unescape decodes the escapes of a path that are valid and leaves the others:
// what another server might make of it.
func unescape(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			high, low := unhex(path[i+1]), unhex(path[i+2])
			if high >= 0 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		out.WriteByte(path[i])
	}
	return out.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
