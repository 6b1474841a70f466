// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
)

// What the key may do in a second.
const (
	// plenty is more than the clients ask for.
	plenty = 200
	// scarce is a third of what they ask for: calls wait for their slots.
	scarce = 20
)

// roomy is the most headroom that is ever learnt: where Vault, Mashery, the gates
// and the clients share a machine with the proxy, calls do not come as they left.
const roomy = `headroom = "85ms"`

// setup is what a world is made of.
type setup struct {
	sandbox sandbox.Options
	// scarce says that calls wait for their slots.
	scarce bool
	// roles is how many there are, each with a key of its own; 0: one.
	roles int
	// lease is the longest a lease can be; 0: as long as the engine's.
	lease time.Duration
	// edits change the proxy's configuration.
	edits []rig.Edit
	// proxies is how many there are; 0: one.
	proxies int
}

// world is a sandbox with a gate before its Vault and one before its Mashery,
// and the built program before both.
type world struct {
	*sandbox.Sandbox
	root           *api.Client
	vault, mashery *gate
	qps            int
	roles          []string
	lease          time.Duration
	proxies        []*rig.Program
	sockets        []string
	closers        []func() error
}

func newWorld(ctx context.Context, binary string, s setup) (*world, error) {
	w := &world{qps: plenty, roles: []string{"demo"}, lease: s.lease}
	if s.scarce {
		w.qps, s.edits = scarce, append(s.edits, rig.InMashery(roomy))
	}
	if err := w.start(ctx, binary, s); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) start(ctx context.Context, binary string, s setup) error {
	s.sandbox.QPS = w.qps
	var err error
	if w.Sandbox, err = sandbox.Start(ctx, s.sandbox); err != nil {
		return err
	}
	w.closers = append(w.closers, w.Sandbox.Close)
	if w.root, err = w.Vault().Client(); err != nil {
		return err
	}
	if w.vault, err = w.gateBefore(w.Vault().Address()); err != nil {
		return err
	}
	if w.mashery, err = w.gateBefore(w.MasheryURL()); err != nil {
		return err
	}
	if err := w.furnish(ctx, w.root, s.lease); err != nil {
		return err
	}
	for len(w.roles) < s.roles {
		if err := w.addRole(ctx); err != nil {
			return err
		}
	}
	if err := w.audit(ctx); err != nil {
		return err
	}
	for i := range max(1, s.proxies) {
		if err := w.startProxy(ctx, binary, i, s.edits); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) gateBefore(address string) (*gate, error) {
	g, err := newGate(strings.TrimPrefix(address, "http://"))
	if err == nil {
		w.closers = append(w.closers, g.close)
	}
	return g, err
}

// furnish tells a Vault where Mashery is, and how long leases may be.
func (w *world) furnish(ctx context.Context, root *api.Client, lease time.Duration) error {
	_, err := root.Logical().WriteWithContext(ctx, sandbox.DefaultMount+"/config", map[string]any{
		"v2_endpoint":       w.masheryAddress() + "/v2/json-rpc",
		"v3_endpoint":       w.masheryAddress() + "/v3/rest",
		"v3_token_endpoint": w.masheryAddress() + "/v3/token",
	})
	if err != nil || lease == 0 {
		return err
	}
	_, err = root.Logical().WriteWithContext(ctx, "sys/mounts/"+sandbox.DefaultMount+"/tune", map[string]any{
		"default_lease_ttl": lease.String(), "max_lease_ttl": lease.String(),
	})
	return err
}

// addRole makes one more role, with a key of its own.
func (w *world) addRole(ctx context.Context) error {
	role := fmt.Sprintf("role-%d", len(w.roles))
	w.roles = append(w.roles, role)
	return rig.AddRole(ctx, w.Sandbox, w.root, role, w.qps)
}

// masheryAddress is where Mashery is for all but this program.
func (w *world) masheryAddress() string { return "http://" + w.mashery.address }

// startProxy runs a proxy with a socket of its own, and waits until it is logged in.
func (w *world) startProxy(ctx context.Context, binary string, number int, edits []rig.Edit) error {
	name := fmt.Sprintf("proxy-%d", number)
	socket := filepath.Join(w.Dir(), name+".sock")
	config, err := rig.Configure(w.Sandbox, name+".hcl", append([]rig.Edit{
		{Old: w.Vault().Address(), New: "http://" + w.vault.address},
		{Old: w.MasheryURL() + "/v2", New: w.masheryAddress() + "/v2"},
		{Old: w.MasheryURL() + "/v3", New: w.masheryAddress() + "/v3"},
		{Old: w.Socket(), New: socket},
		{Old: w.ProxyAddress(), New: "127.0.0.1:0"},
	}, edits...)...)
	if err != nil {
		return err
	}
	proxy, err := rig.StartProxy(binary, config)
	if err != nil {
		return err
	}
	w.proxies, w.sockets = append(w.proxies, proxy), append(w.sockets, socket)
	w.closers = append(w.closers, proxy.Stop)
	return w.firstCalls(ctx, proxy, socket)
}

// firstCalls waits until calls of both APIs are served.
func (w *world) firstCalls(ctx context.Context, proxy *rig.Program, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	door := rig.Door(socket, endless)
	defer door.CloseIdleConnections()
	for _, v2 := range []bool{false, true} {
		for probe := (&call{role: w.roles[0], v2: v2}); ; {
			err := probe.make(door)
			if err == nil {
				break
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-proxy.Ended():
				return fmt.Errorf("mashproxy ended:\n%s", proxy.Said())
			case <-ctx.Done():
				return fmt.Errorf("mashproxy serves no calls: %w\n%s", err, proxy.Said())
			}
		}
	}
	return nil
}

// said is the end of what the proxies have written.
func (w *world) said() string {
	var text strings.Builder
	for _, proxy := range w.proxies {
		text.WriteString(proxy.Said())
	}
	return text.String()
}

func (w *world) close() error {
	var errs []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	return errors.Join(errs...)
}

// pause lets the clients call for a while.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
