// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// contentJSON is the content type of the API's answers, in Mashery's spelling
// [recorded answers].
const contentJSON = "application/json;charset=UTF-8"

// answer sends body as JSON, compressed for clients that say they take it, as
// recorded answers are; a nil body is an empty one.
func (e *Emulator) answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", contentJSON)
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text := oddly(mishapOf(r), encode(body))
	if r.Method == http.MethodHead || !takesGzip(r.Header) {
		w.WriteHeader(status)
		_, _ = w.Write(text) // the client may have left
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	e.zip(w, text)
}

// takesGzip tells whether a client takes gzip [RFC 9110, 12.5.3]; that it takes
// everything ("*") is not enough (chosen).
func takesGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h["Accept-Encoding"], ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, weight, _ = strings.Cut(weight, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return err != nil || q > 0
	}
	return false
}

func (e *Emulator) zip(w io.Writer, text []byte) {
	zipper, ok := e.zippers.Get().(*gzip.Writer)
	if !ok {
		zipper = gzip.NewWriter(nil)
	}
	defer e.zippers.Put(zipper)
	zipper.Reset(w)
	_, _ = zipper.Write(text) // the client may have left
	_ = zipper.Close()
}

// encode is JSON that leaves <, > and & as they are.
func encode(v any) json.RawMessage {
	if text, ok := v.(json.RawMessage); ok {
		return text
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // only maps, slices, strings and numbers are encoded
		panic("emulator: " + err.Error())
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// decode reads one JSON value and keeps its numbers as they were written.
func decode(body io.Reader) (any, error) {
	decoder := json.NewDecoder(body)
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return v, nil
}
