// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// spoken is a connection on which something is said, piece by piece.
type spoken struct {
	net.Conn
	pieces  []string
	endless bool // nothing bounds the reading
}

func (s *spoken) Read(p []byte) (int, error) {
	piece := s.pieces[0]
	s.pieces = s.pieces[1:]
	return copy(p, piece), nil
}

func (s *spoken) SetReadDeadline(t time.Time) error {
	s.endless = t.IsZero()
	return nil
}

func TestAnEgressProxysAnswerIsBoundedToItsBlankLine(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nVia: 1.1 proxy\r\n\r\n"
	for name, pieces := range map[string][]string{
		"in one piece":               {answer},
		"byte by byte":               strings.Split(answer, ""),
		"with the blank line apart":  {answer[:len(answer)-2], "\r\n"},
		"with its last byte apart":   {answer[:len(answer)-1], "\n"},
		"with newlines alone":        {strings.ReplaceAll(answer, "\r", "")},
		"so, and byte by byte":       strings.Split(strings.ReplaceAll(answer, "\r", ""), ""),
		"without any header":         {"HTTP/1.1 200 OK\r\n", "\r\n"},
		"with a first piece of two":  {"HT", "TP/1.1 200 OK\r\n\r\n"},
		"with pieces within a break": {"HTTP/1.1 200 OK\r", "\nA: b\r", "\n\r", "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := &spoken{pieces: slices.Clone(pieces)}
			conn := &asking{Conn: proxy, proxy: "proxy:3128"}
			for n, piece := range pieces {
				if proxy.endless {
					t.Fatalf("nothing bounds piece %d, %q", n, piece)
				}
				if got, err := conn.Read(make([]byte, 100)); got != len(piece) || err != nil {
					t.Fatalf("%d bytes of %q, error %v", got, piece, err)
				}
			}
			if !proxy.endless {
				t.Error("what follows is bounded, too")
			}
		})
	}
}
