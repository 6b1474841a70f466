// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// A reading that began before a change must not bring back what was before it.
func TestASlowReadingDoesNotOutliveAChange(t *testing.T) {
	const key = rolePrefix + "demo"
	for what, change := range map[string]func(*testing.T, *memory, logical.Storage){
		"made here": func(t *testing.T, m *memory, s logical.Storage) {
			if err := m.over(s).Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte("new")}); err != nil {
				t.Error(err)
			}
		},
		"made elsewhere": func(t *testing.T, m *memory, s logical.Storage) {
			if err := s.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte("new")}); err != nil {
				t.Error(err)
			}
			m.invalidate(key)
		},
	} {
		t.Run(what, func(t *testing.T) {
			m, under := newMemory(), &logical.InmemStorage{}
			if err := under.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte("old")}); err != nil {
				t.Fatal(err)
			}
			read, goOn := make(chan bool), make(chan bool)
			slow := &tamperedStorage{Storage: under, after: func(_ context.Context, what, _ string) error {
				read <- true
				<-goOn
				return nil
			}}
			var reader sync.WaitGroup
			reader.Go(func() {
				if entry, err := m.over(slow).Get(t.Context(), key); err != nil || string(entry.Value) != "old" {
					t.Errorf("got %v, %v", entry, err)
				}
			})
			<-read
			change(t, m, under)
			goOn <- true
			reader.Wait()
			if entry, err := m.over(under).Get(t.Context(), key); err != nil || string(entry.Value) != "new" {
				t.Errorf("got %s, %v", entry.Value, err)
			}
		})
	}
}

func TestAWriteEndsThoughItsCallerLeft(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	under := &tamperedStorage{Storage: &logical.InmemStorage{}, before: func(ctx context.Context, _, _ string) error { return ctx.Err() }}
	storage := newMemory().over(under)
	leave()
	if err := storage.Put(ctx, &logical.StorageEntry{Key: usesPrefix + "demo", Value: []byte("1")}); err != nil {
		t.Error(err)
	}
	if err := storage.Delete(ctx, usesPrefix+"demo"); err != nil {
		t.Error(err)
	}
}

// However many read, and whoever writes, here or elsewhere: no reader is given
// anything older than the last write that had ended before it asked.
func TestNothingOldIsEverRead(t *testing.T) {
	const key, writes, readers = tokenPrefix + "demo", 2000, 4
	m, under := newMemory(), &logical.InmemStorage{}
	var written atomic.Int64
	var all sync.WaitGroup
	done := make(chan struct{})
	for range readers {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := written.Load()
				entry, err := m.over(under).Get(t.Context(), key)
				if err != nil || entry == nil && least > 0 {
					t.Errorf("got %v, %v", entry, err)
				} else if entry != nil {
					if got, _ := strconv.ParseInt(string(entry.Value), 10, 64); got < least {
						t.Errorf("read %d after %d was written", got, least)
					}
				}
			}
		})
	}
	for i := int64(1); i <= writes; i++ {
		entry := &logical.StorageEntry{Key: key, Value: []byte(strconv.FormatInt(i, 10))}
		var err error
		if i%2 == 0 {
			err = m.over(under).Put(t.Context(), entry)
		} else {
			err = under.Put(t.Context(), entry)
			m.invalidate(key)
		}
		if err != nil {
			t.Error(err)
		}
		written.Store(i)
	}
	close(done)
	all.Wait()
}

func TestARolesRSAKeyIsNotHeld(t *testing.T) {
	m, under := newMemory(), &tamperedStorage{Storage: &logical.InmemStorage{}}
	if err := m.over(under).Put(t.Context(), &logical.StorageEntry{Key: keyPrefix + "demo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.over(under).Get(t.Context(), keyPrefix+"demo"); err != nil {
		t.Fatal(err)
	}
	for key := range m.known {
		if strings.HasPrefix(key, keyPrefix) {
			t.Errorf("%s is held", key)
		}
	}
}

// Which of two changes that overlap storage took last is not known.
func TestOfChangesThatOverlapNothingIsHeld(t *testing.T) {
	const key = usesPrefix + "demo"
	entry := &logical.StorageEntry{Key: key}
	for name, overlap := range map[string]func(*memory){
		"two writes, the first ends first": func(m *memory) {
			first, second := m.begin(key), m.begin(key)
			m.end(key, first, entry, nil)
			m.end(key, second, entry, nil)
		},
		"two writes, the first ends last": func(m *memory) {
			first, second := m.begin(key), m.begin(key)
			m.end(key, second, entry, nil)
			m.end(key, first, entry, nil)
		},
		"a reading between the ends of two writes": func(m *memory) {
			first, second := m.begin(key), m.begin(key)
			m.end(key, second, entry, nil)
			_, reading := m.recall(key)
			m.end(key, first, entry, nil)
			m.learn(key, reading, entry)
		},
		"a reading within a write": func(m *memory) {
			write := m.begin(key)
			_, reading := m.recall(key)
			m.end(key, write, nil, nil)
			m.learn(key, reading, entry)
		},
		"a write here and one elsewhere": func(m *memory) {
			write := m.begin(key)
			m.invalidate(key)
			m.end(key, write, entry, nil)
		},
	} {
		m := newMemory()
		overlap(m)
		known, reading := m.recall(key)
		if known != nil || reading == nil {
			t.Errorf("%s: held %v, may be held again: %t", name, known, reading != nil)
		}
	}
}
