// SPDX-License-Identifier: MPL-2.0

// Command soak lets mashproxy serve steady calls on leases of 10 s, and prints
// what it takes meanwhile: its goroutines, and its memory. Both should stay flat.
// Run it from the module's folder: `make soak`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"mashproxy/bench/rig"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() (err error) {
	var p plan
	flag.DurationVar(&p.lasts, "for", 10*time.Minute, "how long it runs")
	flag.DurationVar(&p.every, "every", 30*time.Second, "time from one line to the next")
	binary := flag.String("binary", "", "`path` of a mashproxy that is built; default: it is built")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "mashproxy-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if *binary == "" {
		*binary = filepath.Join(dir, "mashproxy")
		if err := rig.Build(ctx, "mashproxy/cmd/mashproxy", *binary); err != nil {
			return err
		}
	}
	w, err := open(ctx, *binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	return p.run(ctx, w)
}
