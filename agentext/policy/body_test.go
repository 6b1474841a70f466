// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestBodyGivesEveryByteItWasGiven(t *testing.T) {
	tests := map[string]struct {
		length int
		whole  bool
		err    error
	}{
		"a body that was not read":    {10, false, nil},
		"a body read whole":           {10, true, nil},
		"an empty body":               {0, true, nil},
		"a body of exactly 1 MiB":     {MaxWhole, true, nil},
		"a body of one byte more":     {MaxWhole + 1, true, ErrBodyTooLarge},
		"a body far longer than read": {3 * MaxWhole, true, ErrBodyTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := bytes.Repeat([]byte("abcde"), test.length/5+1)[:test.length]
			body := NewBody(bytes.NewReader(want))
			if test.whole {
				got, err := body.Whole()
				if !errors.Is(err, test.err) || err == nil && !bytes.Equal(got, want) {
					t.Errorf("Whole: %d bytes, error %v", len(got), err)
				}
			}
			if got := body.IsWhole(); got != (test.whole && test.err == nil) {
				t.Errorf("IsWhole: %t", got)
			}
			sent, err := io.ReadAll(body.Reader())
			if err != nil || !bytes.Equal(sent, want) {
				t.Errorf("%d of %d bytes are sent, error %v", len(sent), len(want), err)
			}
		})
	}
}

func TestABodyReadWholeCanBeSentAgain(t *testing.T) {
	body := NewBody(strings.NewReader("abc"))
	for range 2 {
		if _, err := body.Whole(); err != nil {
			t.Fatal(err)
		}
		if sent, _ := io.ReadAll(body.Reader()); string(sent) != "abc" {
			t.Errorf("%q is sent", sent)
		}
	}
}

func TestNoBodyIsAnEmptyOne(t *testing.T) {
	for _, body := range []*Body{nil, NewBody(nil)} {
		whole, err := body.Whole()
		sent, _ := io.ReadAll(body.Reader())
		if err != nil || len(whole)+len(sent) > 0 || !body.IsWhole() {
			t.Errorf("%q, %q, error %v", whole, sent, err)
		}
	}
}
