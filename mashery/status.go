// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"time"
)

// Reasons why calls are sent again.
const (
	ResentOverQPS   = "over_qps"
	ResentDeadGrant = "dead_grant"
	ResentLost      = "connection_lost"
)

// Observer is told what happens at budgets, from many goroutines at once; it
// must not call back. What is nil is not told.
type Observer struct {
	// Waited: a call waited that long, for its slot (served) or until it was
	// refused one. One whose caller left is not told.
	Waited func(d time.Duration, served bool)
	// OverQPS and OverQuota: Mashery refused a call for being over its QPS, or
	// over its quota.
	OverQPS, OverQuota func()
	// Resent: a call is sent again, for that reason.
	Resent func(reason string)
}

func (o *Observer) waited(d time.Duration, err error) {
	if o.Waited != nil && (err == nil || errors.As(err, new(*OverQPSError))) {
		o.Waited(d, err == nil)
	}
}

func (o *Observer) overQPS() {
	if o.OverQPS != nil {
		o.OverQPS()
	}
}

func (o *Observer) overQuota() {
	if o.OverQuota != nil {
		o.OverQuota()
	}
}

func (o *Observer) resent(reason string) {
	if o.Resent != nil {
		o.Resent(reason)
	}
}

// counts are what a budget counts.
type counts struct {
	tally              tally
	overQPS, overQuota int64
	quota              Quota
	lastWait           time.Duration
}

// sent counts a slot that was taken.
func (c *counts) sent(now time.Time) {
	c.tally.add(now)
	c.lastWait = 0
}

// BudgetStatus is how a budget stands. It holds no secret.
type BudgetStatus struct {
	Namespace string `json:"namespace,omitempty"`
	Mount     string `json:"mount"`
	// Key names the API key without revealing it: as the engine does, or
	// "role:" and the role.
	Key string `json:"key"`
	// Roles are those whose calls spend it and, since, no other budget, sorted.
	Roles []string `json:"roles"`
	// Rate is at which slots follow each other now, in calls a second, and
	// Limit what may be spent; 0: no limit. LimitSource is where that is from.
	Rate        float64     `json:"rate"`
	Limit       float64     `json:"limit"`
	LimitSource LimitSource `json:"limit_source"`
	// HeadroomMs is the jitter that is left room for.
	HeadroomMs int64 `json:"headroom_ms"`
	// Queue is how many calls wait. Waiting tells them apart by listener; the
	// next one to be served is not among those.
	Queue   int            `json:"queue"`
	Waiting map[string]int `json:"waiting"`
	// PausedMs is how long no call goes, because Mashery said so.
	PausedMs int64 `json:"paused_ms"`
	// OverQPS and OverQuota are Mashery's refusals so far.
	OverQPS   int64 `json:"over_qps"`
	OverQuota int64 `json:"over_quota"`
	// Quota is what Mashery last told.
	Quota Quota `json:"quota"`
	// LastWaitMs is how long the last call waited.
	LastWaitMs int64 `json:"last_wait_ms"`
}

// Status tells how all budgets stand, sorted by namespace, mount and key.
func (b *Budgets) Status() []BudgetStatus {
	b.mu.Lock()
	all := maps.Clone(b.all)
	b.mu.Unlock()
	roles := rolesOf(all)
	status := make([]BudgetStatus, 0, len(all))
	for id, budget := range all {
		one := budget.status(time.Now())
		one.Namespace, one.Mount, one.Key = id.Namespace, id.Mount, id.Key
		one.Roles = append([]string{}, roles[id]...) // never null in JSON
		status = append(status, one)
	}
	slices.SortFunc(status, func(a, b BudgetStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Mount, b.Mount), cmp.Compare(a.Key, b.Key))
	})
	return status
}

// rolesOf finds the budget that each role spends, which is another one once its
// API key is replaced: the one that its calls asked last. Roles are sorted.
func rolesOf(all map[BudgetID]*Budget) map[BudgetID][]string {
	type spent struct {
		by BudgetID
		at time.Time
	}
	last := make(map[BudgetID]spent) // by the role, in place of the key
	for id, budget := range all {
		for role, at := range budget.spenders() {
			who := id
			who.Key = role
			if last[who].at.Before(at) {
				last[who] = spent{id, at}
			}
		}
	}
	roles := make(map[BudgetID][]string)
	for who, s := range last {
		roles[s.by] = append(roles[s.by], who.Key)
	}
	for _, names := range roles {
		slices.Sort(names)
	}
	return roles
}

func (b *Budget) spenders() map[string]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pace.spenders()
}

func (b *Budget) status(now time.Time) BudgetStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retune(now)
	s := BudgetStatus{
		LimitSource: b.pace.source,
		HeadroomMs:  b.pace.headroom.now().Milliseconds(),
		Queue:       b.queue.waiting,
		Waiting:     make(map[string]int),
		PausedMs:    max(0, b.resume.Sub(now)).Milliseconds(),
		OverQPS:     b.counts.overQPS, OverQuota: b.counts.overQuota, Quota: b.counts.quota,
		LastWaitMs: b.counts.lastWait.Milliseconds(),
	}
	if !math.IsInf(b.pace.nominal, 1) {
		s.Rate, s.Limit = float64(b.limiter.Limit()), b.pace.nominal
	}
	for _, l := range b.queue.lines {
		s.Waiting[l.name] = l.callers.Len()
	}
	return s
}
