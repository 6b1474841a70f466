// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a server of HTTP/2 may do with a call [RFC 9113].
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	endStream, endHeaders, ack = 1, 4, 1

	noError, refusedStream = 0, 7
)

// raw is the server's end of one connection of HTTP/2, frame by frame: net/http's
// server cannot be told to refuse anything.
type raw struct {
	net.Conn
	streams map[uint32]int // the how manieth each is, from 1
}

// write writes one frame.
func (c *raw) write(kind, flags byte, stream uint32, payload ...byte) {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	frame = append(frame, flags)
	frame = binary.BigEndian.AppendUint32(frame, stream)
	_, _ = c.Write(append(frame, payload...))
}

// answer answers 200.
func (c *raw) answer(stream uint32) {
	c.write(frameHeaders, endStream|endHeaders, stream, 0x88)
}

// refuse says that it did nothing for the stream.
func (c *raw) refuse(stream uint32) { c.write(frameReset, 0, stream, 0, 0, 0, refusedStream) }

// goAway says that no stream after the last is taken any more.
func (c *raw) goAway(last uint32) {
	c.write(frameGoAway, 0, 0, binary.BigEndian.AppendUint64(nil, uint64(last)<<32|noError)...)
}

// serve tells of each call, when that has come: of its frames, the one with the
// flag; 0: the first.
func (c *raw) serve(flag byte, call func(c *raw, stream uint32)) {
	c.streams = make(map[uint32]int)
	_, _ = io.CopyN(io.Discard, c, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
	c.write(frameSettings, 0, 0)
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head)>>8)
		if _, err := io.ReadFull(c, payload); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == frameSettings && flags&ack == 0:
			c.write(frameSettings, ack, 0)
		case kind == framePing && flags&ack == 0:
			c.write(framePing, ack, 0, payload...)
		case kind == frameHeaders:
			c.streams[stream] = len(c.streams) + 1
		}
		if (kind == frameHeaders || kind == frameData) && flags&flag == flag {
			call(c, stream)
		}
	}
}

// rawHTTP2 sends to a server of raw HTTP/2.
func rawHTTP2(t *testing.T, flag byte, call func(c *raw, stream uint32)) *Sender {
	server := httptest.NewUnstartedServer(nil)
	server.TLS = &tls.Config{NextProtos: []string{"h2"}}
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) { (&raw{Conn: conn}).serve(flag, call) },
	}
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	return reach(t, server)
}
