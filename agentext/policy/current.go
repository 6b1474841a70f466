// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"fmt"
	"time"
)

// StaleError is returned by [Policies.Current] when Vault has been away for
// longer than the rules last read may hold. A later try may succeed.
type StaleError struct {
	Age, MaxStale time.Duration
	Reason        error // why the last reading failed; nil when it has not ended yet
}

func (e *StaleError) Error() string {
	full := (e.Age + time.Second - 1).Truncate(time.Second)
	return fmt.Sprintf("the token's policies were last read from Vault %s ago, which is longer than policy_max_stale = %q in the mashery block allows", full, e.MaxStale)
}

func (e *StaleError) Unwrap() error { return e.Reason }

// Current gives the rules of the current token. It waits for them, at most 2
// seconds; the error is then ErrNotReady, with the reason, or the context's.
// While Vault is away those last read hold for maxStale, after which the error
// is a *StaleError; 0 lets them hold as long as the token.
func (p *Policies) Current(ctx context.Context, maxStale time.Duration) (*Rules, error) {
	held := p.held()
	if held.fresh(maxStale) {
		return held.rules, nil
	}
	if held.rules != nil && held.failure == nil {
		p.Reread() // the machine slept, or less than a minute is allowed
	}
	late, cancel := context.WithTimeout(ctx, waitAtMost)
	defer cancel()
	for ; !held.fresh(maxStale) && (held.rules == nil || held.failure == nil); held = p.held() {
		select {
		case <-held.changed:
		case <-late.Done():
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return p.settle(held, maxStale)
		}
	}
	return p.settle(held, maxStale)
}

// HasNamespaces tells whether Vault is known to have namespaces: it is Enterprise,
// and said so when the rules were last read. False is also that nobody knows.
func (p *Policies) HasNamespaces() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules != nil && p.rules.edition == Enterprise
}

// settle makes the best of what is held when there is nothing to wait for.
func (p *Policies) settle(held held, maxStale time.Duration) (*Rules, error) {
	switch {
	case held.rules != nil && (maxStale == 0 || age(held.read) <= maxStale):
		return held.rules, nil
	case held.rules != nil:
		return nil, p.stale(held, maxStale)
	case p.vault.Token() == "":
		return nil, ErrNotLoggedIn
	case held.failure != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotReady, held.failure)
	}
	return nil, ErrNotReady
}

// stale refuses, tells so once, and has Vault asked again.
func (p *Policies) stale(held held, maxStale time.Duration) error {
	err := &StaleError{Age: age(held.read), MaxStale: maxStale, Reason: held.failure}
	p.mu.Lock()
	told := p.refuses
	p.refuses = true
	p.mu.Unlock()
	if !told {
		p.logger.Error("calls are refused until Vault can be asked again", "error", err, "reason", err.Reason)
	}
	p.Doubt()
	return err
}

// held is what is known of the current token's rules at one moment.
type held struct {
	rules   *Rules // nil when they are not known
	read    time.Time
	failure error
	changed <-chan struct{} // closes when something else may be known
}

func (p *Policies) held() held {
	token := p.vault.Token()
	p.mu.Lock()
	defer p.mu.Unlock()
	h := held{read: p.read, failure: p.failure, changed: p.changed}
	if token != "" && token == p.token {
		h.rules = p.rules
	}
	return h
}

// fresh tells whether the rules can be used without another thought.
func (h held) fresh(maxStale time.Duration) bool {
	limit := freshFor
	if maxStale > 0 {
		limit = min(limit, maxStale)
	}
	return h.rules != nil && age(h.read) <= limit
}

// age is the time since, by the wall or the monotonic clock, whichever says
// more: a machine may have slept.
func age(since time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}
