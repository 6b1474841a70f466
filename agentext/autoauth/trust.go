// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"math/rand/v2"
	"time"
)

// loginFloor is the time between a token and the next login, if Vault calls the
// token invalid. It doubles, up to waitedBackoff, while Vault soon knows none of the
// tokens that it gives, or while one token after the other is given up young.
const loginFloor = time.Second

// young is a token that came less than this time ago. Vault's own handler takes a
// second to give up one whose renewal gave it no time.
const young = 2 * loginFloor

// grown is how old a token is when Vault is trusted to know those that it gives.
const grown = 5 * time.Second

// trust is what has become of the latest tokens. The zero value has had none.
type trust struct {
	issued  time.Time // when the last one came
	unknown int       // tokens in a row that Vault gave and soon did not know
	givenUp int       // tokens in a row that were given up young, though they live
}

// hold is when to log in again at the earliest; zero: at once.
type hold struct {
	until  time.Time
	tokens int    // of how many in a row it is said
	why    string // to be told; "": nothing
}

// replaced takes in a token in the place of the old one, if there was one, which was
// to live until end; "": Vault called that invalid. That Vault has known it for a
// moment says little: of two that take requests in turns, one knows it.
func (t *trust) replaced(old, token string, now, end time.Time) {
	lived := now.Sub(t.issued) >= grown || !end.IsZero() && !now.Before(end)
	switch {
	case old != "" && lived:
		t.unknown = 0
	case token == "":
		t.unknown++
	}
	if token != "" {
		t.issued = now
	}
}

// afterLoss is when to log in again after the token was lost, if there was one.
func (t *trust) afterLoss() hold {
	if t.issued.IsZero() {
		return hold{}
	}
	h := hold{until: t.issued.Add(loginPause(t.unknown)), tokens: t.unknown}
	if t.unknown > 1 {
		h.why = "Vault gives tokens and then calls them invalid; are there several Vaults behind its address?"
	}
	return h
}

// giveUp is when to log in again while there is a token that lives until end. That
// is at once, as there are new credentials, say, unless one young token after the
// other is given up.
func (t *trust) giveUp(now, end time.Time) hold {
	if t.givenUp++; now.Sub(t.issued) >= young {
		t.givenUp = 0
	}
	if t.givenUp < 2 || end.IsZero() {
		return hold{}
	}
	h := hold{until: t.issued.Add(loginPause(t.givenUp - 1)), tokens: t.givenUp}
	if h.until.After(end) {
		h.until = end
	}
	if h.until.After(now) {
		h.why = "tokens are given up right after their login; does Vault say that a renewal gives them no time?"
	}
	return h
}

// loginPause is the time between two logins when it went wrong so many times in a
// row.
func loginPause(times int) time.Duration {
	pause := loginFloor
	for n := 1; n < times && pause < waitedBackoff; n++ {
		pause *= 2
	}
	if pause > loginFloor { // so that many proxies do not come together
		pause = min(pause, waitedBackoff) - rand.N(pause/4)
	}
	return pause
}
