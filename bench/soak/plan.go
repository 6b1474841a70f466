// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
)

// clients call one after the other; half by V3, half by V2.
const clients = 8

const rolePath = rig.DoorURL + "/v1/" + sandbox.DefaultMount + "/roles/demo/proxy/"

// plan is how long it lasts, and how often it is looked at.
type plan struct{ lasts, every time.Duration }

// counts are of all calls so far.
type counts struct{ made, failed atomic.Int64 }

// run lets clients call, and prints a line from time to time. A call that fails is
// an error at the end, and so is what grows; see [flat].
func (p plan) run(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, p.lasts+p.every/2)
	defer cancel()
	var (
		callers sync.WaitGroup
		n       counts
	)
	for i := range clients {
		callers.Go(func() { n.call(ctx, w.box.Socket(), i%2 == 1) })
	}
	err := p.watch(ctx, w, &n)
	cancel()
	callers.Wait()
	if failed := n.failed.Load(); err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d calls failed", failed, n.made.Load())
	}
	return err
}

func (p plan) watch(ctx context.Context, w *world, n *counts) error {
	var lines []sample
	fmt.Printf("%8s %10s %8s %11s %9s %8s\n", "after", "calls", "failed", "goroutines", "RSS MiB", "CPU s")
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return p.judge(lines)
		}
		s, err := w.sample(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%8s %10d %8d %11d %9.1f %8.1f\n", time.Since(begin).Round(time.Second), n.made.Load(), n.failed.Load(),
			s.goroutines, mib(s.RSS), s.CPU.Seconds())
		lines = append(lines, s)
	}
}

// judge says so where there is too little to judge by.
func (p plan) judge(lines []sample) error {
	if len(lines) < enough {
		fmt.Printf("Whether it stays flat shows by %d lines or more: let it run longer.\n", enough)
	}
	return flat(lines)
}

func (n *counts) call(ctx context.Context, socket string, v2 bool) {
	door := rig.Door(socket, time.Minute)
	defer door.CloseIdleConnections()
	for {
		err := callOnce(ctx, door, v2)
		if ctx.Err() != nil {
			return
		}
		n.made.Add(1)
		if err != nil {
			n.failed.Add(1)
			fmt.Println("a call failed:", err)
		}
	}
}

func callOnce(ctx context.Context, door *http.Client, v2 bool) error {
	method, target, body := http.MethodGet, "v3/services?limit=5", ""
	if v2 {
		method, target, body = http.MethodPost, "v2", `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["soak"]}`
	}
	request, err := http.NewRequestWithContext(ctx, method, rolePath+target, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := door.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}
