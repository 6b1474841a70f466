// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"
)

// memory holds what a request needs of the mount's storage, which for a plugin
// is a round trip to Vault for each entry. It lives as long as the backend,
// which Vault makes anew when it is unsealed, becomes active or reloads the
// plugin. In between, storage is changed by this backend, which writes through
// the memory, or by another node, of which Vault tells (invalidate).
//
// What is held is never older than the last change that has ended: an entry is
// kept only if from the beginning of its access to its end nothing else has
// changed it. A failure is never kept, nor that there is no entry.
type memory struct {
	mu    sync.Mutex
	known map[string]*knownEntry
	// last is the access that began last, of those under way to a key.
	last map[string]*access
}

// knownEntry is an entry and, once somebody needed that, what it says.
type knownEntry struct {
	entry *logical.StorageEntry
	value any
}

// access is one reading or change of an entry.
type access struct {
	change bool
	// disturbed: another change was under way meanwhile.
	disturbed bool
}

func newMemory() *memory {
	return &memory{known: make(map[string]*knownEntry), last: make(map[string]*access)}
}

// held are the entries that calls need. A role's RSA key is not one of them.
func held(key string) bool {
	return key == configKey || strings.HasPrefix(key, rolePrefix) || strings.HasPrefix(key, tokenPrefix) || strings.HasPrefix(key, usesPrefix)
}

// keep keeps an entry, if calls need it.
func (m *memory) keep(entry *logical.StorageEntry) {
	if entry != nil && held(entry.Key) {
		m.known[entry.Key] = &knownEntry{entry: entry}
	}
}

// invalidate forgets an entry that was changed elsewhere.
func (m *memory) invalidate(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, key)
	switch last := m.last[key]; {
	case last == nil:
	case last.change:
		last.disturbed = true
	default:
		delete(m.last, key)
	}
}

// clear forgets everything, for good.
func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.known)
	clear(m.last)
}

// recall returns what is known of the entry; where that is nothing, it begins a
// reading. The reading is nil when what it finds is not to be kept.
func (m *memory) recall(key string) (*logical.StorageEntry, *access) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[key]; known != nil {
		return known.entry, nil
	}
	if m.last[key] != nil {
		return nil, nil
	}
	reading := new(access)
	m.last[key] = reading
	return nil, reading
}

// learn ends a reading.
func (m *memory) learn(key string, reading *access, found *logical.StorageEntry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reading == nil || m.last[key] != reading {
		return
	}
	delete(m.last, key)
	m.keep(found)
}

// begin begins a change.
func (m *memory) begin(key string) *access {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, key)
	last := m.last[key]
	change := &access{change: true, disturbed: last != nil && last.change}
	m.last[key] = change
	return change
}

// end ends a change, to a new entry or none. One that failed may yet take
// place: until another succeeds nothing is kept under its key.
func (m *memory) end(key string, change *access, entry *logical.StorageEntry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, key)
	switch last := m.last[key]; {
	case err != nil:
		m.last[key] = &access{change: true}
	case last == change:
		delete(m.last, key)
		if !change.disturbed {
			m.keep(entry)
		}
	case last != nil && !last.change:
		delete(m.last, key)
	}
}

// value is what the entry says; nil when nobody has told, or it is not known.
func (m *memory) value(of *logical.StorageEntry) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[of.Key]; known != nil && known.entry == of {
		return known.value
	}
	return nil
}

// tell keeps what the entry says for as long as it is known.
func (m *memory) tell(of *logical.StorageEntry, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[of.Key]; known != nil && known.entry == of {
		known.value = value
	}
}

// over is storage behind the memory.
func (m *memory) over(s logical.Storage) logical.Storage { return &rememberedStorage{s, m} }

// rememberedStorage is the storage of one request behind the backend's memory.
// Entries that come from it must not be changed.
type rememberedStorage struct {
	logical.Storage
	memory *memory
}

// Get implements logical.Storage.
func (s *rememberedStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	known, reading := s.memory.recall(key)
	if known != nil {
		return known, nil
	}
	found, err := s.Storage.Get(ctx, key)
	if err != nil {
		found = nil
	}
	s.memory.learn(key, reading, found)
	return found, err
}

// Put implements logical.Storage. A change that has begun is not given up when
// its caller leaves: nobody would know whether it took place.
func (s *rememberedStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	change := s.memory.begin(entry.Key)
	err := s.Storage.Put(context.WithoutCancel(ctx), entry)
	s.memory.end(entry.Key, change, entry, err)
	return err
}

// Delete implements logical.Storage; as with Put, who leaves does not stop it.
func (s *rememberedStorage) Delete(ctx context.Context, key string) error {
	change := s.memory.begin(key)
	err := s.Storage.Delete(context.WithoutCancel(ctx), key)
	s.memory.end(key, change, nil, err)
	return err
}
