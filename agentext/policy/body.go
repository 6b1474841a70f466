// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"errors"
	"io"
)

// MaxWhole is the length, in bytes, up to which a body can be read whole.
const MaxWhole = 1 << 20

// ErrBodyTooLarge is returned by [Body.Whole] for a body longer than [MaxWhole].
var ErrBodyTooLarge = errors.New("the body is longer than 1 MiB")

// Body is a request's body, which streams unless somebody has to read it whole
// before it is sent. Whatever was read, [Body.Reader] gives every byte of it:
// the bytes that were judged are the bytes that are sent. A nil Body is empty.
// It is not safe for concurrent use.
type Body struct {
	stream io.Reader
	read   bool   // Whole was called
	head   []byte // what Whole has read
	err    error  // what Whole returns
}

// NewBody wraps the body of a request. It reads nothing; a nil stream is empty.
func NewBody(stream io.Reader) *Body {
	if stream == nil {
		stream = bytes.NewReader(nil)
	}
	return &Body{stream: stream}
}

// Whole reads the body to its end, once, and gives the same bytes, which the
// caller must not change, every time. The error is ErrBodyTooLarge or that of
// the stream.
func (b *Body) Whole() ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	if !b.read {
		b.read = true
		b.head, b.err = io.ReadAll(io.LimitReader(b.stream, MaxWhole+1))
		if b.err == nil && len(b.head) > MaxWhole {
			b.err = ErrBodyTooLarge
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.head, nil
}

// IsWhole tells whether the body has been read to its end. If so Whole costs
// nothing and Reader can be asked any number of times.
func (b *Body) IsWhole() bool { return b == nil || b.read && b.err == nil }

// Reader gives the body from its first byte: what was read whole, or the
// stream itself, which can be read only once.
func (b *Body) Reader() io.Reader {
	switch {
	case b.IsWhole():
		whole, _ := b.Whole() // cannot fail: it has been read
		return bytes.NewReader(whole)
	case b.read:
		return io.MultiReader(bytes.NewReader(b.head), b.stream)
	default:
		return b.stream
	}
}
