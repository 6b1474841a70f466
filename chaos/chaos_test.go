// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox/emulator"
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
	asked, err := requestsIn(strings.NewReader(entry("request", "00:00", path, "a", "two")+entry("response", "00:00", path, "a", "two")+
		entry("request", "00:01", "sys/health", "a", "")+entry("request", "00:59.5", path, "b", "three")+entry("request", "01:00", path, "a", "three")+`{"type":"requ`), "two")
	if err != nil || len(asked) != 4 || asked[1].isGrant() || asked[1].role() != "" {
		t.Fatalf("they are %+v, %v", asked, err)
	}
	reads := slices.Delete(asked, 1, 2)
	if !reads[0].isGrant() || reads[0].role() != "demo" || !reads[0].v2 || reads[1].v2 || reads[0].token != "a" || reads[1].token != "b" {
		t.Errorf("they are %+v", reads)
	}
	if n := most(reads, time.Minute); n != 2 {
		t.Errorf("%d within a minute", n)
	}
	if _, err := requestsIn(strings.NewReader("<html>"), "two"); err == nil {
		t.Error("a page is read as a log")
	}
}

// asking are requests for a role's grants, so many milliseconds after each other.
func asking(role string, gaps ...int) (asked []request) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, gap := range gaps {
		at = at.Add(time.Duration(gap) * time.Millisecond)
		asked = append(asked, request{at: at, path: "mash-creds/roles/" + role + "/grant"})
	}
	return asked
}

func TestVaultsReturnEndsTheLongestSilence(t *testing.T) {
	asked := asking("demo", 0, 100, 3000, 5, 900, 200, 2000)
	back := afterSilence(asked)
	if len(back) != 5 || len(during(back, back[0].at, time.Second)) != 3 {
		t.Errorf("after the silence come %d, of which %d in a second", len(back), len(during(back, back[0].at, time.Second)))
	}
	if len(afterSilence(nil)) != 0 {
		t.Error("nothing is something")
	}
}

func TestWhatVaultGetsAtItsReturnIsBounded(t *testing.T) {
	var of20, of21 []request
	for role := range 7 {
		name := string(rune('a' + role))
		of20 = append(of20, asking(name, 0, 1, 2)[:min(3, 20-len(of20))]...)
		of21 = append(of21, asking(name, 0, 1, 2)...)
	}
	for name, test := range map[string]struct {
		asked  []request
		gentle bool
	}{
		"five of a role":           {asking("demo", 0, 100, 100, 100, 100), true},
		"six of a role":            {asking("demo", 0, 100, 100, 100, 100, 100), false},
		"six of a role in a while": {asking("demo", 0, 100, 100, 100, 100, 700), true},
		"twenty in all":            {of20, true},
		"21 in all":                {of21, false},
	} {
		if err := atReturn(test.asked); (err == nil) != test.gentle {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsAlwaysPromised(t *testing.T) {
	seen := func(arrived, token, signature int) emulator.Counts {
		return emulator.Counts{
			Keys:    []emulator.KeyCounts{{Arrived: 1}, {Arrived: arrived}},
			Refused: map[emulator.Cause]int{emulator.CauseToken: token, emulator.CauseSignature: signature, emulator.CauseUnsigned: 9},
		}
	}
	for _, test := range []struct {
		name string
		dead int
		seen emulator.Counts
		want []string
	}{
		{"as many calls as the key may make", 0, seen(20, 0, 0), nil},
		{"one call too many in a second", 0, seen(21, 0, 0), []string{"Mashery got 21 calls of a key in one second, which may make 20"}},
		{"a dead token is used", 0, seen(20, 1, 0), []string{"1 calls were signed with a grant that had ended, not 0 at most"}},
		{"calls were under way", 2, seen(20, 1, 1), nil},
		{"more than were under way", 2, seen(20, 1, 2), []string{"3 calls were signed with a grant that had ended, not 2 at most"}},
		{"Mashery ends them all the time", anyDead, seen(20, 50, 50), nil},
	} {
		if got := (fault{dead: test.dead}).always(test.seen, 20); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestClientsCallWithAllRolesInTurn(t *testing.T) {
	roles := []string{"a", "b", "c"}
	l := startLoad(t.Context(), time.Millisecond, roles, filepath.Join(t.TempDir(), "nobody.sock"))
	called := make(map[string]int)
	for deadline := time.After(10 * time.Second); len(called) < 2*len(roles); {
		select {
		case <-deadline:
			t.Fatalf("called were %v", called)
		case <-time.After(time.Millisecond):
		}
		l.mu.Lock()
		for _, c := range l.calls {
			called[fmt.Sprint(c.role, c.v2)]++
		}
		l.mu.Unlock()
	}
	l.end()
}
