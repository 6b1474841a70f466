// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestSlowConnectionsKeepNobodyOutAndAreClosed(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	const half = "GET " + v3 + "services HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
	var slow []net.Conn
	for range 100 {
		for _, d := range []*door{w.unix, w.tcp} {
			conn, err := net.Dial(d.network, d.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, half); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, conn)
		}
	}
	for _, d := range []*door{w.unix, w.tcp} {
		d.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
		d.get(t, rolePath).expect(t, http.StatusOK, "")
	}
	for _, conn := range slow {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatalf("it is still open after %s: %v", patience, err)
		}
	}
}

func TestABodyThatNeverEndsKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: everything(`{}`)})
	const begun = "POST " + v3 + "services HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
	for range 50 {
		conn, err := net.Dial(w.unix.network, w.unix.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, begun); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []*door{w.unix, w.tcp} {
		d.get(t, v3+"services").expect(t, http.StatusOK, "")
		d.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
		d.get(t, rolePath).expect(t, http.StatusOK, "")
	}
}
