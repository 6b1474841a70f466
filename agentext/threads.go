// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"os"
	"runtime"
)

// busyThreads is how many threads run Go code under load, at least.
const busyThreads = 4

// threads is how many threads run Go code at once. Go takes as many as there are
// processors. Where these are few and other programs use them, too, one of two
// threads is often set aside by the kernel, for milliseconds, and with it wait half
// of all calls, though they could go on. With more threads another takes them over.
type threads struct{ more bool }

// add adds threads where processors are few, unless whoever set GOMAXPROCS, or a
// limit on processor time, has decided otherwise.
func (t *threads) add() {
	usual := runtime.NumCPU()
	if os.Getenv("GOMAXPROCS") == "" && usual < busyThreads && runtime.GOMAXPROCS(0) == usual {
		runtime.GOMAXPROCS(busyThreads)
		t.more = true
	}
}

// drop goes back to as many as Go takes.
func (t *threads) drop() {
	if t.more {
		runtime.SetDefaultGOMAXPROCS()
		t.more = false
	}
}
