// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"cmp"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// manyBudgets is how many budgets may be kept before idle ones are forgotten.
	manyBudgets = 1024
	// idleTime is how long nobody must have asked for one of those.
	idleTime = time.Minute
	// sayAgain is how long what a call says of its budget need not be said again.
	sayAgain = time.Second
	// moveTime is how long who still names a key as before spends the budget that it
	// has under its new name.
	moveTime = 5 * time.Second
	// defaultMaxQueue is how many calls may wait where nothing else is said.
	defaultMaxQueue = 1024
)

// BudgetID names what Mashery counts together: one API key, here by what
// names it (its key id, or the role where that is not known), within one
// mount of one Vault.
type BudgetID struct{ Vault, Namespace, Mount, Key string }

// Settings are what a role's calls say of the budget they spend.
type Settings struct {
	// Role is who says it, API by which of its grants: they may be of different
	// times, and the smallest counts. 0: no grant says it.
	Role string
	API  API
	// QPS is what the grant allows, in calls a second; 0: it does not say.
	QPS float64
	// Cap is what the file allows; 0: it does not say.
	Cap float64
	// MaxQueue is how many calls may wait; 0: 1024.
	MaxQueue int
	// Headroom is the jitter, on the way to Mashery, that must not put one call
	// too many into one of its seconds: slots are 1 s plus this, divided by the
	// rate, apart. It counts only if HeadroomFixed; else it is learnt.
	Headroom      time.Duration
	HeadroomFixed bool
}

// Budgets are the budgets of a process. The zero value is not usable; see
// [NewBudgets].
type Budgets struct {
	// Observer is told what happens. It is set before the first use, if at all.
	Observer Observer

	mu    sync.Mutex
	all   map[BudgetID]*Budget
	moved map[BudgetID]move // those that have another id now
}

// move is where the budget of an id went.
type move struct {
	to    *Budget
	until time.Time // from then on, who has that id spends another one
}

// NewBudgets makes an empty set.
func NewBudgets() *Budgets {
	return &Budgets{all: make(map[BudgetID]*Budget), moved: make(map[BudgetID]move)}
}

// Get returns the budget of id, made on first use, after telling it what is
// said of it. Of the rates that its roles tell, the smallest counts; of all
// else, what was told last.
func (b *Budgets) Get(id BudgetID, s Settings) *Budget {
	b.mu.Lock()
	budget := b.all[id]
	if budget == nil {
		now := time.Now()
		if m := b.moved[id]; now.Before(m.until) {
			b.mu.Unlock()
			return m.to
		}
		budget = b.add(id, s, now)
	}
	b.mu.Unlock()
	budget.set(s)
	return budget
}

// add adds the budget of a new id. b.mu is held.
func (b *Budgets) add(id BudgetID, s Settings, now time.Time) *Budget {
	budget := b.renamed(id, s, now)
	if budget == nil {
		if len(b.all) >= manyBudgets {
			b.forgetIdle(now)
		}
		budget = &Budget{observer: &b.Observer, limiter: rate.NewLimiter(rate.Inf, 1)}
	}
	b.all[id] = budget
	return budget
}

// renamed is the budget of the key that the role's grants named otherwise until now;
// nil: they did not. An engine that is mounted anew gives all keys other names, and
// the role's two grants say so one after the other: with a budget each, they would
// spend the key twice. If it is another key, that costs its other roles a few slots,
// for moveTime. b.mu is held.
func (b *Budgets) renamed(id BudgetID, s Settings, now time.Time) *Budget {
	if s.API == 0 {
		return nil
	}
	maps.DeleteFunc(b.moved, func(_ BudgetID, m move) bool { return !now.Before(m.until) })
	for old, budget := range b.all {
		sameMount := id == BudgetID{old.Vault, old.Namespace, old.Mount, id.Key}
		if !sameMount || !budget.moveWith(s.Role, now) {
			continue
		}
		delete(b.all, old)
		b.moved[old] = move{budget, now.Add(moveTime)}
		return budget
	}
	return nil
}

// moveWith has the budget be that of another key, if grants of the role spent it
// lately: what slots were taken counts on, what was said of the key does not.
func (b *Budget) moveWith(name string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for who, role := range b.pace.roles {
		if who.role == name && who.api != 0 && now.Sub(role.told) < idleTime {
			b.pace.roles, b.counts.quota = nil, Quota{}
			b.said.Store(nil)
			return true
		}
	}
	return false
}

// forgetIdle removes budgets that nobody asked for in a while: who comes again
// tells their limits anew. b.mu is held.
func (b *Budgets) forgetIdle(now time.Time) {
	for id, budget := range b.all {
		if budget.idle(now) {
			delete(b.all, id)
		}
	}
}

// said is what was last said of a budget, and when.
type said struct {
	Settings
	at time.Time
}

// set takes in what one of the roles says, unless it is what was said a moment ago.
func (b *Budget) set(s Settings) {
	now := time.Now()
	if last := b.said.Load(); last != nil && last.Settings == s && now.Sub(last.at) < sayAgain {
		return
	}
	b.said.Store(&said{s, now})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = now
	b.maxQueue = cmp.Or(max(0, s.MaxQueue), defaultMaxQueue)
	if b.pace.set(s, now) {
		b.retune(now)
	}
}

// idle tells a budget that nobody waits for, and whose last slot is long gone.
func (b *Budget) idle(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.waiting == 0 && now.Sub(b.asked) > idleTime && !b.due(now).After(now)
}
