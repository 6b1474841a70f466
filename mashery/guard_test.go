// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"testing"
	"time"
)

// A thousand keys that are allowed a thousand calls a second, and make one now and
// then, are not to cost 24 MB.
func TestTheGuardHasRoomForTheSlotsThatWereTaken(t *testing.T) {
	for _, c := range []struct {
		name        string
		taken, most int // slots taken, slots of a second
		room        int
	}{
		{"one of many", 1, 1000, fewGuarded},
		{"one of few", 1, 2, 2},
		{"one, less than one a second", 1, 0, 1},
		{"some of many", 100, 1000, 128},
		{"more than those of a second", 2500, 1000, 1000},
		{"more than are remembered", 10, mostGuarded + 1, 0},
	} {
		var g guard
		for range c.taken {
			g.add(time.Now(), c.most)
		}
		if len(g.at) != c.room {
			t.Errorf("%s: room for %d slots, not %d", c.name, len(g.at), c.room)
		}
	}
}

func TestTheGuardRemembersTheSlotsOfASecondHoweverManyThereWere(t *testing.T) {
	const most = 100
	var g guard
	begin := time.Unix(0, 0)
	at := func(slot int) time.Time { return begin.Add(time.Duration(slot) * time.Second) }
	for slot := 1; slot <= 3*most; slot++ {
		g.add(at(slot), most)
		for n := 1; n <= min(slot, most); n++ {
			if got, want := g.after(n, time.Second), at(slot-n+1).Add(time.Second); !got.Equal(want) {
				t.Fatalf("after %d slots, of which there may be %d in a second, one more at %v, not %v", slot, n, got.Sub(begin), want.Sub(begin))
			}
		}
	}
}
