// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// firewall is before a server: when it restarts it forgets its connections, and
// resets each when something is next sent on it.
type firewall struct {
	net.Listener
	restarts, made atomic.Int64
}

func (f *firewall) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f.made.Add(1)
	return &passage{conn.(*net.TCPConn), f, f.restarts.Load()}, nil
}

// passage is a connection through a firewall.
type passage struct {
	*net.TCPConn
	through *firewall
	made    int64 // after so many restarts
}

func (p *passage) Read(b []byte) (int, error) {
	n, err := p.TCPConn.Read(b)
	if err == nil && p.through.restarts.Load() != p.made {
		_ = p.SetLinger(0)
		p.Close()
		err = net.ErrClosed
	}
	return n, err
}

// behind sends to a server behind a firewall.
func behind(t *testing.T, http2 bool, serve http.HandlerFunc) (*firewall, *Sender) {
	server := httptest.NewUnstartedServer(serve)
	wall := &firewall{Listener: server.Listener}
	server.Listener, server.EnableHTTP2, server.Config.ErrorLog = wall, http2, quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	return wall, reach(t, server)
}

func get(query string) *Call {
	return &Call{API: V3, Method: http.MethodGet, Path: "services", RawQuery: query, MaxWait: patience, Budget: unlimited()}
}

func TestOfConnectionsThatWereForgottenOnlyOneCostsACall(t *testing.T) {
	const idle = 20
	for _, test := range []struct {
		name  string
		call  func() *Call
		grant *Grant
		lost  int // calls
	}{
		{"reads", func() *Call { return get("") }, v3Grant(), 0},
		{"writes that may be repeated", func() *Call { c := post("abc"); c.Method = http.MethodPut; return c }, v3Grant(), 0},
		{"writes that may not", func() *Call { return post("abc") }, v3Grant(), 1},
		{"calls of V2", func() *Call { c := post("abc"); c.API = V2; return c }, v2Grant(), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var meeting, all sync.WaitGroup
			wall, s := behind(t, false, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery == "meet" {
					meeting.Done()
					meeting.Wait()
				}
			})
			meeting.Add(idle)
			for range idle {
				all.Go(func() { send(t, s, get("meet"), from(v3Grant())) })
			}
			all.Wait()
			wall.restarts.Add(1)
			lost := 0
			for range idle {
				got, err := s.Send(t.Context(), test.call(), from(test.grant))
				if err != nil {
					lost++
					continue
				}
				if got.Body.Close(); got.Attempts > 2 {
					t.Errorf("one was sent %d times", got.Attempts)
				}
			}
			if made := wall.made.Load(); lost != test.lost || made != idle+1 {
				t.Errorf("%d calls were lost, and %d connections made", lost, made)
			}
		})
	}
}

func TestACallUnderWayOutlivesTheLossOfAnIdleConnection(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	for name, http2 := range map[string]bool{"over HTTP/1.1": false, "over HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			wall, s := behind(t, http2, func(_ http.ResponseWriter, r *http.Request) {
				switch r.URL.RawQuery {
				case "stay":
					arrived <- struct{}{}
					<-answer
				case "fail":
					panic(http.ErrAbortHandler)
				}
			})
			send(t, s, get(""), from(v3Grant()))
			ended := make(chan error, 1)
			go func() {
				got, err := s.Send(t.Context(), get("stay"), from(v3Grant()))
				if err == nil {
					err = got.Body.Close()
				}
				ended <- err
			}()
			within(t, arrived, "the call is at the server")
			send(t, s, get(""), from(v3Grant()))
			if _, err := s.Send(t.Context(), get("fail"), from(v3Grant())); err == nil {
				t.Error("what fails was answered")
			}
			answer <- struct{}{}
			if err := within(t, ended, "the end of the call"); err != nil {
				t.Error(err)
			}
			if made := wall.made.Load(); http2 && made != 1 {
				t.Errorf("%d connections were made", made)
			}
		})
	}
}

func TestAStreamThatIsResetIsNoLossOfItsConnection(t *testing.T) {
	wall, s := behind(t, true, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "fail" {
			panic(http.ErrAbortHandler)
		}
	})
	for _, query := range []string{"", "fail", ""} {
		if got, err := s.Send(t.Context(), get(query), from(v3Grant())); err == nil {
			got.Body.Close()
		}
	}
	if made := wall.made.Load(); made != 1 {
		t.Errorf("%d connections were made", made)
	}
}
