// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// told lets a budget hear an answer of "Name: value" lines.
func told(b *Budget, status int, lines ...string) {
	resp := answer(status, "", lines...)
	b.hear(heard{judge(V3, resp), 0, time.Now(), time.Now(), resp.Header})
}

// rateOf is at what rate a budget's slots follow each other, jitter left out.
func rateOf(b *Budget) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retune(time.Now())
	if b.pace.source == LimitNone {
		return 0
	}
	return math.Round(float64(b.limiter.Limit())*(1+jitter.Seconds())*1e6) / 1e6
}

func TestTheSmallestOfGrantFileAndHeaderCounts(t *testing.T) {
	for _, test := range []struct {
		name                string
		grant, file, header float64
		want                float64
		source              LimitSource
	}{
		{"none is told", 0, 0, 0, 0, LimitNone},
		{"the grant's alone", 10, 0, 0, 10, LimitGrant},
		{"the file's alone", 0, 10, 0, 10, LimitConfig},
		{"the header's alone", 0, 0, 10, 10, LimitHeader},
		{"the grant's is the smallest", 5, 10, 20, 5, LimitGrant},
		{"the file's is the smallest", 10, 2.5, 20, 2.5, LimitConfig},
		{"the header's is the smallest", 10, 20, 3, 3, LimitHeader},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings := at("role", test.grant)
			settings.Cap = test.file
			budgets := NewBudgets()
			b := budgets.Get(BudgetID{}, settings)
			if test.header > 0 {
				told(b, http.StatusOK, headerQPSAllotted+": "+strconv.Itoa(int(test.header)))
			}
			if got := rateOf(b); got != test.want {
				t.Errorf("the rate is %g, want %g", got, test.want)
			}
			if got := budgets.Status()[0]; got.LimitSource != test.source || got.Limit != test.want {
				t.Errorf("status says %g from %q, want %g from %q", got.Limit, got.LimitSource, test.want, test.source)
			}
		})
	}
}

func TestTheRateFollowsTheHeaderDownAndUp(t *testing.T) {
	b := budgetOf(50)
	for _, step := range []struct {
		header string
		want   float64
	}{
		{"25", 25}, {"2", 2}, {"10", 10}, {"100", 50}, // the grant's is the smaller again
		{"7", 7}, {"", 7}, {"0", 7}, {"-3", 7}, {"NaN", 7}, {"Inf", 7}, {"1e3", 7}, {"0x5", 7}, {"5 calls", 7}, {"2.5", 7},
		{"1000001", 7}, {"99999999999999999999", 7}, {"\x00", 7}, {"٣", 7}, {"1_0", 7}, {"12", 12},
	} {
		told(b, http.StatusOK, headerQPSAllotted+": "+step.header)
		if got := rateOf(b); got != step.want {
			t.Errorf("after %q the rate is %g, want %g", step.header, got, step.want)
		}
	}
}

func TestARateThatAnswersDoNotTellAnyMoreCountsForAMinute(t *testing.T) {
	for name, test := range map[string]struct {
		odd  string // what they say of it then
		lull time.Duration
		want float64
	}{
		"they say nothing":               {"", allottedTime, 50},
		"they say what cannot be meant":  {"NaN", allottedTime, 50},
		"they say nothing for a moment":  {"", allottedTime - time.Second, 2},
		"they say it again now and then": {"2", allottedTime, 2},
		"they are none, as nobody calls": {"no answer", 10 * allottedTime, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budgets := NewBudgets()
				b := budgets.Get(BudgetID{}, at("role", 50))
				for range 2 { // the second time it is told later
					told(b, http.StatusOK, headerQPSAllotted+": 2")
					for end := time.Now().Add(test.lull); time.Now().Before(end); time.Sleep(time.Second) {
						if test.odd != "no answer" && test.odd != "2" {
							told(b, http.StatusOK, headerQPSAllotted+": "+test.odd)
						}
						budgets.Get(BudgetID{}, at("role", 50))
						if got := rateOf(b); got != 2 {
							t.Fatalf("the rate is %g meanwhile", got)
						}
					}
					if test.odd != "no answer" {
						told(b, http.StatusOK, headerQPSAllotted+": "+test.odd)
					}
					if got := rateOf(b); got != test.want {
						t.Errorf("the rate is %g, want %g", got, test.want)
					}
				}
			})
		})
	}
}

func TestARefusalThatIsAboutRightsNeverSlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budgetOf(10)
		for range 50 {
			told(b, http.StatusForbidden, HeaderErrorCode+": "+ErrNotAuthorized, "Retry-After: 5", headerQPSAllotted+": 1", headerQPSCurrent+": 900")
			time.Sleep(100 * time.Millisecond)
		}
		if got := rateOf(b); got != 10 {
			t.Errorf("the rate is %g", got)
		}
		if waited, err := b.Wait(t.Context(), "", 0); waited != 0 || err != nil {
			t.Errorf("the next call waited %s, %v", waited, err)
		}
	})
}

