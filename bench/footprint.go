// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"mashproxy/bench/rig"
)

const (
	starts    = 5
	manyRoles = 1000
	// settled is how long memory is given to be what it stays.
	settled = 3 * time.Second
)

// footprint is what mashproxy takes without load.
type footprint struct {
	started   time.Duration // from its start to the first signed call's answer
	idle      int64         // bytes of memory, after that call
	manyRoles int64         // the same with a live grant of every role
}

// footprint starts mashproxy several times on the sandbox's own configuration.
func (w *world) footprint(ctx context.Context) (footprint, error) {
	var found footprint
	took := make([]time.Duration, starts)
	for i := range took {
		proxy, begun, err := w.firstCall(ctx)
		if err != nil {
			return found, err
		}
		took[i] = begun
		if i == len(took)-1 {
			err = w.weigh(ctx, proxy, &found)
		}
		if err = errors.Join(err, proxy.Stop()); err != nil {
			return found, err
		}
	}
	found.started = middle(took)
	return found, nil
}

// firstCall starts mashproxy and calls until it is answered.
func (w *world) firstCall(ctx context.Context) (*rig.Program, time.Duration, error) {
	config, err := rig.Configure(w.box, "footprint.hcl", atUpstream(w.box, w.upstream),
		rig.Edit{Old: w.box.ProxyAddress(), New: "127.0.0.1:0"}, rig.Edit{Old: w.box.Socket(), New: w.socket()})
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	proxy, err := rig.StartProxy(w.programs.proxy, config)
	if err != nil {
		return nil, 0, err
	}
	client := rig.Door(w.socket(), time.Minute)
	defer client.CloseIdleConnections()
	for err = w.callRole(ctx, client, "demo"); err != nil; err = w.callRole(ctx, client, "demo") {
		select {
		case <-time.After(time.Millisecond):
		case <-proxy.Ended():
			return nil, 0, fmt.Errorf("mashproxy ended: %s", proxy.Said())
		case <-ctx.Done():
			return nil, 0, errors.Join(ctx.Err(), err, proxy.Stop())
		}
	}
	return proxy, time.Since(began), nil
}

// socket is that of the second mashproxy.
func (w *world) socket() string { return w.box.Dir() + "/footprint.sock" }

func (w *world) callRole(ctx context.Context, client *http.Client, role string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, rig.DoorURL+localPath(role), nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the call with role %s: %s", role, answer.Status)
	}
	return nil
}

// weigh reads the memory before and after a call with each of many roles.
func (w *world) weigh(ctx context.Context, proxy *rig.Program, found *footprint) error {
	var err error
	if found.idle, err = memory(ctx, proxy); err != nil {
		return err
	}
	client := rig.Door(w.socket(), time.Minute)
	defer client.CloseIdleConnections()
	for i := range manyRoles {
		role := fmt.Sprintf("role-%d", i)
		if err := rig.AddRole(ctx, w.box, w.root, role, w.qps); err != nil { // each has a budget of its own
			return err
		}
		if err := w.callRole(ctx, client, role); err != nil {
			return err
		}
	}
	found.manyRoles, err = memory(ctx, proxy)
	return err
}

func memory(ctx context.Context, proxy *rig.Program) (int64, error) {
	select {
	case <-time.After(settled):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	used, err := proxy.Usage()
	return used.RSS, err
}
