// SPDX-License-Identifier: MPL-2.0

package cache

import "time"

// recently is how long ago a grant may have been used to be fetched anew
// when the token changes.
const recently = time.Minute

// TokenLost drops every grant: what the lost token leased is revoked with it.
// Nothing is asked of Vault before there is another token.
func (g *Grants[G]) TokenLost() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generation++
	for _, e := range g.entries {
		g.drop(e, DropToken)
		e.failure, e.refusals.next = failure{}, time.Time{}
		if e.fetch != nil {
			e.fetch.background = false
		}
	}
}

// TokenChanged tells of a new token. Live grants that were used in the last
// minute sign on until their successors, read with the new token, are there;
// the others go. That of one that Mashery refuses still comes in its own time.
func (g *Grants[G]) TokenChanged() {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generation++
	g.line.startCalmly(now)
	for key, e := range g.entries {
		e.failure = failure{} // of the old token
		switch {
		case e.fetch != nil: // reads with the new token, or once more
		case e.grant.live(now) && now.Sub(e.lastUsed) < recently:
			e.due = now
			if !e.grant.useless() {
				g.want(e, false)
			}
		case e.refusals.forgotten(now):
			g.drop(e, DropToken)
			delete(g.entries, key)
		default:
			g.drop(e, DropToken)
		}
	}
	g.dispatch()
}
