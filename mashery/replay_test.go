// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestABodyIsReplayedFromItsBeginning(t *testing.T) {
	for _, test := range []struct {
		name string
		read int // bytes of the first attempt
	}{
		{"nothing of it was read", 0},
		{"a part of it was read", 4},
		{"all of it was read, but not its end", 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReplay(strings.NewReader("abcdefghi"), -1)
			first := r.current
			if _, err := io.ReadFull(first, make([]byte, test.read)); err != nil {
				t.Fatal(err)
			}
			if !r.again() {
				t.Fatal("it cannot be sent again")
			}
			if n, err := first.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errAttemptOver) {
				t.Errorf("the first attempt still reads: %d, %v", n, err)
			}
			for range 3 { // and once more, and once more
				if got, err := io.ReadAll(r.current); string(got) != "abcdefghi" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
				if !r.again() {
					t.Fatal("it cannot be sent again")
				}
			}
		})
	}
}

func TestABodyIsKeptUpToItsLimit(t *testing.T) {
	for _, test := range []struct {
		name           string
		length, claims int64
		want           bool
	}{
		{"of exactly the limit", replayLimit, -1, true},
		{"of exactly the limit, which is known", replayLimit, replayLimit, true},
		{"of one byte more", replayLimit + 1, -1, false},
		{"of one byte more, which is known", replayLimit + 1, replayLimit + 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReplay(bytes.NewReader(noise(int(test.length))), test.claims)
			got, err := io.ReadAll(r.current)
			if err != nil || !bytes.Equal(got, noise(int(test.length))) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if again := r.again(); again != test.want {
				t.Errorf("can be sent again: %v, want %v", again, test.want)
			}
			if !test.want && r.kept != nil {
				t.Errorf("%d bytes are kept", len(r.kept))
			}
		})
	}
}

func TestABodyThatOutgrowsItsLimitInTheSecondAttemptIsWhole(t *testing.T) {
	want := noise(3 * replayLimit)
	r := newReplay(bytes.NewReader(want), -1)
	if _, err := io.CopyN(io.Discard, r.current, replayLimit/2); err != nil {
		t.Fatal(err)
	}
	if !r.again() {
		t.Fatal("it cannot be sent again")
	}
	if got, err := io.ReadAll(r.current); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes of %d, %v", len(got), len(want), err)
	}
	if r.again() {
		t.Error("it can be sent a third time, without what was not kept")
	}
}

func TestABodyThatBrokeOffIsNotSentAgain(t *testing.T) {
	r := newReplay(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("client went away"))), -1)
	_, err := io.ReadAll(r.current)
	if own := (*BodyError)(nil); !errors.As(err, &own) || !strings.Contains(err.Error(), "client went away") {
		t.Errorf("got %v", err)
	}
	if r.again() {
		t.Error("it can be sent again")
	}
}

func TestWhatIsKeptGoesWithTheAnswer(t *testing.T) {
	const text = "abcdef"
	for _, test := range []struct {
		name  string
		steps func(t *testing.T, r *replay)
		left  string // of the body, after steps
	}{
		{"when it was sent whole", func(t *testing.T, r *replay) {
			drop(t, r.current, len(text))
			r.settle(false)
		}, ""},
		{"when it was sent in part", func(t *testing.T, r *replay) {
			drop(t, r.current, 2)
			r.settle(false)
		}, text[2:]},
		{"when the attempt was closed before", func(t *testing.T, r *replay) {
			drop(t, r.current, 2)
			r.current.Close()
			r.settle(false)
		}, "closed"},
		{"when the attempt is closed after", func(t *testing.T, r *replay) {
			drop(t, r.current, 2)
			r.again()
			r.settle(false)
			r.current.Close()
		}, "closed"},
		{"once the second attempt has caught up", func(t *testing.T, r *replay) {
			drop(t, r.current, 4)
			r.again()
			drop(t, r.current, 1)
			r.settle(false)
			if string(r.kept) != text[:4] {
				t.Errorf("kept is %q while it has still to be sent", r.kept)
			}
			drop(t, r.current, 3)
		}, text[4:]},
		{"though the first attempt asks late", func(t *testing.T, r *replay) {
			first := r.current
			drop(t, first, 4)
			r.again()
			r.settle(false)
			_, _ = first.Read(make([]byte, 1))
			if string(r.kept) != text[:4] {
				t.Errorf("kept is %q while it has still to be sent", r.kept)
			}
			drop(t, r.current, 4)
		}, text[4:]},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReplay(strings.NewReader(text), -1)
			test.steps(t, r)
			if r.kept != nil {
				t.Errorf("%q is kept", r.kept)
			}
			if r.again() {
				t.Error("it can be sent again")
			}
			left, err := io.ReadAll(r.current)
			switch {
			case test.left == "closed":
				if !errors.Is(err, errAttemptOver) {
					t.Errorf("a closed attempt reads %q, %v", left, err)
				}
			case err != nil || string(left) != test.left:
				t.Errorf("what is left is %q, %v; want %q", left, err, test.left)
			}
		})
	}
}

