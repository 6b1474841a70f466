// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"mashproxy/agentext/apierror"
	"mashproxy/mashery"
)

// copyBuffer is how much of an answer is under way at once, in bytes.
const copyBuffer = 32 << 10

// headerAttempts says how many times a call was sent, if more than once.
const headerAttempts = "X-Mashproxy-Attempts"

// pass streams Mashery's answer to the caller. An answer that breaks off
// breaks off there too: a clean end would say that it was whole.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, j *Judgement, answer *mashery.Answer) {
	h.passHeader(w.Header(), r, j.call, answer)
	j.ahead.answer(w, r, j.out.Body != nil, func() {
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		buffer := h.buffers.Get().(*[copyBuffer]byte)
		defer h.buffers.Put(buffer)
		if err := stream(w, answer.Body, buffer[:], answer.ContentLength); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// passHeader makes the header of Mashery's answer the caller's.
func (h *Handler) passHeader(header http.Header, r *http.Request, c *route, answer *mashery.Answer) {
	id := header[headerRequestID]
	for name, values := range answer.Header {
		header[name] = values
	}
	if _, typed := answer.Header["Content-Type"]; !typed {
		header["Content-Type"] = nil // or net/http would guess one
	}
	if c.verb == http.MethodHead && r.Method != http.MethodHead {
		// Asked for by a GET, or by what net/http does not take for a HEAD, whose
		// answer has the body its header describes.
		header.Del("Content-Length")
		header.Del("Content-Encoding")
	}
	// Last, so that no answer can claim to be another's.
	delete(header, apierror.CodeHeader)
	header[headerMode], header[apierror.SourceHeader], header[headerRequestID] = h.mode, h.theirs, id
	h.setWait(header, answer.Waited)
	delete(header, headerAttempts)
	if answer.Attempts > 1 {
		header.Set(headerAttempts, strconv.Itoa(answer.Attempts))
	}
}

func (h *Handler) setWait(header http.Header, waited time.Duration) {
	header[headerWait] = h.noWait
	if waited >= time.Millisecond {
		header[headerWait] = []string{strconv.FormatInt(waited.Milliseconds(), 10)}
	}
}

// stream copies from to w and lets nothing lie: what was read is flushed,
// unless it was the end.
func stream(w http.ResponseWriter, from io.Reader, buffer []byte, length int64) error {
	out := http.NewResponseController(w)
	for sent := int64(0); ; {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			sent += int64(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n > 0 && sent != length:
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}
