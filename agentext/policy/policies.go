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
	readEvery  = 50 * time.Second        // from begin to begin, so that a change shows within a minute
	freshFor   = time.Minute             // after that a call has them read again before it relies on them
	waitAtMost = 1800 * time.Millisecond // a call's wait for rules: whoever asked has an answer within two seconds
	backOff    = 100 * time.Millisecond  // after the first failure; it doubles
	slowest    = 10 * time.Second        // between failures while rules are held
	eager      = time.Second             // between failures while calls may be waiting, or are left to Vault
	doubtAgain = time.Second             // between readings because of doubts
	forGood    = 120                     // failures, in a minute or so, after which a page in Vault's place seems to stay
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
	// of a refusal is an *api.ResponseError. It may be called while it runs.
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
	doubt  chan struct{} // holds one signal to read soon

	mu      sync.Mutex
	token   string        // whose the rules are
	rules   *Rules        // nil before the first reading
	read    time.Time     // when they were asked for
	failure error         // why the last reading failed, if it did
	refuses bool          // calls are refused because of it; told once
	tried   time.Time     // when the last reading began
	changed chan struct{} // closed, and replaced, when any of these change
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
		doubt:   make(chan struct{}, 1),
		changed: make(chan struct{}),
	}
}

// Run reads the rules now, every 50 seconds, and when Reread or Doubt asks for
// it, until the context ends; it then returns nil. While Vault is away the last
// rules hold.
func (p *Policies) Run(ctx context.Context) error {
	for failures := 0; ; {
		began := time.Now()
		err := p.readOnce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failures++; err == nil {
			failures = 0
		}
		p.rest(ctx, p.pause(failures, began))
	}
}

// rest waits until the rules are to be read again.
func (p *Policies) rest(ctx context.Context, pause time.Duration) {
	late := time.NewTimer(pause)
	defer late.Stop()
	var soon <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
			return
		case <-late.C:
			return
		case <-soon:
			return
		case <-p.doubt:
			soon = time.After(p.untilDoubted())
		}
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

// Doubt is Reread for who has reason to think that the rules are not those of
// Vault any more, such as a grant that was refused. Vault is asked once a second
// at most, however many doubt: who doubts what has just been read has it read
// again when that second is over.
func (p *Policies) Doubt() {
	select {
	case p.doubt <- struct{}{}:
	default: // somebody doubts already
	}
}

// untilDoubted is the time until rules that are doubted may be read.
func (p *Policies) untilDoubted() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return doubtAgain - age(p.tried)
}

// readOnce reads the rules; without a token there is nothing to read.
func (p *Policies) readOnce(ctx context.Context) error {
	token := p.vault.Token()
	if token == "" {
		return nil
	}
	select {
	case <-p.doubt: // of what was read before
	default:
	}
	began := time.Now()
	p.mu.Lock()
	p.tried = began
	p.mu.Unlock()
	p.reader.late = func() { p.keep(token, nil, began, errLate) } // so that no call waits where something is known
	rules, err := p.reader.read(ctx, token)
	if errors.Is(err, errTokenChanged) {
		p.Reread()
		return nil
	}
	if ctx.Err() == nil { // or the program ends, and nothing failed
		p.keep(token, rules, began, err)
	}
	return err
}

// keep swaps the rules, or remembers why there are none. Rules that leave all to
// Vault because something answered in its place are better than none, and no
// better than those that were read of Vault.
func (p *Policies) keep(token string, rules *Rules, began time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.rules != nil && p.token == token && p.rules.cause == ""
	switch {
	case err != nil && p.failure == nil:
		p.logger.Warn("reading the token's policies failed; what is known of them holds", "error", err)
	case err == nil && p.failure != nil:
		p.logger.Info("the token's policies were read again")
	}
	p.failure = err
	if err == nil || rules != nil && !known {
		p.token, p.rules, p.read, p.refuses = token, rules, began, false
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// pause is the time until the next reading, after so many failures in a row,
// when the last began then.
func (p *Policies) pause(failures int, began time.Time) time.Duration {
	if failures == 0 {
		return max(readEvery-age(began), doubtAgain)
	}
	longest := eager
	if rules := p.held().rules; rules != nil && (rules.cause == "" || failures > forGood) {
		longest = slowest
	}
	return rand.N(min(backOff<<min(failures, 10), longest)) + 1
}
