// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestTheTimeOutsOfTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		config               TransportConfig
		handshake, answering time.Duration
	}{
		"by default": {TransportConfig{}, 10 * time.Second, 2 * time.Minute},
		"as told":    {TransportConfig{TLSHandshakeTimeout: 3 * time.Second, ResponseHeaderTimeout: time.Hour}, 3 * time.Second, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			got := NewTransport(test.config)
			if got.TLSHandshakeTimeout != test.handshake || got.ResponseHeaderTimeout != test.answering {
				t.Errorf("got %s and %s", got.TLSHandshakeTimeout, got.ResponseHeaderTimeout)
			}
		})
	}
}

// silent is a listener that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestEachTimeOutEndsTheCall(t *testing.T) {
	for name, test := range map[string]struct {
		config TransportConfig
		scheme string
	}{
		"the handshake's": {TransportConfig{TLSHandshakeTimeout: 20 * time.Millisecond}, "https"},
		"the answer's":    {TransportConfig{ResponseHeaderTimeout: 20 * time.Millisecond}, "http"},
		"the dialling's":  {TransportConfig{DialTimeout: time.Nanosecond}, "http"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := NewTransport(test.config)
			defer transport.CloseIdleConnections()
			s := &Sender{Transport: transport, V3: address(test.scheme + "://" + silent(t) + "/v3/rest")}
			call := &Call{API: V3, Method: http.MethodGet, MaxWait: time.Minute, Budget: unlimited()}
			if _, err := s.Send(t.Context(), call, from(v3Grant())); !errors.As(err, new(*TimeoutError)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestASleepOfTheMachineIsNoticedOnce(t *testing.T) {
	const start = int64(1e18)
	var watch sleepWatch
	for i, step := range []struct {
		runsAhead time.Duration // of the wall clock, since the last look
		slept     bool
	}{
		{0, false}, {0, false}, {time.Millisecond, false}, {longSleep, false}, {longSleep + 1, true}, {0, false},
		{8 * time.Hour, true}, {time.Second, false}, {-time.Minute, true}, {0, false},
	} {
		at := cmp.Or(watch.ahead.Load(), start) + int64(step.runsAhead)
		if got := watch.looked(at); got != step.slept {
			t.Errorf("look %d, ahead by %s: slept is %v", i, step.runsAhead, got)
		}
	}
	awake := new(sleepWatch)
	for range 3 {
		if awake.slept(time.Now()) {
			t.Error("a machine that is awake is said to have slept")
		}
	}
}

func TestAfterASleepNoConnectionOfBeforeIsUsed(t *testing.T) {
	protocols(t, func(http.ResponseWriter, *http.Request) {}, func(t *testing.T, s *Sender) {
		dials := 0
		dial := s.Transport.(*http.Transport).DialContext
		s.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return dial(ctx, network, address)
		}
		for i, want := range []int{1, 1, 2, 2} {
			if i == 2 {
				s.sleeps.ahead.Add(-int64(time.Hour)) // as if the wall clock had run on
			}
			send(t, s, &Call{API: V3, Method: http.MethodGet}, from(v3Grant()))
			if dials != want {
				t.Errorf("call %d: %d connections were made, want %d", i, dials, want)
			}
		}
	})
}
