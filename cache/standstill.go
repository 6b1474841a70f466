// SPDX-License-Identifier: MPL-2.0

package cache

import "time"

// standstill is by how much something must be over its time for this process to have
// stood still meanwhile: it was stopped, or its machine slept.
const standstill = time.Second

// stoodStill tells that this process stood still since it began what takes so long at
// most. Wall and monotonic clock are both asked: the latter does not go on while a
// machine sleeps.
func stoodStill(began time.Time, most time.Duration, now time.Time) bool {
	return max(now.Sub(began), now.Round(0).Sub(began.Round(0))) > most+standstill
}

// timely is what came of a request that was begun then and takes so long at most;
// errLost when that is an error, and this process stood still meanwhile: a time-out
// that was nobody's fault, or word of before.
func timely(err error, began time.Time, most time.Duration) error {
	if err != nil && stoodStill(began, most, time.Now()) {
		return errLost
	}
	return err
}
