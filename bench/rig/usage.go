// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc [proc(5), sysconf(_SC_CLK_TCK)].
const tick = 10 * time.Millisecond

// Usage is what a process has taken so far.
type Usage struct {
	// CPU is its processor time, in user mode and in the kernel.
	CPU time.Duration
	// RSS is the memory it holds now, in bytes.
	RSS int64
}

// Usage reads what the process has taken. Linux only.
func (p *Program) Usage() (Usage, error) {
	folder := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	stat, err := os.ReadFile(folder + "stat")
	if err != nil {
		return Usage{}, err
	}
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		return Usage{}, err
	}
	return parseUsage(string(stat), string(status))
}

func parseUsage(stat, status string) (u Usage, err error) {
	// The second field is the name in brackets, which may hold anything.
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(fields) < 13 {
		return u, fmt.Errorf("/proc/…/stat has too few fields: %s", stat)
	}
	for _, field := range fields[11:13] { // utime and stime, the 14th and 15th of all
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, fmt.Errorf("/proc/…/stat: %w", err)
		}
		u.CPU += time.Duration(ticks) * tick
	}
	for line := range strings.Lines(status) {
		if value, is := strings.CutPrefix(line, "VmRSS:"); is {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			u.RSS = kilobytes << 10
			return u, err
		}
	}
	return u, fmt.Errorf("/proc/…/status has no VmRSS; has the process ended?")
}

// Metrics reads the program's metrics that have no labels, by their names, such
// as vault_runtime_num_goroutines. It needs the edit [Metrics], and a client that
// reaches the program at base, such as http://127.0.0.1:8300.
func (p *Program) Metrics(ctx context.Context, client *http.Client, base string) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/proxy/v1/metrics?format=prometheus", nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metrics: %s", answer.Status)
	}
	return parseMetrics(answer.Body)
}

func parseMetrics(text io.Reader) (map[string]float64, error) {
	values := make(map[string]float64)
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), " ")
		if !found || name == "#" || strings.Contains(name, "{") {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("the metric %s: %w", name, err)
		}
		values[name] = number
	}
	return values, lines.Err()
}
