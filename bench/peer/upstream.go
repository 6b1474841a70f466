// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
)

// upstreamAnswer is what a list of services looks like at Mashery: the headers
// and about as much of a body, ready to be sent.
func upstreamAnswer() []byte {
	const service = `{"id":"6e1a2c40-0b7f-4a36-9a51-7d3f4c1b2a90","created":"2026-03-01T10:00:00.000+0000",` +
		`"updated":"2026-04-01T10:00:00.000+0000","name":"Service of the bench","description":"One of five"}`
	body := "[" + strings.Repeat(service+",", 4) + service + "]"
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\n"+
		"Server: Mashery API Server v1.1.0\r\n"+
		"Date: Fri, 01 May 2026 12:00:00 GMT\r\n"+
		"X-Mashery-Responder: bench-worker-1.mashery.example\r\n"+
		"X-Mashery-Message-ID: 2d1f6a0e-9d0c-4b57-8a44-0f6f0c6c7e11\r\n"+
		"X-Packagekey-Qps-Allotted: 1000000\r\n"+
		"X-Packagekey-Qps-Current: 1\r\n"+
		"X-Total-Count: 256\r\n"+
		"Content-Type: application/json;charset=UTF-8\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(body), body)
}

// serveUpstream answers every request with the same bytes, so that what is
// measured is not the upstream. Requests have no bodies.
func serveUpstream(listener net.Listener) error {
	answer := upstreamAnswer()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerAll(conn, answer)
	}
}

func answerAll(conn net.Conn, answer []byte) {
	defer conn.Close()
	requests := bufio.NewReader(conn)
	for skipRequest(requests) == nil {
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// skipRequest reads to the empty line.
func skipRequest(requests *bufio.Reader) error {
	for {
		line, err := requests.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case len(line) == len("\r\n"):
			return nil
		case len(line) == 1:
			return io.ErrUnexpectedEOF // no request of an HTTP client
		}
	}
}
