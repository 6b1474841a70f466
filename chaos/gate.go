// SPDX-License-Identifier: MPL-2.0

package main

import (
	"io"
	"net"
	"sync"
)

// gateMode is what a gate does with connections.
type gateMode int

const (
	open     gateMode = iota // passes bytes on
	shut                     // refuses connections; those there are end
	silent                   // takes connections and bytes, and answers nothing
	nonsense                 // answers everything with a page that is none of an API's
)

const nonsensePage = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 27\r\n\r\n<html>Please log in.</html>"

// gate stands before a server, and breaks the way there.
type gate struct {
	address string // where it listens, host:port

	mu       sync.Mutex
	to       string // the server's, host:port
	mode     gateMode
	changed  chan struct{} // closed when the mode changes
	conns    map[net.Conn]bool
	listener net.Listener // nil while shut
	running  sync.WaitGroup
}

// newGate makes an open gate before a server.
func newGate(to string) (*gate, error) {
	g := &gate{address: "127.0.0.1:0", to: to, changed: make(chan struct{}), conns: make(map[net.Conn]bool)}
	if err := g.listen(); err != nil {
		return nil, err
	}
	g.address = g.listener.Addr().String()
	return g, nil
}

// listen accepts connections, at the same address as before. g.mu is held, or
// the gate new.
func (g *gate) listen() error {
	listener, err := net.Listen("tcp", g.address)
	if err != nil {
		return err
	}
	g.listener = listener
	g.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			g.running.Go(func() { g.serve(conn) })
		}
	})
	return nil
}

// set changes what the gate does, with the connections there are, too.
func (g *gate) set(mode gateMode) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if mode == shut || mode == nonsense || g.mode == nonsense {
		g.end()
	}
	g.mode = mode
	close(g.changed)
	g.changed = make(chan struct{})
	var err error
	switch {
	case mode == shut && g.listener != nil:
		err = g.listener.Close()
		g.listener = nil
	case mode != shut && g.listener == nil:
		err = g.listen()
	}
	return err
}

// lead lets new connections go to another server, and ends those there are.
func (g *gate) lead(to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = to
	g.end()
}

// reset ends all connections by a TCP reset.
func (g *gate) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for conn := range g.conns {
		if tcp, is := conn.(*net.TCPConn); is {
			_ = tcp.SetLinger(0)
		}
	}
	g.end()
}

// end ends all connections. g.mu is held.
func (g *gate) end() {
	for conn := range g.conns {
		_ = conn.Close()
		delete(g.conns, conn)
	}
}

// close ends the gate.
func (g *gate) close() error {
	err := g.set(shut)
	g.running.Wait()
	return err
}

// serve passes one connection on, as the mode has it.
func (g *gate) serve(client net.Conn) {
	defer g.forget(client)
	mode, to := g.know(client)
	if mode == nonsense {
		answerNonsense(client)
		return
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer g.forget(server)
	g.know(server)
	g.running.Go(func() {
		g.copy(server, client)
		_ = server.Close()
	})
	g.copy(client, server)
}

// know keeps a connection to be ended, unless the gate is shut.
func (g *gate) know(conn net.Conn) (mode gateMode, to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mode == shut {
		_ = conn.Close()
		return g.mode, g.to
	}
	g.conns[conn] = true
	return g.mode, g.to
}

func (g *gate) forget(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, conn)
	_ = conn.Close()
}

// copy passes bytes on, and holds them while the gate is silent.
func (g *gate) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		for g.holds() {
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// holds waits for another mode while the gate is silent, and tells whether to ask
// again.
func (g *gate) holds() bool {
	g.mu.Lock()
	mode, changed := g.mode, g.changed
	g.mu.Unlock()
	if mode != silent {
		return false
	}
	<-changed
	return true
}

// answerNonsense answers whatever comes, until the connection ends.
func answerNonsense(client net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		_, err := client.Read(buffer)
		if err != nil {
			return
		}
		if _, err := io.WriteString(client, nonsensePage); err != nil {
			return
		}
	}
}
