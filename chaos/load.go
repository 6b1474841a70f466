// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
)

const (
	// Half of the clients read by V3, half query by V2.
	clients = 6
	// between is the time from one call of a client to its next; a call that
	// takes longer delays the next. It is rarely for faults that last.
	between = 100 * time.Millisecond
	rarely  = 500 * time.Millisecond
	// endless is how long a client waits for an answer at most.
	endless = time.Minute
)

// proxyPath is below which the calls of a role are made.
func proxyPath(role string) string {
	return "/v1/" + sandbox.DefaultMount + "/roles/" + role + "/proxy"
}

// query is the V2 call that is made.
const query = `{"jsonrpc":"2.0","id":1,"method":"object.query","params":["SELECT id, name FROM applications ITEMS 5"]}`

// call is one call that was made.
type call struct {
	role    string
	v2      bool
	began   time.Time
	took    time.Duration
	failure string // what went wrong; "" nothing
}

// load are clients that call steadily, each over the unix socket of a proxy.
type load struct {
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	calls []call
}

// startLoad lets clients call at a pace, in turns over the sockets; each calls with
// one role after the other.
func startLoad(ctx context.Context, pace time.Duration, roles []string, sockets ...string) *load {
	l := &load{}
	ctx, l.stop = context.WithCancel(ctx)
	for i := range clients {
		v2, socket := i%2 == 1, sockets[i/2%len(sockets)]
		l.running.Go(func() { l.client(ctx, v2, socket, pace, roles, i) })
	}
	return l
}

// end lets the calls under way end, and returns all.
func (l *load) end() []call {
	l.stop()
	l.running.Wait()
	return l.calls
}

func (l *load) client(ctx context.Context, v2 bool, socket string, pace time.Duration, roles []string, turn int) {
	door := rig.Door(socket, endless)
	defer door.CloseIdleConnections()
	next := time.NewTicker(pace)
	defer next.Stop()
	for ; ctx.Err() == nil; turn++ {
		made := call{role: roles[turn%len(roles)], v2: v2, began: time.Now()}
		if err := made.make(door); err != nil {
			made.failure = err.Error()
		}
		made.took = time.Since(made.began)
		l.mu.Lock()
		l.calls = append(l.calls, made)
		l.mu.Unlock()
		select {
		case <-next.C:
		case <-ctx.Done():
		}
	}
}

// make makes the call, and judges the whole answer.
func (c *call) make(door *http.Client) error {
	method, target, body := http.MethodGet, proxyPath(c.role)+"/v3/services?limit=5", ""
	if c.v2 {
		method, target, body = http.MethodPost, proxyPath(c.role)+"/v2", query
	}
	request, err := http.NewRequest(method, rig.DoorURL+target, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := door.Do(request)
	if err != nil {
		return errors.New("no answer from the proxy")
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return errors.New(cutOff)
	case answer.StatusCode != http.StatusOK:
		return errors.New(nameOf(answer))
	case answer.Header.Get("X-Mashproxy-Source") != "mashery":
		return errors.New("not served by the proxy itself")
	}
	return c.check(text)
}

// cutOff is an answer that ended early and was seen to.
const cutOff = "answer cut off"

// nameOf names a failure by its status, and by who says what went wrong.
func nameOf(answer *http.Response) string {
	for _, header := range []string{"X-Mashproxy-Error", "X-Mashery-Error-Code"} {
		if code := answer.Header.Get(header); code != "" {
			return fmt.Sprintf("%d %s", answer.StatusCode, code)
		}
	}
	return fmt.Sprintf("%d from %s", answer.StatusCode, answer.Header.Get("X-Mashproxy-Source"))
}

// check sees to it that a 200 is what was asked for.
func (c *call) check(text []byte) error {
	items := 0
	if c.v2 {
		var reply struct {
			Result struct{ Items []json.RawMessage }
		}
		if json.Unmarshal(text, &reply) == nil {
			items = len(reply.Result.Items)
		}
	} else {
		var list []json.RawMessage
		if json.Unmarshal(text, &list) == nil {
			items = len(list)
		}
	}
	if items != 5 {
		return errors.New("200 with a wrong body")
	}
	return nil
}
