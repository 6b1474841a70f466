// SPDX-License-Identifier: MPL-2.0

// Command mashproxy runs in place of vault proxy, and serves Mashery calls.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/cli"
)

func main() { os.Exit(run(os.Args[1:])) }

// Exit codes beside 0.
const (
	exitFailure = 1 // it did not start, or ended by an error; flags are wrong
	exitConfig  = 2 // the configuration is wrong; nothing was started
)

func run(args []string) int {
	ui := &cli.BasicUi{Writer: os.Stdout, ErrorWriter: os.Stderr}
	program := cli.NewCLI("mashproxy", version())
	program.Args = args
	program.HelpWriter = os.Stdout
	program.ErrorWriter = os.Stderr
	program.Commands = map[string]cli.CommandFactory{
		"proxy":   func() (cli.Command, error) { return &proxyCommand{ui: ui}, nil },
		"can":     func() (cli.Command, error) { return &canCommand{ui: ui}, nil },
		"dev":     func() (cli.Command, error) { return &devCommand{ui: ui}, nil },
		"version": func() (cli.Command, error) { return &versionCommand{ui: ui}, nil },
	}
	code, err := program.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}