func drop(t *testing.T, r io.Reader, n int) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
		t.Fatal(err)
	}
}

func TestAReadUnderWayWhenTheAnswerIsPassedOnKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, body := io.Pipe()
		r := newReplay(caller, -1)
		read := make(chan string)
		go func() {
			got, _ := io.ReadAll(r.current)
			read <- string(got)
		}()
		_, _ = body.Write([]byte("abc"))
		synctest.Wait() // the next read hangs
		r.settle(false)
		_, _ = body.Write([]byte("def"))
		body.Close()
		if got := <-read; got != "abcdef" {
			t.Errorf("got %q", got)
		}
		if r.kept != nil {
			t.Errorf("%q is kept", r.kept)
		}
	})
}

func TestAnUploadThatPausesIsTakenOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, body := io.Pipe()
		r := newReplay(caller, -1)
		first := r.current
		ended := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, first)
			ended <- err
		}()
		_, _ = body.Write([]byte("abc"))
		synctest.Wait() // the next read hangs
		if !r.again() {
			t.Fatal("it cannot be sent again")
		}
		if err := <-ended; !errors.Is(err, errAttemptOver) {
			t.Errorf("the first attempt ended with %v", err)
		}
		go func() {
			_, _ = body.Write([]byte("def")) // for a read of the first
			body.Close()
		}()
		if got, err := io.ReadAll(r.current); string(got) != "abcdef" || err != nil {
			t.Errorf("the second sent %q, %v", got, err)
		}
	})
}

func TestAnAttemptEndsWhileTheUploadPauses(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(r *replay, conn io.Closer)
		want error
	}{
		{"when it is closed", func(r *replay, _ io.Closer) { r.current.Close() }, errAttemptOver},
		{"when the call failed", func(r *replay, _ io.Closer) { r.settle(true) }, errAttemptOver},
		{"when its connection is closed", func(_ *replay, conn io.Closer) { conn.Close() }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				caller, body := io.Pipe()
				defer body.Close()
				ours, _ := net.Pipe()
				conn := newSocket(ours)
				r := newReplay(caller, -1)
				r.current.gone = endOf(tls.Client(tls.Client(conn, nil), nil))
				ended := make(chan error)
				go func() {
					_, err := io.Copy(io.Discard, r.current)
					ended <- err
				}()
				synctest.Wait()
				test.end(r, conn)
				if err := <-ended; err != test.want {
					t.Errorf("it ended with %v", err)
				}
			})
		})
	}
}

func TestNoBodyNeedsNoReplay(t *testing.T) {
	for _, r := range []*replay{newReplay(nil, -1), newReplay(nil, 0), newReplay(strings.NewReader(""), 0)} {
		if r != nil || !r.again() {
			t.Errorf("got %v", r)
		}
		r.settle(true)
	}
}

// Whatever the sizes of reads, the moments of resends and the first attempts'
// late readers, each attempt is a prefix of the body and the last one all of it.
func FuzzReplay(f *testing.F) {
	f.Add([]byte("abcdefghijklmnop"), uint64(1))
	f.Add([]byte{}, uint64(2))
	f.Add(noise(1000), uint64(3))
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		dice := rand.New(rand.NewPCG(seed, seed))
		r := newReplay(&choppy{left: body, dice: rand.New(rand.NewPCG(seed, 1))}, -1)
		var late sync.WaitGroup
		defer late.Wait()
		for range dice.IntN(4) {
			sent := make([]byte, dice.IntN(len(body)+1))
			n, err := io.ReadFull(r.current, sent)
			if err != nil || !bytes.HasPrefix(body, sent[:n]) {
				t.Fatalf("an attempt sent %q, %v, of %q", sent[:n], err, body)
			}
			old := r.current
			if !r.again() {
				t.Fatal("it cannot be sent again")
			}
			late.Go(func() { _, _ = io.Copy(io.Discard, old) })
		}
		if dice.IntN(2) == 0 {
			r.settle(false)
		}
		if got, err := io.ReadAll(iotest.OneByteReader(r.current)); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("the last attempt sent %q, %v, of %q", got, err, body)
		}
	})
}

// choppy gives bytes in odd portions, none at all at times, and its end alone
// or with the last ones.
type choppy struct {
	left []byte
	dice *rand.Rand
}

func (c *choppy) Read(p []byte) (int, error) {
	n := copy(p, c.left[:c.dice.IntN(len(c.left)+1)])
	c.left = c.left[n:]
	if len(c.left) == 0 && c.dice.IntN(2) == 0 {
		return n, io.EOF
	}
	return n, nil
}
