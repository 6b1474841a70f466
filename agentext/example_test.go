// SPDX-License-Identifier: MPL-2.0

package agentext_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"mashproxy/agentext"
	"mashproxy/agentext/config"
)

// A proxy is a checked configuration, assembled and run until its context ends.
func Example() {
	c, _, err := config.Load([]string{"/etc/mashproxy/mashproxy.hcl"}, config.Options{LookupEnv: os.LookupEnv})
	if err != nil {
		fmt.Println(err) // all problems, each with its place
		return
	}
	log, err := agentext.NewLogger(c.Vault.SharedConfig, os.Stderr)
	if err != nil {
		fmt.Println(err)
		return
	}
	proxy, err := agentext.New(c, agentext.Options{Version: "1.0.0", Logger: log})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Println(proxy.Run(ctx))
}
