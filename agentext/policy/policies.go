// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

const (
	readEvery  = 50 * time.Second       // so that a change shows within a minute
	waitAtMost = 2 * time.Second        // a call's wait for the rules of a new token
	backOff    = 100 * time.Millisecond // after the first failure; it doubles
	slowest    = 10 * time.Second       // between failures while rules are held
	eager      = time.Second            // between failures while calls may be waiting
)

// ErrNotReady is returned by [Policies.Current] while the rules of the current
// token have not been read, or there is no token. A later try may succeed.
var ErrNotReady = errors.New("the token's policies have not been read from Vault yet")

// ErrNotLoggedIn is returned by [Policies.Current] while there is no token
// whose rules could be read.
var ErrNotLoggedIn = fmt.Errorf("%w, because there is no login to Vault yet; look for auth errors in this program's log", ErrNotReady)

// Vault is what is needed of an application's identity at Vault.
type Vault interface {
	// Token is the current token, "" when there is none.
	Token() string
	// Read sends one GET with the current token and without retries; the error
	// of a refusal is an *api.ResponseError.
	Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error)
}

// Config says whose policies are read, and for what.
type Config struct {
	Vault     Vault
	Namespace string       // the Vault namespace the token is of; "" is the root namespace
	Mounts    []Mount      // the mounts that calls served here may be in
	Logger    hclog.Logger // nil is silent
}

// Policies are what the current token may do, kept up to date by Run.
type Policies struct {
	vault  Vault
	reader *reader
	logger hclog.Logger
	wake   chan struct{} // holds one signal to read now

	mu      sync.Mutex
	token   string        // whose the rules are
	rules   *Rules        // nil before the first reading
	failure error         // why the last reading failed, if it did
	changed chan struct{} // closed, and replaced, when the three above change
}

// New makes the policies of one application. Nothing is read before Run.
func New(config Config) *Policies {
	logger := config.Logger
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	return &Policies{
		vault:   config.Vault,
		reader:  &reader{vault: config.Vault, namespace: config.Namespace, mounts: config.Mounts},
		logger:  logger,
		wake:    make(chan struct{}, 1),
		changed: make(chan struct{}),
	}
}

// Run reads the rules now, every 50 seconds, and when Reread asks for it, until
// the context ends; it then returns nil. While Vault is away the last rules hold.
func (p *Policies) Run(ctx context.Context) error {
	for failures := 0; ; {
		err := p.read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failures++; err == nil {
			failures = 0
		}
		timer := time.NewTimer(p.pause(failures))
		select {
		case <-ctx.Done():
		case <-p.wake:
			failures = 0
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Reread asks Run to read the rules now. It must be called with every new token,
// and never blocks. Calls with the token before go on until then, calls with the
// new one wait.
func (p *Policies) Reread() {
	select {
	case p.wake <- struct{}{}:
	default: // one is waiting to be taken
	}
}

// Current gives the rules of the current token. It waits for them, at most 2
// seconds; the error is then ErrNotReady, with the reason, or the context's.
func (p *Policies) Current(ctx context.Context) (*Rules, error) {
	if rules, _, _ := p.held(); rules != nil {
		return rules, nil
	}
	late, cancel := context.WithTimeout(ctx, waitAtMost)
	defer cancel()
	for {
		rules, changed, failure := p.held()
		if rules != nil {
			return rules, nil
		}
		select {
		case <-changed:
		case <-late.Done():
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if p.vault.Token() == "" {
				return nil, ErrNotLoggedIn
			}
			if failure != nil {
				return nil, fmt.Errorf("%w: %w", ErrNotReady, failure)
			}
			return nil, ErrNotReady
		}
	}
}

// held gives the rules if they are those of the current token, and what closes
// when that may have changed.
func (p *Policies) held() (*Rules, <-chan struct{}, error) {
	token := p.vault.Token()
	p.mu.Lock()
	defer p.mu.Unlock()
	if token == "" || token != p.token {
		return nil, p.changed, p.failure
	}
	return p.rules, p.changed, p.failure
}

// read reads the rules once; without a token there is nothing to read.
func (p *Policies) read(ctx context.Context) error {
	token := p.vault.Token()
	if token == "" {
		return nil
	}
	rules, err := p.reader.read(ctx, token)
	if errors.Is(err, errTokenChanged) {
		p.Reread()
		return nil
	}
	if ctx.Err() == nil { // or the program ends, and nothing failed
		p.keep(token, rules, err)
	}
	return err
}

// keep swaps the rules, or remembers why there are none.
func (p *Policies) keep(token string, rules *Rules, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && p.failure == nil {
		p.logger.Warn("reading the token's policies failed; what is known of them holds", "error", err)
	}
	p.failure = err
	if err == nil {
		p.token, p.rules = token, rules
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// pause is the time until the next reading, after so many failures in a row.
func (p *Policies) pause(failures int) time.Duration {
	if failures == 0 {
		return readEvery
	}
	longest := eager
	if rules, _, _ := p.held(); rules != nil {
		longest = slowest
	}
	return rand.N(min(backOff<<min(failures, 10), longest)) + 1
}
