// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"mashproxy/bench/rig"
)

// target is something the same call can be made to.
type target struct {
	name string
	url  *url.URL
	// proxy is the process that is measured; nil: there is none on the way.
	proxy *rig.Program
	// mallocs is how often that has allocated so far.
	mallocs func(context.Context) (float64, error)
}

// listens is what a process says when it listens.
var listens = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)`)

// startPeer starts a process of the command bench/peer, and returns where it is.
func startPeer(ctx context.Context, path string, args ...string) (*rig.Program, string, error) {
	peer, err := rig.Start(path, args...)
	if err != nil {
		return nil, "", err
	}
	found, err := peer.Await(ctx, listens)
	if err != nil {
		return nil, "", err
	}
	return peer, found[1], nil
}

// peerMallocs is how often a reverse proxy has allocated.
func peerMallocs(ctx context.Context, base string) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/mallocs", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(text), 64)
}

// gaugeInterval is how often go-metrics reads the runtime's counters.
const gaugeInterval = time.Second

// proxyMallocs is how often mashproxy has allocated, once its gauges tell it.
func proxyMallocs(ctx context.Context, proxy *rig.Program, base string) (float64, error) {
	select {
	case <-time.After(gaugeInterval + gaugeInterval/5):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	values, err := proxy.Metrics(ctx, http.DefaultClient, base)
	if err != nil {
		return 0, err
	}
	mallocs, told := values["vault_runtime_malloc_count"]
	if !told {
		return 0, fmt.Errorf("the metrics do not hold vault_runtime_malloc_count")
	}
	return mallocs, nil
}
