// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/hashicorp/cli"
)

// parseFlags parses the arguments of a command that has options only. done
// tells that there is nothing more to do: help was asked for, or one is wrong.
func parseFlags(ui cli.Ui, set *flag.FlagSet, args []string, help func() string) (code int, done bool) {
	if code, done = parseOptions(ui, set, args, help); done || set.NArg() == 0 {
		return code, done
	}
	ui.Error(fmt.Sprintf("%q is not an option; options begin with a dash, see mashproxy %s -help", set.Arg(0), set.Name()))
	return exitFailure, true
}

// parseOptions parses the options before a command's other arguments.
func parseOptions(ui cli.Ui, set *flag.FlagSet, args []string, help func() string) (code int, done bool) {
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		ui.Output(help())
		return 0, true
	case err != nil:
		ui.Error(fmt.Sprintf("%s; see mashproxy %s -help", err, set.Name()))
		return exitFailure, true
	}
	return 0, false
}

// flagHelp lists the flags of a set, one paragraph each.
func flagHelp(set *flag.FlagSet) string {
	var out strings.Builder
	set.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		name := "-" + f.Name
		if value != "" {
			name += "=" + value
		}
		fmt.Fprintf(&out, "  %s\n      %s", name, usage)
		if f.DefValue != "" && f.DefValue != "false" {
			fmt.Fprintf(&out, " (default: %s)", f.DefValue)
		}
		out.WriteString("\n\n")
	})
	return strings.TrimRight(out.String(), "\n")
}

// untilSignal is a context that ends with Ctrl-C or SIGTERM. A second signal
// ends the process at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
