// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/cli"

	"mashproxy/agentext"
	"mashproxy/agentext/config"
)

// Exit codes of mashproxy can, beside 0 for a call that is allowed.
const (
	exitDenied  = 1 // the call would be refused
	exitUntold  = 2 // it cannot be told: flags, configuration or login
	exitByVault = 3 // Vault decides
)

// canTime bounds a whole run: a login, and a few questions to Vault.
const canTime = 30 * time.Second

type canCommand struct{ ui cli.Ui }

func (c *canCommand) Synopsis() string { return "Say whether a call is allowed, without making it" }

func (c *canCommand) Help() string {
	set, _ := c.flags()
	return "Usage: mashproxy can -config=FILE [options] <VERB> <path> [body]\n\n" +
		"  Says whether the proxy would make a call, and by which rule it would or would\n" +
		"  not. Nothing is sent to Mashery, and no grant is read.\n\n" +
		"  <path> is that of the request: /v1/mash-creds/roles/demo/proxy/v3/services?limit=1.\n" +
		"  With -role it is what follows the role (proxy/v2) or a V3 path (services).\n" +
		"  [body] is a text, @FILE for what a file holds, or - for stdin.\n\n" +
		"  It logs in to Vault as the proxy would, and revokes its token afterwards. What\n" +
		"  the proxy logs in with stays in its files. A secret ID that may be used once\n" +
		"  only would be used up: give -token-file then.\n\n" +
		"  The options of mashproxy proxy for its log and its end are taken, too. They\n" +
		"  change nothing here.\n\n" +
		"  Exit codes: 0 allowed, 1 denied, 2 it cannot be told, 3 Vault decides.\n\n" +
		"Options:\n\n" + flagHelp(set)
}

// canFlags are the flags of the command, as far as they are not config.Flags.
type canFlags struct {
	config.Flags
	paths     []string
	role      string
	mount     string
	listener  string
	headers   []string
	tokenFile string
	format    string
}

func (c *canCommand) flags() (*flag.FlagSet, *canFlags) {
	f := &canFlags{}
	set := flag.NewFlagSet("can", flag.ContinueOnError)
	set.Func("config", "`path` of a configuration file or folder; may be given several times", func(path string) error {
		f.paths = append(f.paths, path)
		return nil
	})
	f.RegisterVault(set)
	set.StringVar(&f.role, "role", "", "`name` of the role whose call it is")
	set.StringVar(&f.mount, "mount", "", "`path` of the role's mount with its namespace, where the file has several mashery blocks")
	set.StringVar(&f.listener, "listener", "", "`address` of the listener the call comes in by, as the file has it; all of them otherwise")
	set.Func("header", "`header` of the request, such as \"X-Vault-Wrap-TTL: 60\"; may be given several times", func(line string) error {
		f.headers = append(f.headers, line)
		return nil
	})
	set.StringVar(&f.tokenFile, "token-file", "", "`file` with a Vault token, such as a sink's, that is used in place of a login")
	set.StringVar(&f.format, "format", "text", "`form` of the answer: text or json")
	return set, f
}

func (c *canCommand) Run(args []string) int {
	set, f := c.flags()
	f.RegisterProcess(set)
	code, done := parseOptions(c.ui, set, args, c.Help)
	if done {
		return code * exitUntold // help is 0
	}
	report, err := c.answer(f, set.Args())
	if err != nil {
		c.ui.Error(strings.TrimRight(err.Error(), "\n"))
		return exitUntold
	}
	said := report.text()
	if f.format == "json" {
		said = report.json()
	}
	// Who reads the exit code alone must not take it for an answer that was given.
	if _, err := fmt.Fprintln(os.Stdout, said); err != nil {
		c.ui.Error(fmt.Sprintf("the answer could not be written: %s", err))
		return exitUntold
	}
	return report.exitCode()
}

// answer finds out what would become of the call.
func (c *canCommand) answer(f *canFlags, args []string) (*report, error) {
	call, err := readCall(f, args)
	if err != nil {
		return nil, err
	}
	forgetUnused()
	settings, warnings, err := config.Load(f.paths, environment(f.Flags))
	if err != nil {
		return nil, err
	}
	for _, warning := range warnings {
		c.ui.Warn(fmt.Sprintf("%s: %s (%s)", warning.Subject, warning.Summary, warning.Detail))
	}
	if err := call.locate(settings, f); err != nil {
		return nil, err
	}
	forgetConfigured()
	ctx, stop := untilSignal()
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, canTime)
	defer cancel()
	inquiry, err := agentext.Inquire(ctx, settings, agentext.InquiryOptions{Version: version(), TokenFile: f.tokenFile})
	if err != nil {
		return nil, err
	}
	report, err := call.ask(ctx, inquiry, f.listener)
	if failed := inquiry.Close(); failed != nil {
		fmt.Fprintln(os.Stderr, failed)
	}
	return report, err
}
