// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

// Tools are what a command of this module works with.
type Tools struct {
	// Dir is a folder for what it makes; it is removed at the end.
	Dir string
	// Mashproxy is the program it is about.
	Mashproxy string
}

// Main is the main function of a command that runs mashproxy: it adds -binary to
// the command's flags, builds mashproxy where that names none, and runs until the
// end or Ctrl-C. An error is printed, and the exit code is then 1.
func Main(run func(context.Context, Tools) error) {
	binary := flag.String("binary", "", "`path` of a mashproxy that is built; default: it is built")
	flag.Parse()
	if err := withTools(*binary, run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func withTools(binary string, run func(context.Context, Tools) error) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "mashproxy-rig-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	os.Setenv("STATE_DIRECTORY", dir)
	if binary == "" {
		binary = filepath.Join(dir, "mashproxy")
		if err := Build(ctx, "mashproxy/cmd/mashproxy", binary); err != nil {
			return err
		}
	}
	return run(ctx, Tools{Dir: dir, Mashproxy: binary})
}
