// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"bytes"
	"crypto/tls"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// draftLimit bounds what is read of a request's body after its answer is made.
const draftLimit = 64 << 20

// garbage is a body nobody expects of an API.
const garbage = "<html><body>It works!</body></html>"

// serveBadly serves a call that something befalls.
func (e *Emulator) serveBadly(w http.ResponseWriter, r *http.Request, path []string, m *mishap) {
	e.counter.befell(m)
	for _, f := range m.faults {
		if way := f.onTheWay(); way > 0 && !m.wait(r.Context(), f, way) {
			return // the caller has left
		}
	}
	if !m.has(FaultCutBefore, FaultCutBody, FaultStallBody, FaultContentType, FaultGarbage, FaultNoHeader) {
		e.serve(w, r, path)
		return
	}
	d := &draft{header: http.Header{}, status: http.StatusOK}
	e.serve(d, r, path)
	_, _ = io.CopyN(io.Discard, r.Body, draftLimit) // or net/http does not notice that a caller leaves
	d.spoil(m)
	d.send(w, r, m)
}

// onTheWay is how much longer a call takes to arrive.
func (f Fault) onTheWay() time.Duration {
	switch f.Kind {
	case FaultDelay:
		return f.By + rand.N(f.Jitter+1)
	case FaultJitter:
		return rand.N(f.By + 1)
	}
	return 0
}

// draft is an answer that is made whole before any of it is sent, so that it
// can be spoilt.
type draft struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (d *draft) Header() http.Header { return d.header }

// WriteHeader implements [http.ResponseWriter].
func (d *draft) WriteHeader(status int) { d.status = status }

// Write implements [http.ResponseWriter].
func (d *draft) Write(p []byte) (int, error) { return d.body.Write(p) }

// Flush implements [http.Flusher]: a draft is sent at its end.
func (d *draft) Flush() {}

// spoil changes what will be sent.
func (d *draft) spoil(m *mishap) {
	if f, is := m.get(FaultContentType); is {
		d.header.Set("Content-Type", "text/plain")
		if f.Type != "" {
			d.header.Set("Content-Type", f.Type)
		}
	}
	if m.has(FaultGarbage) {
		d.header.Del("Content-Encoding")
		d.header.Del("Content-Length")
		d.body.Reset()
		d.body.WriteString(garbage)
	}
	for _, f := range m.faults {
		if f.Kind == FaultNoHeader {
			d.header[http.CanonicalHeaderKey(f.Name)] = nil // so that net/http adds none of its own either
		}
	}
}

// send sends the draft, or as much of it as is to arrive.
func (d *draft) send(w http.ResponseWriter, r *http.Request, m *mishap) {
	body := d.body.Bytes()
	before, cutBefore := m.get(FaultCutBefore)
	within, cutWithin := m.get(FaultCutBody)
	switch {
	case cutBefore:
		hangUp(w, before.Reset)
		return
	case cutWithin && (len(body) == 0 || r.Method == http.MethodHead):
		hangUp(w, within.Reset) // there is no body to cut
		return
	}
	maps.Copy(w.Header(), d.header)
	w.WriteHeader(d.status)
	if stall, is := m.get(FaultStallBody); is {
		body = sendPart(w, body, stall.At)
		if !m.wait(r.Context(), stall, stall.By) {
			return
		}
	}
	if cutWithin {
		sendPart(w, body, within.At)
		hangUp(w, within.Reset)
		return
	}
	_, _ = w.Write(body) // the client may have left
}

// sendPart sends the first at bytes, as [Fault].At has them, and gives what is
// left.
func sendPart(w http.ResponseWriter, body []byte, at int) []byte {
	if at == 0 {
		at = len(body) / 2
	}
	at = max(0, min(at, len(body)))
	_, _ = w.Write(body[:at]) // the client may have left
	_ = http.NewResponseController(w).Flush()
	return body[at:]
}

// hangUp ends the connection, and the handler with it.
func hangUp(w http.ResponseWriter, reset bool) {
	if !reset {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has one connection for many calls
	}
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0) // what is closed so is reset
	}
	_ = conn.Close()
}
