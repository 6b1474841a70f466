// SPDX-License-Identifier: MPL-2.0

// Package scanner finds secrets in streams of bytes, over the borders of their
// chunks, before any part of one has passed.
package scanner

import (
	"bytes"
	"net/http"
)

// A Scanner searches one stream, for one goroutine.
type Scanner struct {
	secrets [][]byte
	held    []byte // the end of what was seen, which may be the start of a secret
	found   bool
}

// New searches for secrets; empty ones are ignored. Without any,
// everything passes.
func New(secrets ...string) *Scanner {
	s := &Scanner{}
	for _, secret := range secrets {
		if secret != "" {
			s.secrets = append(s.secrets, []byte(secret))
		}
	}
	return s
}

// Next takes the next chunk and returns what may be passed on by now. found
// says that a secret was seen; nothing may be passed on from then on. safe is
// valid until the next call, and may share memory with chunk.
func (s *Scanner) Next(chunk []byte) (safe []byte, found bool) {
	seen := chunk
	if len(s.held) > 0 {
		seen = append(s.held, chunk...)
	}
	if s.found = s.found || s.contains(seen); s.found {
		return nil, true
	}
	border := len(seen) - s.started(seen)
	// A copy: seen may share its memory with held itself, and with chunk,
	// which the caller reads into again.
	s.held = bytes.Clone(seen[border:])
	return seen[:border], false
}

// Rest is what Next still holds, to be passed on at the end of the stream: the
// start of a secret that did not go on.
func (s *Scanner) Rest() []byte {
	if s.found {
		return nil
	}
	rest := s.held
	s.held = nil
	return rest
}

// InHeader says whether a value of header holds a secret.
func (s *Scanner) InHeader(header http.Header) bool {
	for _, values := range header {
		for _, value := range values {
			if s.contains([]byte(value)) {
				return true
			}
		}
	}
	return false
}

// Searches says whether there is anything to search for.
func (s *Scanner) Searches() bool { return len(s.secrets) > 0 }

func (s *Scanner) contains(text []byte) bool {
	for _, secret := range s.secrets {
		if bytes.Contains(text, secret) {
			return true
		}
	}
	return false
}

// started is the length of text's longest end that a secret starts with.
func (s *Scanner) started(text []byte) int {
	longest := 0
	for _, secret := range s.secrets {
		for n := min(len(secret)-1, len(text)); n > longest; n-- {
			if bytes.HasSuffix(text, secret[:n]) {
				longest = n
			}
		}
	}
	return longest
}
