// SPDX-License-Identifier: MPL-2.0

// Package listener opens the tcp and unix sockets of a configuration file, and
// keeps out who may not talk to them.
//
// A tcp listener is what Vault Proxy makes of the same block (StartListener in
// command/agentproxyshared/cache). A unix listener takes socket_mode,
// socket_user and socket_group each for itself, and refuses to start where
// Vault Proxy ignores them.
package listener

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/internalshared/configutil"

	"mashproxy/agentext/apierror"
)

// Time-outs of a connection. Bodies may take as long as they need: neither
// Vault Proxy's 30 s for a request nor a limit for answers.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 5 * time.Minute
	// drainTime is how long requests under way have when the program stops, normally,
	// and closeTimeout what they have then to say that they were not answered.
	drainTime    = 5 * time.Second
	closeTimeout = time.Second
)

// Options are what a Listener needs beside its block of the file.
type Options struct {
	// Handler serves the requests.
	Handler http.Handler

	// Guarded says that callers need no credential of their own, as in every
	// file with a mashery block: a tcp listener then is Guarded, and refused
	// when CheckExposure refuses it.
	Guarded bool

	// Drain is how long requests under way have when Serve is told to end; 0: 5 s.
	Drain time.Duration

	// Logger is told at debug level of what goes wrong on connections; nil is silent.
	Logger hclog.Logger
}

// A Listener is an open socket with its HTTP server.
type Listener struct {
	config *configutil.Listener
	socket net.Listener // without TLS
	server *http.Server
	tls    *tls.Config  // nil without; http.Server makes one for its own use
	reload func() error // reads the certificate again; nil without TLS
	log    hclog.Logger
	close  func() error
	drain  time.Duration
}

// Open binds the socket of a configuration's listener block. Errors name the
// listener. Nothing is accepted before Serve.
func Open(config *configutil.Listener, o Options) (*Listener, error) {
	l := &Listener{config: config, log: o.Logger, drain: cmp.Or(o.Drain, drainTime)}
	if l.log == nil {
		l.log = hclog.NewNullLogger()
	}
	if err := l.open(o); err != nil {
		if l.socket != nil {
			err = errors.Join(err, l.socket.Close())
		}
		return nil, l.named(err)
	}
	return l, nil
}

// named says which listener err is about.
func (l *Listener) named(err error) error {
	return fmt.Errorf("listener %q at %s: %w", l.config.Type, address(l.config), err)
}

func (l *Listener) open(o Options) error {
	var err error
	if l.tls, l.reload, err = tlsSettings(l.config, l.log); err != nil {
		return err
	}
	if o.Guarded {
		if err := CheckExposure(l.config); err != nil {
			return err
		}
	}
	if l.socket, err = bind(l.config); err != nil {
		return err
	}
	handler := o.Handler
	if o.Guarded && l.config.Type == configutil.TCP {
		if err := checkBound(l.config, l.socket.Addr()); err != nil {
			return err
		}
		handler = Guard(handler, GuardConfig{Address: address(l.config)})
	}
	l.close = sync.OnceValue(l.socket.Close)
	l.server = l.newServer(handler)
	return nil
}

func (l *Listener) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		TLSConfig:         l.tls,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          l.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),

		// "OPTIONS *" goes through the guard like everything else.
		DisableGeneralOptionsHandler: true,
	}
}

func bind(config *configutil.Listener) (net.Listener, error) {
	switch config.Type {
	case configutil.TCP:
		return bindTCP(config)
	case configutil.Unix:
		return bindUnix(config)
	default:
		return nil, errors.New(`no such type: use "tcp" or "unix"`)
	}
}

// Serve serves until ctx ends, or fails. Then it takes no more connections, and
// requests under way have some seconds ([Options].Drain). After that their
// contexts end with [apierror.ErrDraining]; they have another second to answer that.
func (l *Listener) Serve(ctx context.Context) error {
	requests, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	l.server.BaseContext = func(net.Listener) context.Context { return requests }
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		l.finish(cancel)
	})
	err := l.server.Serve(l.accepting())
	if !stop() {
		<-closed
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return l.named(err)
}

func (l *Listener) accepting() net.Listener {
	once := &closeOnce{l.socket, l.close}
	if l.tls == nil {
		return once
	}
	return tls.NewListener(once, l.tls)
}

// finish waits for requests under way, and then cancels them.
func (l *Listener) finish(cancel context.CancelCauseFunc) {
	if l.shutdown(l.drain) == nil {
		return
	}
	cancel(apierror.ErrDraining)
	if l.shutdown(closeTimeout) != nil {
		_ = l.server.Close()
	}
}

func (l *Listener) shutdown(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return l.server.Shutdown(ctx)
}

// Close closes the socket, removes it if it is a file, and ends all
// connections. It may be called several times.
func (l *Listener) Close() error {
	err := l.close()
	return errors.Join(err, l.server.Close())
}

// Reload reads the TLS certificate and key again. When that fails the old ones
// stay. Without TLS there is nothing to do.
func (l *Listener) Reload() error {
	if l.reload == nil {
		return nil
	}
	if err := l.reload(); err != nil {
		return l.named(err)
	}
	return nil
}

// Addr is where the listener is bound: with its real port when port 0 was asked for.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// String is what a client connects to, such as http://127.0.0.1:8300 or
// unix:///run/mashproxy.sock.
func (l *Listener) String() string {
	switch {
	case l.config.Type == configutil.Unix:
		return "unix://" + l.Addr().String()
	case l.tls != nil:
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// closeOnce is closed by whoever is first: the server or Close.
type closeOnce struct {
	net.Listener
	close func() error
}

func (c *closeOnce) Close() error { return c.close() }
