// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestALoadCountsItsCalls(t *testing.T) {
	served := make(chan string, 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served <- r.URL.String()
		if r.URL.Query().Has("chunked") {
			http.NewResponseController(w).Flush()
		}
		_, _ = w.Write([]byte("twelve bytes"))
	}))
	defer server.Close()
	for _, query := range []string{"?a=1", "?chunked"} {
		found, err := load(parse(t, server.URL+"/x"+query), 2, 20*time.Millisecond)
		if err != nil || found.made == 0 || found.made != len(served) || len(found.latencies) > found.made {
			t.Errorf("%s: %d calls were made, %d are counted and %d timed: %v", query, len(served), found.made, len(found.latencies), err)
		}
		for len(served) > 0 {
			if target := <-served; target != "/x"+query {
				t.Fatalf("it asks for %s", target)
			}
		}
	}
}

func TestALoadFailsByAnyAnswerButA200(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := load(parse(t, server.URL), 1, time.Millisecond); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("the error is %v", err)
	}
	cut := "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
	if err := skipAnswer(bufio.NewReader(strings.NewReader(cut))); err == nil {
		t.Error("half an answer is taken for a whole one")
	}
}

func TestQuantilesAndMediansOfRounds(t *testing.T) {
	m := measured{latencies: make([]time.Duration, 100), took: 2 * time.Second}
	for i := range m.latencies {
		m.latencies[i] = time.Duration(i + 1)
	}
	if p50, p99 := m.quantile(0.50), m.quantile(0.99); p50 != 51 || p99 != 100 || m.perSecond() != 50 {
		t.Errorf("p50 is %d, p99 %d, %g calls a second", p50, p99, m.perSecond())
	}
	perSecond := func(f figures) float64 { return f.perSecond }
	rounds, base := []figures{{perSecond: 30}, {perSecond: 10}, {perSecond: 20}}, []figures{{perSecond: 10}, {perSecond: 10}, {perSecond: 40}}
	if m, r := median(rounds, perSecond), medianRatio(rounds, base, perSecond); m != 20 || r != 1 {
		t.Errorf("the median is %g, of the ratios %g", m, r)
	}
}

func TestTheTableShowsRatiosToTheBaseline(t *testing.T) {
	targets := []target{{name: "direct"}, {name: baseline}, {name: "other"}}
	rounds := map[string][]figures{
		"direct": {{perSecond: 900, p50: 1, p99: 2}},
		baseline: {{perSecond: 300, p50: 10, p99: 20, cpu: 5}},
		"other":  {{perSecond: 450, p50: 5, p99: 40, cpu: 10}},
	}
	table := throughputTable(targets, 32, rounds, map[string]float64{baseline: 100, "other": 50})
	var rows []string
	for line := range strings.Lines(table) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{
		"direct 900 (3.00) 1 (0.10) 2 (0.10)",
		"other 450 (1.50) 5 (0.50) 40 (2.00) 10 (2.00) 50 (0.50)",
	} {
		if !strings.Contains(strings.Join(rows, "\n"), want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

func TestWhatIsNotReachedIsMarked(t *testing.T) {
	targets := []target{{name: baseline}, {name: local}, {name: "mashproxy, forwarded"}}
	table := func(connections int, perSecond, p99 float64) string {
		slow := []figures{{perSecond: perSecond, p99: p99}}
		return throughputTable(targets, connections, map[string][]figures{
			baseline: {{perSecond: 1000, p99: 1000}}, local: slow, "mashproxy, forwarded": slow,
		}, nil)
	}
	for _, test := range []struct {
		name           string
		connections    int
		perSecond, p99 float64
		marks          []string
	}{
		{"reached", 32, 1000, 1000, nil},
		{"too small a difference to be shown", 32, 996, 1004, nil},
		{"too few calls", 32, 990, 1000, []string{"!(0.99)"}},
		{"too long a p99", 32, 1100, 1010, []string{"!(1.01)"}},
		{"neither", 32, 900, 1100, []string{"!(0.90)", "!(1.10)"}},
		{"at one connection there is nothing to reach", 1, 900, 1100, nil},
	} {
		text := table(test.connections, test.perSecond, test.p99)
		if got := regexp.MustCompile(`!\([^)]*\)`).FindAllString(text, -1); !slices.Equal(got, test.marks) {
			t.Errorf("%s: marked are %q:\n%s", test.name, got, text)
		}
	}
	good := footprint{started: time.Second - 1, idle: 89_999_999, manyRoles: 109_999_998}
	if text := footprintTable(good); strings.Contains(text, missed) {
		t.Errorf("marked is what is reached:\n%s", text)
	}
	bad := footprint{started: time.Second, idle: 90_000_000, manyRoles: 110_000_000}
	if text := footprintTable(bad); strings.Count(text, legend) != 3 {
		t.Errorf("what is not reached is not marked:\n%s", text)
	}
}