func TestWhatSlowsABudgetAndWhatBringsItBack(t *testing.T) {
	over := []string{HeaderErrorCode + ": " + ErrDeveloperOverQPS}
	for _, test := range []struct {
		name  string
		steps func(b *Budget)
		least float64 // right after; and the most
		most  float64
	}{
		{"one over-QPS answer is an accident", func(b *Budget) {
			told(b, http.StatusForbidden, over...)
		}, 10, 10},
		{"many in one second are of the same second", func(b *Budget) {
			for range 50 {
				told(b, http.StatusForbidden, over...)
			}
		}, 10, 10},
		{"another soon after shows others", func(b *Budget) {
			told(b, http.StatusForbidden, over...)
			time.Sleep(3 * time.Second)
			told(b, http.StatusForbidden, over...)
		}, 8, 8},
		{"another long after is an accident, too", func(b *Budget) {
			told(b, http.StatusForbidden, over...)
			time.Sleep(time.Minute)
			told(b, http.StatusForbidden, over...)
		}, 10, 10},
		{"a hundred of them leave something", func(b *Budget) {
			for range 100 {
				told(b, http.StatusForbidden, over...)
				time.Sleep(time.Second)
			}
		}, 2.5, 2.5},
		{"calls that are not ours are others'", func(b *Budget) {
			told(b, http.StatusOK, headerQPSCurrent+": 4")
		}, 6, 6},
		{"however many there are", func(b *Budget) {
			told(b, http.StatusOK, headerQPSCurrent+": 900000")
		}, 1, 1},
		{"our own calls are not others'", func(b *Budget) {
			for range 8 {
				_, _ = b.Wait(context.Background(), "", time.Minute)
			}
			told(b, http.StatusOK, headerQPSCurrent+": 8")
		}, 10, 10},
		{"a count that is none says nothing", func(b *Budget) {
			for _, odd := range []string{"-5", "NaN", "9e9", "much", "99999999999999999999"} {
				told(b, http.StatusOK, headerQPSCurrent+": "+odd)
			}
		}, 10, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := budgetOf(10)
				test.steps(b)
				if got := rateOf(b); got < test.least || got > test.most {
					t.Errorf("the rate is %g, want %g", got, test.least)
				}
				time.Sleep(othersTime + time.Second)
				if got, want := rateOf(b), min(10, test.least+10*comeback); got < want-0.1 {
					t.Errorf("a second after they left it is %g, want %g", got, want)
				}
				time.Sleep(10 * time.Second)
				if got := rateOf(b); got != 10 {
					t.Errorf("after they left for long it is %g", got)
				}
			})
		})
	}
}

func TestTheQuotaIsCountedAndShownAndSlowsNobody(t *testing.T) {
	budgets := NewBudgets()
	b := budgets.Get(BudgetID{Namespace: "n", Mount: "m", Key: "k"}, at("demo", 10))
	told(b, http.StatusForbidden, HeaderErrorCode+": "+ErrDeveloperOverRate, "Retry-After: 86400",
		headerQuotaAllotted+": 5000", headerQuotaCurrent+": 5000", headerQuotaReset+": Saturday, May 2, 2026 12:00:00 AM GMT")
	if waited, err := b.Wait(t.Context(), "", 0); waited != 0 || err != nil {
		t.Errorf("the next call waited %s, %v", waited, err)
	}
	got := budgets.Status()[0]
	want := Quota{Allotted: 5000, Used: 5000, Reset: time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)}
	if got.OverQuota != 1 || got.OverQPS != 0 || got.Quota.Allotted != want.Allotted || got.Quota.Used != want.Used || !got.Quota.Reset.Equal(want.Reset) {
		t.Errorf("status says %+v", got)
	}
	for _, odd := range []string{"-1", "NaN", "", "99999999999999999999"} {
		told(b, http.StatusOK, headerQuotaAllotted+": "+odd, headerQuotaCurrent+": 1")
	}
	if after := budgets.Status()[0].Quota; after != got.Quota {
		t.Errorf("an odd header changed it to %+v", after)
	}
}

// Whatever answers say, a budget stays one: at a rate within what was allowed,
// and above a tenth of what may be spent.
func FuzzHear(f *testing.F) {
	f.Add("25", "3", "5000", "17", "Monday, January 2, 2026 3:04:05 PM GMT", "", uint16(200))
	f.Add("0", "-1", "NaN", "1e9", "soon", ErrDeveloperOverQPS, uint16(403))
	f.Add("99999999999999999999", "+Inf", "", "", "", ErrNotAuthorized, uint16(403))
	f.Add("1000000", "1000000", "9223372036854775807", "9223372036854775808", "\x00", ErrDeveloperOverRate, uint16(403))
	f.Fuzz(func(t *testing.T, allotted, current, quota, used, reset, code string, status uint16) {
		budgets := NewBudgets()
		b := budgets.Get(BudgetID{}, Settings{Role: "role", QPS: 10})
		header := http.Header{
			headerQPSAllotted: {allotted}, headerQPSCurrent: {current}, headerQuotaAllotted: {quota},
			headerQuotaCurrent: {used}, headerQuotaReset: {reset}, HeaderErrorCode: {code}, "Retry-After": {reset},
		}
		for range 3 {
			resp := &http.Response{StatusCode: int(status), Header: header}
			b.hear(heard{judge(V3, resp), uint8(status), time.Now(), time.Now(), header})
			if wait := retryAfter(header, time.Now()); wait <= 0 {
				t.Fatalf("a pause of %s", wait)
			}
		}
		told := 10.0
		if n, err := strconv.Atoi(allotted); err == nil && n > 0 {
			told = min(told, float64(n))
		}
		s := budgets.Status()[0]
		if s.Limit > 10 || s.Limit < told || s.Rate < s.Limit*leastLeft/1.1 || s.Rate > s.Limit || s.Quota.Allotted < 0 || s.Quota.Used < 0 {
			t.Fatalf("%+v", s)
		}
	})
}
