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
	"time"

	"github.com/hashicorp/cli"
	"github.com/hashicorp/go-hclog"

	"mashproxy/agentext"
	"mashproxy/agentext/config"
)

type proxyCommand struct{ ui cli.Ui }

func (c *proxyCommand) Synopsis() string { return "Run the proxy, in place of vault proxy" }

func (c *proxyCommand) Help() string {
	set, _ := c.flags()
	return "Usage: mashproxy proxy -config=FILE [options]\n\n" +
		"  Runs in place of vault proxy, with the same configuration file. Calls to the\n" +
		"  …/roles/<role>/proxy/… paths of the mounts that have a mashery block are\n" +
		"  signed and sent to Mashery from here; everything else goes on to Vault.\n\n" +
		"  A flag wins over the environment (VAULT_ADDR, VAULT_CACERT, …), which wins\n" +
		"  over the file. VAULT_TOKEN, VAULT_AGENT_ADDR, VAULT_PROXY_ADDR and\n" +
		"  VAULT_WRAP_TTL are not used.\n\n" +
		"  Exit codes: 0 ended as asked, 1 it could not start or failed, 2 the\n" +
		"  configuration is wrong.\n\nOptions:\n\n" + flagHelp(set)
}

// proxyFlags are the flags of the command, as far as they are not config.Flags.
type proxyFlags struct {
	config.Flags
	paths       []string
	combineLogs bool
}

func (c *proxyCommand) Run(args []string) int {
	set, f := c.flags()
	if code, done := parseFlags(c.ui, set, args, c.Help); done {
		return code
	}
	if len(f.paths) == 0 {
		c.ui.Error("-config=FILE is missing; name at least one file or folder")
		return exitFailure
	}
	forgetUnused()
	logs := io.Writer(os.Stderr)
	if f.combineLogs {
		logs = os.Stdout
	}
	ctx, stop := untilSignal()
	defer stop()
	proxy, err := startProxy(f.paths, f.Flags, 0, logs)
	if err != nil {
		return c.failed(err)
	}
	c.ui.Output("==> mashproxy " + version() + " started! " + doors(proxy.Listeners()) + "\n")
	if err := proxy.run(ctx); err != nil {
		c.ui.Error(err.Error())
		return exitFailure
	}
	return 0
}

// doors says where it listens, if anywhere: it may be there for its sinks alone.
func doors(listeners []string) string {
	if len(listeners) == 0 {
		return "It listens nowhere."
	}
	return "It listens on:\n\n    " + strings.Join(listeners, "\n    ")
}

func (c *proxyCommand) failed(err error) int {
	c.ui.Error(strings.TrimRight(err.Error(), "\n"))
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return exitConfig
	}
	return exitFailure
}

// runningProxy is a proxy whose listeners are bound.
type runningProxy struct {
	*agentext.Proxy
	hangup chan os.Signal
}

// startProxy reads the configuration and binds the listeners; drain 0 is the usual
// time for requests under way at the end.
func startProxy(paths []string, flags config.Flags, drain time.Duration, logs io.Writer) (*runningProxy, error) {
	c, log, err := loadConfig(paths, flags, logs)
	if err != nil {
		return nil, err
	}
	forgetConfigured()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	proxy, err := agentext.New(c, agentext.Options{
		Version: version(), Logger: log, Reload: hangup, Drain: drain,
		Load: func() (*config.Config, error) {
			fresh, _, err := config.Load(paths, environment(flags))
			return fresh, err
		},
	})
	if err != nil {
		signal.Stop(hangup)
		return nil, err
	}
	return &runningProxy{Proxy: proxy, hangup: hangup}, nil
}

func (p *runningProxy) run(ctx context.Context) error {
	defer signal.Stop(p.hangup)
	return errors.Join(p.Run(ctx), p.Close())
}

// forget unsets variables that Vault's client would read, whatever the
// configuration says.
func forget(variables ...string) {
	for _, name := range variables {
		_ = os.Unsetenv(name) // fails for no name of ours
	}
}

// forgetUnused forgets what Vault's command line would use and this does not.
func forgetUnused() {
	forget("VAULT_TOKEN", "VAULT_AGENT_ADDR", "VAULT_PROXY_ADDR", "VAULT_WRAP_TTL")
}

// forgetConfigured forgets what is in a configuration once that is read, as far
// as no flag wins over it.
func forgetConfigured() {
	forget("VAULT_CACERT", "VAULT_CAPATH", "VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY", "VAULT_TLS_SERVER_NAME", "VAULT_SKIP_VERIFY")
}

// environment is what there is beside the files.
func environment(flags config.Flags) config.Options {
	return config.Options{LookupEnv: os.LookupEnv, Flags: flags}
}

// loadConfig reads and checks everything, and tells the warnings.
func loadConfig(paths []string, flags config.Flags, logs io.Writer) (*config.Config, hclog.Logger, error) {
	c, warnings, err := config.Load(paths, environment(flags))
	if err != nil {
		return nil, nil, err
	}
	log, err := agentext.NewLogger(c.Vault.SharedConfig, logs)
	if err != nil {
		return nil, nil, err
	}
	for _, warning := range warnings {
		log.Warn("configuration: "+warning.Summary, "detail", warning.Detail, "at", fmt.Sprint(warning.Subject))
	}
	return c, log, nil
}

func (c *proxyCommand) flags() (*flag.FlagSet, *proxyFlags) {
	f := &proxyFlags{}
	set := flag.NewFlagSet("proxy", flag.ContinueOnError)
	set.Func("config", "`path` of a configuration file or folder; may be given several times", func(path string) error {
		f.paths = append(f.paths, path)
		return nil
	})
	f.Register(set)
	set.BoolVar(&f.combineLogs, "combine-logs", false, "log to stdout instead of stderr")
	set.Bool("disable-gated-logs", false, "accepted as vault proxy does; logs are never held back here")
	return set, f
}
