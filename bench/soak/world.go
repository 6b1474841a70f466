// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
)

const (
	// lease is how long Vault's leases are at most.
	lease = "10s"
	// qps is what the clients share: they are paced.
	qps = 100
)

// world is a sandbox with short leases, and mashproxy before it.
type world struct {
	box   *sandbox.Sandbox
	proxy *rig.Program
}

func open(ctx context.Context, binary string) (*world, error) {
	box, err := sandbox.Start(ctx, sandbox.Options{QPS: qps})
	if err != nil {
		return nil, err
	}
	w := &world{box: box}
	if err := w.start(ctx, binary); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) start(ctx context.Context, binary string) error {
	root, err := w.box.Vault().Client()
	if err != nil {
		return err
	}
	short := map[string]any{"default_lease_ttl": lease, "max_lease_ttl": lease}
	if _, err := root.Logical().WriteWithContext(ctx, "sys/mounts/"+sandbox.DefaultMount+"/tune", short); err != nil {
		return err
	}
	config, err := rig.Configure(w.box, "soak.hcl", rig.Metrics())
	if err != nil {
		return err
	}
	if w.proxy, err = rig.StartProxy(binary, config); err != nil {
		return err
	}
	return w.box.WaitReady(ctx)
}

// sample is what the proxy takes at one moment.
type sample struct {
	goroutines int
	rig.Usage
}

func (w *world) sample(ctx context.Context) (sample, error) {
	used, err := w.proxy.Usage()
	if err != nil {
		return sample{}, fmt.Errorf("%w\n%s", err, w.proxy.Said())
	}
	values, err := w.proxy.Metrics(ctx, http.DefaultClient, "http://"+w.box.ProxyAddress())
	return sample{int(values["vault_runtime_num_goroutines"]), used}, err
}

func (w *world) close() error {
	var err error
	if w.proxy != nil {
		err = w.proxy.Stop()
	}
	return errors.Join(err, w.box.Close())
}
