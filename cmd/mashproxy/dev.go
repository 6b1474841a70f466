// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/cli"
	"github.com/hashicorp/go-hclog"

	"mashproxy/agentext/config"
	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

// readyTimeout bounds the start of the sandbox's proxy.
const readyTimeout = 30 * time.Second

type devCommand struct{ ui cli.Ui }

type devFlags struct {
	sandbox.Options
	level string
	smoke bool
}

func (c *devCommand) Synopsis() string {
	return "Run the proxy against a sandbox: a real Vault and an emulated Mashery"
}

func (c *devCommand) Help() string {
	set, _ := c.flags()
	return "Usage: mashproxy dev [options]\n\n" +
		"  Starts, in this one process and on this machine only, a real Vault in memory\n" +
		"  with the Mashery secrets engine, an emulated Mashery, and the proxy itself on\n" +
		"  the files a user would write. Prints where everything is and calls to try.\n" +
		"  Ctrl-C ends it.\n\nOptions:\n\n" + flagHelp(set)
}

func (c *devCommand) flags() (*flag.FlagSet, *devFlags) {
	f := &devFlags{}
	set := flag.NewFlagSet("dev", flag.ContinueOnError)
	set.StringVar(&f.ProxyListen, "listen", "127.0.0.1:8300", "`address` of the proxy's tcp listener; port 0 picks a free one")
	set.StringVar(&f.VaultListen, "vault-listen", "127.0.0.1:8200", "`address` of the sandbox's Vault; port 0 picks a free one")
	set.StringVar(&f.MasheryListen, "mashery-listen", "127.0.0.1:8400", "`address` of the emulated Mashery; port 0 picks a free one")
	set.StringVar(&f.MasheryAdminListen, "mashery-admin-listen", "127.0.0.1:0", "`address` where the emulated Mashery is told to fail, and shows what it counted; port 0 picks a free one")
	set.Func("fault", "a `fault` of the emulated Mashery from the start, such as over_qps,for=10s; may be repeated, docs/sandbox.md lists them", f.addFault)
	set.StringVar(&f.Dir, "dir", "", "`folder` for the configuration and key files; made when absent, and kept (default: a temporary one, removed at the end)")
	set.IntVar(&f.QPS, "qps", sandbox.DefaultQPS, "calls a second of the role demo, and of its key at the emulated Mashery")
	set.IntVar(&f.Quota, "quota", sandbox.DefaultQuota, "calls a day of that key")
	set.BoolVar(&f.MasheryTLS, "mashery-tls", false, "serve the emulated Mashery by TLS, with a throw-away authority that the secrets engine and the proxy are told to trust")
	set.StringVar(&f.level, "log-level", "warn", "log `level` of proxy and sandbox: trace, debug, info, warn or error")
	set.BoolVar(&f.smoke, "smoke", false, "make the calls that are printed, show their answers, and exit: 0 only if all were right")
	return set, f
}

func (f *devFlags) addFault(text string) error {
	fault, err := emulator.ParseFault(text)
	f.Faults = append(f.Faults, fault)
	return err
}

// validate says what is wrong with flags that the sandbox does not see, or takes
// for what is usual.
func (f *devFlags) validate() error {
	switch {
	case hclog.LevelFromString(f.level) == hclog.NoLevel:
		return fmt.Errorf("-log-level=%s is not a level; use trace, debug, info, warn or error", f.level)
	case f.QPS == 0:
		return errors.New("-qps=0: it must be a positive number")
	case f.Quota == 0:
		return errors.New("-quota=0: it must be a positive number")
	}
	return nil
}

func (c *devCommand) Run(args []string) int {
	set, f := c.flags()
	if code, done := parseFlags(c.ui, set, args, c.Help); done {
		return code
	}
	if err := f.validate(); err != nil {
		c.ui.Error(err.Error())
		return exitFailure
	}
	clearVaultEnvironment() // or a user's own VAULT_ADDR would win over the sandbox's file
	ctx, stop := untilSignal()
	defer stop()
	if err := runDev(ctx, f, os.Stdout); err != nil {
		c.ui.Error(err.Error())
		return exitFailure
	}
	return 0
}

// devDrain is how long calls have when dev is ended: who ends it sits before it.
const devDrain = 200 * time.Millisecond

// runDev runs the sandbox and the proxy on its files until ctx ends, or with
// -smoke until the calls are made.
func runDev(ctx context.Context, f *devFlags, out io.Writer) (err error) {
	f.Logger = sandboxLogger(hclog.LevelFromString(f.level))
	box, err := sandbox.Start(ctx, f.Options)
	if err != nil && ctx.Err() != nil {
		return nil // Ctrl-C; what was started is closed again
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close()) }()

	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	started, err := startProxy([]string{box.ConfigFile()}, config.Flags{LogLevel: &f.level}, devDrain, os.Stderr)
	if err != nil {
		cancel()
		return err
	}
	go func() { ended <- started.run(ctx); cancel() }()
	defer func() { cancel(); err = errors.Join(err, <-ended) }()

	if err := waitReady(ctx, box); err != nil {
		if context.Cause(ctx) != nil {
			return nil // Ctrl-C, or the proxy ended with an error of its own
		}
		return err
	}
	if err := box.Banner(out); err != nil {
		return err
	}
	if f.smoke {
		return box.Smoke(ctx, out)
	}
	<-ctx.Done()
	return nil
}

// sandboxLogger logs what the sandbox's Vault says of itself only to those who
// want to know more than what goes wrong: at "warn" and "error" it complains of
// its own start and end.
func sandboxLogger(level hclog.Level) hclog.Logger {
	if level >= hclog.Warn {
		return nil
	}
	return hclog.New(&hclog.LoggerOptions{Name: "sandbox", Level: level, Output: os.Stderr})
}

func waitReady(ctx context.Context, box *sandbox.Sandbox) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return box.WaitReady(ctx)
}

// clearVaultEnvironment forgets every VAULT_ variable.
func clearVaultEnvironment() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "VAULT_") {
			_ = os.Unsetenv(name) // cannot fail for a name that is set
		}
	}
}
