// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// befall lets faults befall a chain's Mashery.
func (c *chain) befall(faults ...emulator.Fault) {
	c.t.Helper()
	for _, f := range faults {
		if _, err := c.mashery.AddFault(f); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestHowManyTimesACallWasSentIsTold(t *testing.T) {
	tests := map[string]struct {
		fault          emulator.Fault
		method         string
		attempts       string
		status, source string
		sent           int
	}{
		"once":                                  {emulator.Fault{Kind: emulator.FaultDelay, By: 1}, "GET", "", "200", "mashery", 1},
		"twice, for a dead grant":               {emulator.Fault{Kind: emulator.FaultDeadToken, Count: 1}, "POST", "2", "200", "mashery", 2},
		"twice, for a full second":              {emulator.Fault{Kind: emulator.FaultOverQPS, Count: 1, RetryAfter: "none"}, "POST", "2", "200", "mashery", 2},
		"twice, for a lost connection":          {emulator.Fault{Kind: emulator.FaultCutBefore, Count: 1}, "GET", "2", "200", "mashery", 2},
		"three times, for lost connections":     {emulator.Fault{Kind: emulator.FaultCutBefore, Count: 2, Reset: true}, "DELETE", "3", "404", "mashery", 3},
		"once, what must not be repeated":       {emulator.Fault{Kind: emulator.FaultCutBefore}, "POST", "", "502", "mashproxy", 1},
		"once, where Mashery is broken":         {emulator.Fault{Kind: emulator.FaultError, Status: 503}, "GET", "", "503", "mashery", 1},
		"once, where the day's calls are spent": {emulator.Fault{Kind: emulator.FaultOverQuota}, "GET", "", "403", "mashery", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			test.fault.API = emulator.FaultV3
			c.befall(test.fault)
			path := "proxy/v3/services"
			if test.method == "DELETE" {
				path += "/unknown"
			}
			got := c.ask(test.method, path, `{"name":"a"}`)
			if !strings.HasPrefix(got.Status, test.status) || got.Header.Get(apierror.SourceHeader) != test.source {
				t.Errorf("status %s from %s: %s", got.Status, got.Header.Get(apierror.SourceHeader), got.body)
			}
			if told := got.Header.Get(headerAttempts); told != test.attempts || len(c.calls()) != test.sent {
				t.Errorf("%q attempts are told, %d were made", told, len(c.calls()))
			}
		})
	}
}

func TestABodyThatItsCallerBreaksOffIsTheCallersError(t *testing.T) {
	c := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST "+rolePath+"proxy/v3/services HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\nno chunk\r\n")
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	c.wantError(reply{got, string(body)}, 400, apierror.BadRequest, "mashproxy", "own body")
}

func TestACallWaitsInTheQueueOfItsListener(t *testing.T) {
	b := block("mash-creds")
	h := recogniser(b)
	r := request(t, "GET "+rolePath+"proxy/v3/services")
	call, refusal := h.callOf(r, &route{listener: &Listener{Name: "billing"}, mount: h.Mounts[0], api: mashery.V3, verb: "GET"}, policy.NewBody(r.Body))
	if refusal != nil || call.Queue != "billing" || call.MaxWait != b.MaxWait {
		t.Errorf("%+v, %v", call, refusal)
	}
}
