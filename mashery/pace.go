// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// roleTime is how long after its last call a role counts that has not been heard
// of: as long as a V3 grant lives. It may be gone, or be allowed more by now.
const roleTime = 15 * time.Minute

// allottedTime is how long what answers said is allotted counts when they do not
// say it any more: not all of them need to.
const allottedTime = time.Minute

// allowance is what one role says of the rate, in calls a second; 0: nothing.
type allowance struct{ grant, file float64 }

// voice is who says something: a role, by its grant of an API.
type voice struct {
	role string
	api  API
}

// role is one that spends the budget.
type role struct {
	allowance
	told time.Time
}

// LimitSource is where the rate of a budget comes from.
type LimitSource string

// The sources, of which the smallest counts.
const (
	LimitNone   LimitSource = ""       // there is no limit
	LimitGrant  LimitSource = "grant"  // the role's, as its grant tells
	LimitConfig LimitSource = "config" // the file's
	LimitHeader LimitSource = "header" // what Mashery's answers say is allotted
)

// pace is what is known of the rate. Its zero value knows of no limit.
type pace struct {
	roles    map[voice]*role
	lapse    time.Time // none of them lapses before
	allotted float64   // by Mashery's headers; 0: they do not say
	told     time.Time // when they last did
	others   others
	headroom headroom

	nominal float64 // the smallest of all; +Inf: no limit
	source  LimitSource
}

// set takes in what a role says, and tells whether it is news.
func (p *pace) set(s Settings, now time.Time) bool {
	said := allowance{positive(s.QPS), positive(s.Cap)}
	who := voice{s.Role, s.API}
	known := p.roles[who]
	news := p.nominal == 0 || !p.headroom.is(s) || !now.Before(p.lapse)
	switch {
	case known == nil:
		if p.roles == nil {
			p.roles = make(map[voice]*role)
		}
		p.roles[who], news = &role{said, now}, news || said != (allowance{})
	default:
		news = news || known.allowance != said
		known.allowance, known.told = said, now
	}
	if news {
		p.headroom.set(s)
		p.reckon(now)
	}
	return news
}

// spenders are the roles whose calls spend the budget, and when each last said so.
func (p *pace) spenders() map[string]time.Time {
	spenders := make(map[string]time.Time)
	for who, r := range p.roles {
		spenders[who.role] = latest(spenders[who.role], r.told)
	}
	return spenders
}

// allot takes in what an answer's headers say; 0: nothing.
func (p *pace) allot(qps float64, now time.Time) {
	switch {
	case qps > 0:
		p.told = now
	case now.Sub(p.told) < allottedTime:
		return
	}
	if qps != p.allotted {
		p.allotted = qps
		p.reckon(now)
	}
}

// reckon forgets roles that are not heard of any more, and finds the smallest of
// all limits.
func (p *pace) reckon(now time.Time) {
	p.lapse = now.Add(roleTime)
	for name, r := range p.roles {
		if end := r.told.Add(roleTime); !end.After(now) {
			delete(p.roles, name)
		} else if end.Before(p.lapse) {
			p.lapse = end
		}
	}
	p.nominal, p.source = math.Inf(1), LimitNone
	lower := func(qps float64, source LimitSource) {
		if qps > 0 && qps < p.nominal {
			p.nominal, p.source = qps, source
		}
	}
	for _, r := range p.roles {
		lower(r.grant, LimitGrant)
	}
	for _, r := range p.roles {
		lower(r.file, LimitConfig)
	}
	lower(p.allotted, LimitHeader)
}

// limit is the rate at which slots follow each other: so that the first and the
// last of one more than the limit are a second and the headroom apart.
func (p *pace) limit(now time.Time) rate.Limit {
	if math.IsInf(p.nominal, 1) {
		return rate.Inf
	}
	return rate.Limit(p.nominal * p.others.leave(now) / (1 + p.headroom.now().Seconds()))
}

// most is how many slots there may be within which time: a second and the
// headroom, or more where the rate is no whole number.
func (p *pace) most() (n int, within time.Duration, limited bool) {
	whole := math.Ceil(min(p.nominal, mostGuarded+1))
	return int(whole), seconds(whole / p.nominal * (1 + p.headroom.now().Seconds())), p.source != LimitNone
}

// patience is how long a caller waits that is willing to wait for most: longer by
// the headroom of one slot, and by no more than headroom is ever learnt.
func (p *pace) patience(most time.Duration) time.Duration {
	slot := min(1/p.nominal, max(0, most.Seconds()))
	return most + seconds(slot*min(p.headroom.now(), mostHeadroom).Seconds())
}

// positive is a rate that can be meant, or 0.
func positive(qps float64) float64 {
	if qps > 0 && !math.IsInf(qps, 1) {
		return qps
	}
	return 0
}
