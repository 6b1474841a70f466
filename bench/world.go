// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/hashicorp/vault/api"

	"mashproxy/bench/rig"
	"mashproxy/sandbox"
)

// call is what every target is asked for.
const call = "services?limit=5"

// forwardedRole is the role that mashproxy leaves to Vault.
const forwardedRole = "forwarded"

// world is everything that runs.
type world struct {
	programs programs
	qps      int    // calls are paced at it
	upstream string // its address
	box      *sandbox.Sandbox
	root     *api.Client
	targets  []target
	closers  []func() error
}

// programs are the paths of what is measured.
type programs struct{ proxy, peer string }

// open starts an upstream, a bare reverse proxy before it, a sandbox whose
// calls go to the same upstream, and mashproxy.
func open(ctx context.Context, p programs, qps int) (*world, error) {
	w := &world{programs: p, qps: qps}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) start(ctx context.Context) error {
	upstream, upstreamURL, err := startPeer(ctx, w.programs.peer, "upstream")
	if err != nil {
		return err
	}
	w.upstream = upstreamURL
	w.closers = append(w.closers, upstream.Stop)
	bare, bareURL, err := startPeer(ctx, w.programs.peer, "reverseproxy", upstreamURL)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, bare.Stop)
	if err := w.startSandbox(ctx); err != nil {
		return err
	}
	proxy, proxyURL, err := w.startProxy(ctx)
	if err != nil {
		return err
	}
	ofBare := func(ctx context.Context) (float64, error) { return peerMallocs(ctx, bareURL) }
	ofProxy := func(ctx context.Context) (float64, error) { return proxyMallocs(ctx, proxy, proxyURL) }
	for _, t := range []struct {
		name, url string
		proxy     *rig.Program
		mallocs   func(context.Context) (float64, error)
	}{
		{"direct", upstreamURL + "/v3/rest/" + call, nil, nil},
		{baseline, bareURL + "/v3/rest/" + call, bare, ofBare},
		{local, proxyURL + localPath("demo"), proxy, ofProxy},
		{"mashproxy, forwarded", proxyURL + localPath(forwardedRole), proxy, ofProxy},
	} {
		address, err := url.Parse(t.url)
		if err != nil {
			return err
		}
		w.targets = append(w.targets, target{t.name, address, t.proxy, t.mallocs})
	}
	return nil
}

const (
	// baseline is what the others are compared with.
	baseline = "httputil.ReverseProxy"
	// local is what mashproxy serves itself.
	local = "mashproxy, local"
)

func localPath(role string) string {
	return "/v1/" + sandbox.DefaultMount + "/roles/" + role + "/proxy/v3/" + call
}

func (w *world) startSandbox(ctx context.Context) error {
	var err error
	if w.box, err = sandbox.Start(ctx, sandbox.Options{QPS: w.qps}); err != nil {
		return err
	}
	w.closers = append(w.closers, w.box.Close)
	if w.root, err = w.box.Vault().Client(); err != nil {
		return err
	}
	if _, err = w.root.Logical().WriteWithContext(ctx, sandbox.DefaultMount+"/config", map[string]any{"v3_endpoint": w.upstream + "/v3/rest"}); err != nil {
		return err
	}
	return rig.WriteRole(ctx, w.root, forwardedRole, w.box.Credentials(), w.qps)
}

// startProxy runs mashproxy with everything on: policy enforced, calls paced,
// metrics kept.
func (w *world) startProxy(ctx context.Context) (*rig.Program, string, error) {
	config, err := rig.Configure(w.box, "bench.hcl", rig.Metrics(), atUpstream(w.box, w.upstream),
		rig.InMashery(fmt.Sprintf("forward_roles = [%q]", forwardedRole), fmt.Sprintf("qps = %d", w.qps)))
	if err != nil {
		return nil, "", err
	}
	proxy, err := rig.StartProxy(w.programs.proxy, config)
	if err != nil {
		return nil, "", err
	}
	w.closers = append(w.closers, proxy.Stop)
	return proxy, "http://" + w.box.ProxyAddress(), w.box.WaitReady(ctx)
}

// atUpstream sends V3 calls there.
func atUpstream(box *sandbox.Sandbox, upstreamURL string) rig.Edit {
	return rig.Edit{Old: box.MasheryURL() + "/v3/rest", New: upstreamURL + "/v3/rest"}
}

func (w *world) close() error {
	var errs []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	return errors.Join(errs...)
}
