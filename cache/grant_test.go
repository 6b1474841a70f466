// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/hashicorp/vault/api"
)

func TestHowLongAGrantMayBeUsed(t *testing.T) {
	vaultsNow := time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC) // far from ours: it must not matter
	expiring := func(lease int, in time.Duration) *api.Secret {
		return leased(lease, map[string]any{"expiry_epoch": epoch(vaultsNow.Add(in))})
	}
	for _, test := range []struct {
		name   string
		secret *api.Secret
		want   time.Duration
	}{
		{"the lease, less 2 s", leased(60, nil), 58 * time.Second},
		{"a short lease, less a tenth", leased(10, nil), 9 * time.Second},
		{"a lease at which both are the same", leased(20, nil), 18 * time.Second},
		{"the shortest lease", leased(1, nil), 900 * time.Millisecond},
		{"the lease, when the grant ends later", expiring(60, time.Hour), 58 * time.Second},
		{"the grant's end, when it comes before the lease's", expiring(3600, 10*time.Minute), 598 * time.Second},
		{"a grant's end that is near, less a tenth", expiring(3600, 5*time.Second), 4500 * time.Millisecond},
		{"a lease of ages", leased(math.MaxInt, nil), longestLease*time.Second - margin},
		{"a grant's end in ages", leased(60, map[string]any{"expiry_epoch": json.Number("9223372036854775807")}), 58 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if terms, err := leaseTerms(test.secret, dated(vaultsNow)); err != nil || terms.usable() != test.want {
				t.Errorf("got %s, %v; want %s", terms.usable(), err, test.want)
			}
		})
	}
}

func TestAGrantWhoseEndIsNotKnownIsNotUsed(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name   string
		secret *api.Secret
		header http.Header
		says   string
	}{
		{"no lease", leased(0, nil), dated(now), "without a lease"},
		{"a negative lease", leased(-1, nil), dated(now), "without a lease"},
		{"an end that is past", leased(60, map[string]any{"expiry_epoch": epoch(now.Add(-time.Second))}), dated(now), "ended before"},
		{"an end that is now", leased(60, map[string]any{"expiry_epoch": epoch(now)}), dated(now), "ended before"},
		{"an end before all time", leased(60, map[string]any{"expiry_epoch": json.Number("-9223372036854775808")}), dated(now), "ended before"},
		{"an end that no number holds", leased(60, map[string]any{"expiry_epoch": json.Number("9223372036854775808")}), dated(now), "expiry_epoch"},
		{"an end of words", leased(60, map[string]any{"expiry_epoch": "soon"}), dated(now), "expiry_epoch"},
		{"an end that is a fraction", leased(60, map[string]any{"expiry_epoch": json.Number("1.5")}), dated(now), "expiry_epoch"},
		{"an end that is nothing", leased(60, map[string]any{"expiry_epoch": nil}), dated(now), "expiry_epoch"},
		{"an end and no clock to judge it by", leased(60, map[string]any{"expiry_epoch": epoch(now)}), nil, "no Date"},
		{"an end and a clock that says nothing", leased(60, map[string]any{"expiry_epoch": epoch(now)}), http.Header{"Date": {"noon"}}, "no Date"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := leaseTerms(test.secret, test.header); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// later is t when the wall clock has moved on by wall and the monotonic one by
// mono, which only a machine's sleep or a set clock does.
func later(t time.Time, wall, mono time.Duration) time.Time {
	t = t.Add(wall)
	clock := (*struct {
		wall uint64
		mono int64
	})(unsafe.Pointer(&t))
	clock.mono += int64(mono - wall)
	return t
}

func TestWhicheverClockSaysOverWins(t *testing.T) {
	start := time.Now()
	if moved := later(start, time.Hour, time.Second); moved.Sub(start) != time.Second || moved.Round(0).Sub(start.Round(0)) != time.Hour {
		t.Fatal("time.Time is not made as this test thinks")
	}
	grant := &Grant[string]{held: held{deadline: start.Add(10 * time.Second)}}
	for _, test := range []struct {
		name       string
		wall, mono time.Duration
		want       bool
	}{
		{"both say it is live", 9 * time.Second, 9 * time.Second, true},
		{"both say it is the deadline", 10 * time.Second, 10 * time.Second, false},
		{"both say it is over", 11 * time.Second, 11 * time.Second, false},
		{"the machine slept: only the wall clock went on", time.Hour, time.Second, false},
		{"the clock was set back: only the monotonic one went on", -time.Hour, 11 * time.Second, false},
		{"the clock was set back, and it is live", -time.Hour, 9 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := grant.live(later(start, test.wall, test.mono)); got != test.want {
				t.Errorf("live is %v, want %v", got, test.want)
			}
		})
	}
	if (*Grant[string])(nil).live(start) {
		t.Error("no grant is live")
	}
}
