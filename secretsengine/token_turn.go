// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"sync"
	"time"

	"mashproxy/mashery"
)

const (
	// tokensAtOnce is how many token requests of one API key may be under way.
	tokensAtOnce = 16
	// slowFor is how long requests go at the rate that Mashery was seen to allow.
	slowFor = time.Minute
)

// tokenTurns are whose turn it is to ask for a token, by API key (key id).
type tokenTurns struct {
	mu sync.Mutex
	of map[string]*tokenTurn
}

func (t *tokenTurns) get(keyID string) *tokenTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = make(map[string]*tokenTurn)
	}
	turn := t.of[keyID]
	if turn == nil {
		turn = &tokenTurn{places: make(chan struct{}, tokensAtOnce)}
		t.of[keyID] = turn
	}
	return turn
}

// tokenTurn is what is known of one API key at Mashery's token endpoint. How
// many calls a second that allows nobody tells; it is seen when it says that
// they are spent.
type tokenTurn struct {
	places chan struct{} // one is taken by each request under way

	mu      sync.Mutex
	given   []time.Time // when tokens were given, in the last second
	rate    float64     // that was seen to be allowed, in calls a second
	refusal *mashery.TokenError
	refused time.Time // when Mashery last said that the calls were spent
}

// gave takes note of a token.
func (t *tokenTurn) gave(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.given = append(t.lately(now), now)
}

// lately is when tokens were given in the last second.
func (t *tokenTurn) lately(now time.Time) []time.Time {
	for len(t.given) > 0 && now.Sub(t.given[0]) > time.Second {
		t.given = t.given[1:]
	}
	return t.given
}

// refuse takes note of Mashery's word that the calls of this second are spent.
func (t *tokenTurn) refuse(refusal *mashery.TokenError, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rate = max(1, float64(len(t.lately(now))))
	t.refusal, t.refused = refusal, now
}

// allowed is the rate at which requests may go; 0: any.
func (t *tokenTurn) allowed(now time.Time) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.refused) > slowFor {
		t.rate, t.refusal = 0, nil
	}
	return t.rate
}

// inTurn asks Mashery's token endpoint, in the turn of the API key. Where that
// has spent its calls of this second it asks again, within most: Mashery has
// given no token. Then the error is Mashery's own.
func (b *buyer) inTurn(ctx context.Context, most time.Duration, ask func() error) error {
	turn := b.turns.get(b.Marks.KeyID)
	waiting, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case turn.places <- struct{}{}:
		defer func() { <-turn.places }()
	case <-waiting.Done():
		return turn.missed(ctx, waiting.Err())
	}
	for {
		budget := b.tokenBudget(turn)
		if _, err := budget.Wait(waiting, "", most); err != nil {
			return turn.missed(ctx, err)
		}
		err := ask()
		switch refusal := overQPS(err); {
		case err == nil:
			turn.gave(time.Now())
			return nil
		case refusal == nil:
			return err
		default:
			turn.refuse(refusal, time.Now())
			budget.Pause(min(refusal.RetryAfter, most))
		}
	}
}

// tokenBudget paces the requests at the rate that is known. It is not that of
// the calls: whether Mashery counts them together is not documented.
func (b *buyer) tokenBudget(turn *tokenTurn) *mashery.Budget {
	return b.budgets.Get(mashery.BudgetID{Key: "token:" + b.Marks.KeyID}, mashery.Settings{Role: "token", Cap: turn.allowed(time.Now())})
}

// missed says why there was no turn in time: what Mashery last said, if that is
// why.
func (t *tokenTurn) missed(ctx context.Context, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil || t.refusal == nil {
		return err
	}
	refusal := *t.refusal
	if full := (*mashery.OverQPSError)(nil); errors.As(err, &full) {
		refusal.RetryAfter = max(refusal.RetryAfter, full.RetryAfter)
	}
	return &refusal
}

// overQPS is Mashery's word that the API key has spent its calls of this second;
// nil for any other error.
func overQPS(err error) *mashery.TokenError {
	var refusal *mashery.TokenError
	if errors.As(err, &refusal) && refusal.RetryAfter > 0 {
		return refusal
	}
	return nil
}
