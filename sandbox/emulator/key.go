// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"time"

	"mashproxy/mashery"
)

// signatureTolerance is how far a signature's time may be off, in seconds
// [V2 docs, Authentication].
const signatureTolerance = 5 * 60

// key is an API key with its owner's credentials and its limits.
type key struct {
	creds  mashery.Credentials
	meter  *meter // of its calls
	logins *meter // of its token requests

	mu sync.Mutex
	// lastSignature was found good, made at lastSigned: one that is used again
	// need not be searched for again.
	lastSignature string
	lastSigned    int64
}

// signed tells whether signature was made with k no more than five minutes from
// now, before or after. The time is not part of a call, so every second in
// question is tried, the nearest first. A signature may be used again.
func (k *key) signed(signature string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if signature != "" && signature == k.lastSignature && abs(now.Unix()-k.lastSigned) <= signatureTolerance {
		return true
	}
	for off := int64(0); off <= signatureTolerance; off++ {
		for _, at := range []int64{now.Unix() - off, now.Unix() + off} {
			if subtle.ConstantTimeCompare([]byte(k.signatureAt(at)), []byte(signature)) == 1 {
				k.lastSignature, k.lastSigned = signature, at
				return true
			}
		}
	}
	return false
}

// signatureAt is written here once more, not taken from the mashery package, so
// that the two check each other.
func (k *key) signatureAt(second int64) string {
	text := append([]byte(k.creds.APIKey.Reveal()), k.creds.Secret.Reveal()...)
	sum := md5.Sum(strconv.AppendInt(text, second, 10))
	return hex.EncodeToString(sum[:])
}

func abs(n int64) int64 { return max(n, -n) }

// keyring holds the known keys, in the order they came.
type keyring struct {
	mu    sync.RWMutex
	order []*key
}

func newKeyring() *keyring { return new(keyring) }

// add adds a key, in place of the one of the same text.
func (r *keyring) add(fresh *key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = slices.Clone(r.order) // somebody may be reading the old one
	for i, k := range r.order {
		if k.creds.APIKey == fresh.creds.APIKey {
			r.order[i] = fresh
			return
		}
	}
	r.order = append(r.order, fresh)
}

// get gives the key of that text, or nil.
func (r *keyring) get(text string) *key {
	for _, k := range r.all() {
		if text != "" && k.creds.APIKey.Reveal() == text {
			return k
		}
	}
	return nil
}

func (r *keyring) all() []*key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order
}
