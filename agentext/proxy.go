// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/helper/metricsutil"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/oklog/run"

	"mashproxy/agentext/admin"
	"mashproxy/agentext/apierror"
	"mashproxy/agentext/config"
	"mashproxy/agentext/intercept"
	"mashproxy/agentext/listener"
	"mashproxy/mashery"
)

// startTime is how long the start takes at most, normally: from then on the
// program is what it stays.
const startTime = time.Second

// Options are what a proxy needs beside its configuration.
type Options struct {
	// Version is told in X-Proxy-Mode.
	Version string
	Logger  hclog.Logger
	// Reload is received from when certificates, the log level, local rules, tls
	// blocks and the token's policies are to be read again; nil: never.
	Reload <-chan os.Signal
	// Drain is how long requests under way have when the program stops; 0: 5 s.
	Drain time.Duration
	// Load reads the configuration anew for a reload; nil: what is taken from it
	// stays.
	Load func() (*config.Config, error)
}

// Proxy is a mashproxy that is ready to run: its listeners are bound.
type Proxy struct {
	config    *config.Config
	options   Options
	app       *application
	admin     *admin.Admin
	listeners []*listener.Listener
	budgets   *mashery.Budgets
	load      load
	started   time.Time
	quit      chan struct{}
	log       hclog.Logger

	removePidFile func() error // nil before it is written
}

// New assembles a proxy out of a checked configuration, binds its listeners
// and writes the pid file. Nothing is sent anywhere before Run. The caller runs
// Close.
func New(c *config.Config, o Options) (*Proxy, error) {
	p := &Proxy{config: c, options: o, budgets: mashery.NewBudgets(), started: time.Now(), quit: make(chan struct{}), log: o.Logger}
	if err := p.assemble(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Proxy) assemble() error {
	client, err := vaultClient(p.config)
	if err != nil {
		return err
	}
	helper, err := telemetry(p.config.Vault.SharedConfig)
	if err != nil {
		return err
	}
	warnOfReveal(p.config, p.log)
	p.app, err = newApplication(shared{
		config: p.config, client: client, budgets: p.budgets, load: &p.load, version: p.options.Version, logger: p.log,
	})
	if err != nil {
		return err
	}
	p.budgets.Observer = countPacing()
	p.admin = admin.New(p.administration(helper))
	if err := p.listen(); err != nil {
		return err
	}
	p.removePidFile, err = writePidFile(p.config.Vault.PidFile)
	return err
}

// administration is what the paths below /proxy/v1/ are served from.
func (p *Proxy) administration(helper *metricsutil.MetricsHelper) admin.Config {
	c := admin.Config{Metrics: helper, Count: p.load.count, CacheClear: p.app.forwarder.CacheClear(), Quit: func() { close(p.quit) }}
	if p.app.grants != nil {
		c.Grants, c.Status = p.app.grants, p.status
	}
	return c
}

// listen binds every listener of the file.
func (p *Proxy) listen() error {
	for i, c := range p.config.Vault.Listeners {
		l, err := listener.Open(c, listener.Options{
			Handler: p.handler(c, doorOf(p.config, i)),
			Guarded: len(p.config.Mashery) > 0,
			Drain:   p.options.Drain,
			Logger:  p.log.Named("listener"),
		})
		if err != nil {
			return err
		}
		p.listeners = append(p.listeners, l)
	}
	return nil
}

// handler is what a request to a listener goes through, outermost last.
func (p *Proxy) handler(c *configutil.Listener, door *intercept.Listener) http.Handler {
	served := p.admin.Handler(admin.Listener{
		Quit:        c.ProxyAPI != nil && c.ProxyAPI.EnableQuit,
		MetricsOnly: metricsOnly(c),
	}, p.app.forward())
	if p.app.local != nil && !metricsOnly(c) {
		served = p.app.local.Before(door, served)
	}
	guarded := listener.RequireHeader(served, c)
	source := []string{apierror.FromMashproxy} // shared, so never changed
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.app.local != nil {
			w.Header()[apierror.SourceHeader] = source // unless it is said otherwise
		}
		if p.app.local == nil && withoutHeader(r.URL.Path) {
			served.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// withoutHeader tells the paths that Vault Proxy serves without the header that it
// requires (require_request_header).
func withoutHeader(path string) bool {
	return path == consts.ProxyPathMetrics || path == consts.ProxyPathCacheClear || path == consts.ProxyPathQuit
}

// doorOf is a listener of the configuration, as what serves calls knows it.
func doorOf(c *config.Config, i int) *intercept.Listener {
	return &intercept.Listener{Name: c.Vault.Listeners[i].Address, Number: i}
}

// metricsOnly tells a listener that serves metrics and no calls.
func metricsOnly(c *configutil.Listener) bool { return c.Role == "metrics_only" }

// Run logs in and serves until ctx ends, quit is asked for, or a part fails.
func (p *Proxy) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group run.Group
	add := func(part func(context.Context) error) {
		group.Add(func() error { return part(ctx) }, func(error) { cancel() })
	}
	add(p.waitForEnd)
	add(p.reloads)
	p.addApplication(add)
	for _, l := range p.listeners {
		add(l.Serve)
	}
	add(p.afterStart)
	add(p.load.watch)
	p.notify(daemon.SdNotifyReady)
	return group.Run()
}

func (p *Proxy) addApplication(add func(func(context.Context) error)) {
	if login := p.app.login; login != nil {
		add(login.RunHandler)
		add(login.RunSinks)
		add(func(ctx context.Context) error {
			p.app.forwarder.Update(ctx, login.Identity)
			return nil
		})
	}
	if p.app.policies != nil {
		add(p.app.policies.Run)
	}
}

// afterStart gives back what only the start needed.
func (p *Proxy) afterStart(ctx context.Context) error {
	select {
	case <-time.After(startTime):
		if err := letGo(); err != nil {
			p.log.Debug("memory is not given back", "error", err)
		}
		<-ctx.Done()
	case <-ctx.Done():
	}
	return nil
}

func (p *Proxy) waitForEnd(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-p.quit:
		p.log.Info("quit was asked for")
	}
	p.notify(daemon.SdNotifyStopping) // listeners still answer what is under way
	return nil
}

// Listeners tells where the proxy listens, such as unix:///run/x.sock.
func (p *Proxy) Listeners() (addresses []string) {
	for _, l := range p.listeners {
		addresses = append(addresses, l.String())
	}
	return addresses
}

// Close gives up listeners, pid file and what else is held.
func (p *Proxy) Close() error {
	var failed error
	for _, l := range p.listeners {
		failed = errors.Join(failed, l.Close())
	}
	if p.app != nil {
		failed = errors.Join(failed, p.app.close())
	}
	if p.removePidFile != nil {
		failed = errors.Join(failed, p.removePidFile())
	}
	return failed
}

func (p *Proxy) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		p.log.Error("systemd could not be told", "state", state, "error", err)
	}
}
