// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// gated is a gate before a server that answers with a text.
func gated(t *testing.T, text string) (*gate, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	t.Cleanup(server.Close)
	g, err := newGate(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	})
	return g, server
}

// ask asks on a connection of its own, whose answer it does not wait for.
func ask(t *testing.T, g *gate) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	return conn
}

func answered(t *testing.T, conn net.Conn) string {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func set(t *testing.T, g *gate, mode gateMode) {
	t.Helper()
	if err := g.set(mode); err != nil {
		t.Fatal(err)
	}
}

func TestAnOpenGatePassesOnAndAShutOneRefuses(t *testing.T) {
	g, _ := gated(t, "first")
	conn := ask(t, g)
	if text := answered(t, conn); text != "first" {
		t.Errorf("it answers %q", text)
	}
	set(t, g, shut)
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the gate's being shut")
	}
	if conn, err := net.Dial("tcp", g.address); err == nil {
		conn.Close()
		t.Error("a shut gate takes connections")
	}
	set(t, g, open)
	if text := answered(t, ask(t, g)); text != "first" {
		t.Errorf("open again it answers %q", text)
	}
}

func TestASilentGateHoldsWhatComesUntilItIsOpened(t *testing.T) {
	g, _ := gated(t, "late")
	set(t, g, silent)
	conn := ask(t, g)
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !isTimeout(err) {
		t.Fatalf("a silent gate lets %d bytes through, %v", n, err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	set(t, g, open)
	if text := answered(t, conn); text != "late" {
		t.Errorf("it answers %q", text)
	}
}

func isTimeout(err error) bool {
	slow, is := err.(net.Error)
	return is && slow.Timeout()
}

func TestAGateTalksNonsense(t *testing.T) {
	g, _ := gated(t, "sense")
	set(t, g, nonsense)
	if text := answered(t, ask(t, g)); text != "<html>Please log in.</html>" {
		t.Errorf("it answers %q", text)
	}
	set(t, g, open)
	if text := answered(t, ask(t, g)); text != "sense" {
		t.Errorf("open again it answers %q", text)
	}
}

func TestAGateResetsConnectionsAndLeadsElsewhere(t *testing.T) {
	g, _ := gated(t, "here")
	_, there := gated(t, "there")
	conn := ask(t, g)
	answered(t, conn)
	g.reset()
	if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection ends by %v", err)
	}
	g.lead(there.Listener.Addr().String())
	if text := answered(t, ask(t, g)); text != "there" {
		t.Errorf("it answers %q", text)
	}
}

func TestCallsAreHeldAgainstWhatIsPromised(t *testing.T) {
	start := time.Now()
	when := window{start, start.Add(time.Second)}
	f := fault{longest: time.Second, spares: func(c call, w window) bool { return c.v2 && within(c, w) }}
	r := f.judge([]call{
		{began: start, took: time.Millisecond},
		{began: start, took: time.Second, failure: "502 x", v2: true},
		{began: start.Add(2 * time.Second), failure: "502 x", v2: true},
		{began: start.Add(-2 * time.Second), failure: cutOff},
		{began: start, took: 3 * time.Second},
	}, when)
	want := []string{
		"1 failed, which was not to be: 502 x (V2, after)",
		"1 failed, which was not to be: answer cut off (V3, before)",
		"1 took longer than 1s",
	}
	if !slices.Equal(r.broken, want) {
		t.Errorf("broken are %q", r.broken)
	}
	if r.calls != 5 || r.failed != 3 || r.longest != 3*time.Second || r.reasons() != "1× answer cut off, 2× 502 x" {
		t.Errorf("it is %+v, because of %s", r, r.reasons())
	}
}

func TestAnAnswerIsJudgedWhole(t *testing.T) {
	v3, v2 := &call{}, &call{v2: true}
	for text, right := range map[string]bool{`[1,2,3,4,5]`: true, `[1,2,3,4`: false, `[1,2,3]`: false, `<html>`: false} {
		if err := v3.check([]byte(text)); (err == nil) != right {
			t.Errorf("V3 %s: %v", text, err)
		}
		if err := v2.check([]byte(`{"result":{"items":` + text + `}}`)); (err == nil) != right {
			t.Errorf("V2 %s: %v", text, err)
		}
	}
}

func TestFaultsThatLastStrikeBesideTheOthers(t *testing.T) {
	var got []string
	for _, queue := range queues([]fault{{name: "a"}, {name: "b", beside: true}, {name: "c"}, {name: "d", beside: true}}) {
		names := ""
		for _, f := range queue {
			names += f.name
		}
		got = append(got, names)
	}
	if want := []string{"b", "d", "ac"}; !slices.Equal(got, want) {
		t.Errorf("the queues are %q", got)
	}
}

func TestWhatBreaksAPromiseTwiceCountsOnce(t *testing.T) {
	results := make(chan result, 3)
	results <- result{broken: []string{"a promise"}, again: true}
	results <- result{broken: []string{"a promise"}}
	results <- result{}
	close(results)
	if broken := printed(results); broken != 1 {
		t.Errorf("%d faults broke a promise", broken)
	}
}

func TestGrantsAreCountedInVaultsLog(t *testing.T) {
	entry := func(kind, at, path, token, api string) string {
		return `{"type":"` + kind + `","time":"2026-01-01T00:` + at + `Z","request":{"path":"` + path + `","client_token":"` + token + `","data":{"api":"` + api + `"}}}` + "\n"
	}
	const path = "mash-creds/roles/demo/grant"
	reads, err := grantsIn(strings.NewReader(entry("request", "00:00", path, "a", "two")+entry("response", "00:00", path, "a", "two")+
		entry("request", "00:01", "sys/health", "a", "")+entry("request", "00:59.5", path, "b", "three")+entry("request", "01:00", path, "a", "three")+`{"type":"requ`), "two")
	if err != nil || len(reads) != 3 {
		t.Fatalf("they are %+v, %v", reads, err)
	}
	if !reads[0].v2 || reads[1].v2 || reads[0].token != "a" || reads[1].token != "b" {
		t.Errorf("they are %+v", reads)
	}
	if n := most(reads, time.Minute); n != 2 {
		t.Errorf("%d within a minute", n)
	}
	if _, err := grantsIn(strings.NewReader("<html>"), "two"); err == nil {
		t.Error("a page is read as a log")
	}
}
