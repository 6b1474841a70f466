// SPDX-License-Identifier: MPL-2.0

// Command peer is what the program is measured against and with, each as a
// process of its own and without anything of Vault's in it: a bare reverse
// proxy, and a lean upstream.
//
//	peer upstream
//	peer reverseproxy http://127.0.0.1:PORT
//
// It prints where it listens, and ends when it is interrupted.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	switch {
	case len(args) == 1 && args[0] == "upstream":
		go func() { failed <- serveUpstream(listener) }()
	case len(args) == 2 && args[0] == "reverseproxy":
		go func() { failed <- serveReverseProxy(listener, args[1]) }()
	default:
		return errors.New("use: peer upstream, or peer reverseproxy ADDRESS")
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	fmt.Println("listens on http://" + listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-interrupted:
		return nil
	}
}
