// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"sync"
	"time"

	"mashproxy/mashery"
)

// renewalRest is how long after a renewal that failed, or took too long, a token
// that still lives is given out without another try.
const renewalRest = 30 * time.Second

// tokenRests are the tokens that are not renewed for a while, by role: a token
// endpoint in trouble would otherwise delay every reader.
type tokenRests struct {
	mu sync.Mutex
	of map[string]tokenRest
}

type tokenRest struct {
	access mashery.Secret
	until  time.Time
}

// rest lets the role's token rest; for no more than half of the life it has left.
func (r *tokenRests) rest(role string, t *token, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = make(map[string]tokenRest)
	}
	r.of[role] = tokenRest{t.Access.Secret, now.Add(min(renewalRest, t.left(now)/2))}
}

// resting tells whether the role's token rests.
func (r *tokenRests) resting(role string, t *token, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.of[role]
	return known.access == t.Access.Secret && now.Before(known.until)
}
