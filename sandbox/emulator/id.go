// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"io"
)

// shortID is an id in the format of services, endpoints, keys and access
// tokens: 24 lower-case letters and digits [recorded answers].
func shortID(src io.Reader) string {
	const alphabet = "abcdefghijkmnpqrstuvwxyz23456789" // 32, so that no letter is likelier
	id := random(src, 24)
	for i := range id {
		id[i] = alphabet[int(id[i])%len(alphabet)]
	}
	return string(id)
}

// uuid is an id in the format of all other objects.
func uuid(src io.Reader) string {
	id := random(src, 16)
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// random reads n bytes. Neither of the sources in use, crypto/rand and a seeded
// generator, can fail.
func random(src io.Reader, n int) []byte {
	p := make([]byte, n)
	if _, err := io.ReadFull(src, p); err != nil {
		panic("emulator: no random numbers: " + err.Error())
	}
	return p
}
