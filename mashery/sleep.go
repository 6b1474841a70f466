// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"sync/atomic"
	"time"
)

// longSleep is how far the wall clock must run away from the monotonic one,
// which stands still while the machine sleeps, to be taken for a sleep. A clock
// that is set looks the same, and does no harm.
const longSleep = 5 * time.Second

// monotonicZero is where this process counts monotonic time from.
var monotonicZero = time.Now()

// sleepWatch notices that the machine has slept. Its zero value has not looked
// yet.
type sleepWatch struct {
	ahead atomic.Int64 // of the monotonic clock the wall clock was, in ns
}

// slept tells, once, that the machine has slept since it was last asked.
func (s *sleepWatch) slept(now time.Time) bool {
	return s.looked(now.UnixNano() - int64(now.Sub(monotonicZero)))
}

func (s *sleepWatch) looked(ahead int64) bool {
	before := s.ahead.Load()
	if before == ahead {
		return false
	}
	s.ahead.Store(ahead)
	return before != 0 && time.Duration(ahead-before).Abs() > longSleep
}
