// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/armon/go-metrics"

	"mashproxy/agentext/apierror"
)

// growth is by how much the heap may grow, in percent of what lives.
func growth() uint64 {
	found := []runtimemetrics.Sample{{Name: "/gc/gogc:percent"}}
	runtimemetrics.Read(found)
	return found[0].Value.Uint64()
}

func TestTheHeapMayGrowFurtherAndThreadsAreAddedOnlyWhileManyCallsAreMade(t *testing.T) {
	unsetenv(t, "GOMAXPROCS")
	usual, threads := growth(), runtime.GOMAXPROCS(0)
	more := threads
	if threads == runtime.NumCPU() {
		more = max(threads, busyThreads)
	}
	var l load
	defer debug.SetGCPercent(int(usual)) // whatever happens
	defer runtime.SetDefaultGOMAXPROCS()
	for _, step := range []struct {
		name    string
		calls   int64
		ticks   int
		further bool
	}{
		{"few calls", busyCalls / 4, 1, false},
		{"many calls", 2 * busyCalls, 1, true},
		{"still many", 2 * busyCalls, 10, true},
		{"less", busyCalls * 3 / 4, 10, true},
		{"few for a moment", 0, calmTicks - 1, true},
		{"many after that", busyCalls, 1, true},
		{"few", 0, calmTicks, false},
		{"none", 0, 10, false},
		{"many again", 2 * busyCalls, 1, true},
		{"none again", 0, calmTicks, false},
	} {
		for range step.ticks {
			l.calls.Add(step.calls)
			l.look()
		}
		if got := growth(); got > usual != step.further || !step.further && got != usual {
			t.Errorf("%s: %d %%, usually %d", step.name, got, usual)
		}
		want := threads
		if step.further {
			want = more
		}
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%s: %d threads, not %d", step.name, got, want)
		}
	}
}

func TestWhoSetsGOGCDecidesHowFarTheHeapGrows(t *testing.T) {
	t.Setenv("GOGC", "100")
	usual := growth()
	var l load
	l.calls.Add(2 * busyCalls)
	if l.look(); growth() != usual {
		t.Errorf("%d %%, usually %d", growth(), usual)
	}
}

func TestWhoSetsGOMAXPROCSDecidesHowManyThreadsThereAre(t *testing.T) {
	usual := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", strconv.Itoa(usual))
	var l load
	defer debug.SetGCPercent(int(growth()))
	l.calls.Add(2 * busyCalls)
	if l.look(); runtime.GOMAXPROCS(0) != usual {
		t.Errorf("%d threads, not %d", runtime.GOMAXPROCS(0), usual)
	}
}

// unsetenv is t.Setenv for a variable that is not to be there.
func unsetenv(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "")
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}

// TestEveryCallIsCountedHoweverMany counts calls as they come while there are few,
// and in lumps while there are many; errors are counted as they come.
func TestEveryCallIsCountedHoweverMany(t *testing.T) {
	sink := metrics.NewInmemSink(time.Hour, time.Hour)
	settings := metrics.DefaultConfig("")
	settings.EnableHostname, settings.EnableRuntimeMetrics = false, false
	if _, err := metrics.NewGlobal(settings, sink); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = metrics.NewGlobal(settings, &metrics.BlackholeSink{}) }()
	counted := func(name string) (sum float64, lumps int) {
		all := sink.Data()
		found := all[len(all)-1].Counters[name]
		if found.AggregateSample == nil {
			return 0, 0
		}
		return found.Sum, found.Count
	}
	usual := growth()
	defer debug.SetGCPercent(int(usual))

	const calls, errors = "mashproxy.calls.mashery", "mashproxy.errors.over_qps"
	var l load
	for range 3 {
		l.answered(apierror.FromMashery, "")
	}
	if sum, lumps := counted(calls); sum != 3 || lumps != 3 {
		t.Errorf("few calls: %v in %d", sum, lumps)
	}
	l.calls.Add(busyCalls)
	l.look()
	for range 10 {
		l.answered(apierror.FromMashery, "")
	}
	l.answered(apierror.FromMashproxy, apierror.OverQPS)
	if sum, _ := counted(calls); sum != 3 {
		t.Errorf("many calls, at once: %v", sum)
	}
	if sum, _ := counted(errors); sum != 1 {
		t.Errorf("errors: %v", sum)
	}
	l.count() // as the page of metrics does, and every look
	if sum, lumps := counted(calls); sum != 13 || lumps != 4 {
		t.Errorf("many calls: %v in %d", sum, lumps)
	}
	for range calmTicks + 1 {
		l.look()
	}
	l.answered(apierror.FromMashery, "")
	if sum, lumps := counted(calls); sum != 14 || lumps != 5 {
		t.Errorf("few calls again: %v in %d", sum, lumps)
	}
}
