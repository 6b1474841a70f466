// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestUsageIsReadOfWhatTheKernelSays(t *testing.T) {
	const stat = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 9 0 100 1 2"
	used, err := parseUsage(stat, "Name:\tx\nVmHWM:\t  9000 kB\nVmRSS:\t    2048 kB\n")
	if want := (Usage{CPU: 3 * time.Second, RSS: 2 << 20}); err != nil || used != want {
		t.Errorf("it is %+v, %v; want %+v", used, err, want)
	}
	if _, err := parseUsage(stat, "Name:\tx\nState:\tZ (zombie)\n"); err == nil || !strings.Contains(err.Error(), "VmRSS") {
		t.Errorf("of a process that has ended the error is %v", err)
	}
}

func TestMetricsWithoutLabelsAreRead(t *testing.T) {
	got, err := parseMetrics(strings.NewReader("# HELP x y\n# TYPE x gauge\nx 1.5e+07\ny{z=\"1\"} 4\n"))
	if err != nil || !maps.Equal(got, map[string]float64{"x": 15e6}) {
		t.Errorf("they are %v, %v", got, err)
	}
}

func TestAnEditMustApply(t *testing.T) {
	if text, err := apply("a b b", []Edit{{"b", "c"}}); err != nil || text != "a c b" {
		t.Errorf("it is %q, %v", text, err)
	}
	if _, err := apply("a", []Edit{{"b", "c"}}); err == nil || !strings.Contains(err.Error(), `no "b"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestAProgramIsWatchedAndEnded(t *testing.T) {
	t.Setenv("VAULT_ADDR", "http://of.mine")
	p, err := Start("/bin/sh", "-c", `trap 'exit 0' INT; echo "address $VAULT_ADDR."; while :; do sleep 0.01; done`)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := p.Await(t.Context(), regexp.MustCompile(`address (.*)\.`)); err != nil || found[1] != "" {
		t.Fatalf("it said %q, %v", found, err)
	}
	if used, err := p.Usage(); err != nil || used.RSS == 0 {
		t.Errorf("it uses %+v, %v", used, err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

func TestAProgramThatFailedSaysSo(t *testing.T) {
	p, err := Start("/bin/sh", "-c", "echo wrong >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Await(t.Context(), regexp.MustCompile("right")); err == nil || !strings.Contains(err.Error(), "without saying right:\nwrong") {
		t.Errorf("awaiting what it never says: %v", err)
	}
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "exit code 3:\nwrong") {
		t.Errorf("the error is %v", err)
	}
	if err := p.Signal(syscall.SIGTERM); err != os.ErrProcessDone {
		t.Errorf("signalling it: %v", err)
	}
}
